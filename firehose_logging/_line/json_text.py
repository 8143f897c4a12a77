"""Any Python value as valid JSON text, whatever it does. Pure.

The fast path is the standard library's C encoder, for scalars and for containers that hold nothing
else. What it refuses or would show badly (NaN, cycles, deep nesting, odd keys, models, numbers of
other packages, objects whose ``repr`` raises) is put together here.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from math import isfinite

from firehose_logging._line.foreign import is_its_own, stand_in, text_of
from firehose_logging._line.values import Literal, plainer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

#: Deepest nesting that is kept; what is deeper is cut, and says so. Readers have limits too
#: (DuckDB and Trino stop between 100 and 1,000).
MAX_DEPTH = 64

#: Most containers and objects of one value that are taken apart here; objects that know one
#: another can be walked in more ways than there is time for. No honest value of a legal size has
#: as many.
MAX_PARTS = 200_000

#: A string as a JSON string, non-ASCII kept: fewer billed bytes than escapes.
quote: Callable[[str], str] = encode_basestring

_SEPARATORS = (",", ":")  # no spaces: fewer billed bytes


def _make_encoder() -> Callable[[Any], str]:
    """The C encoder itself, made once; ``JSONEncoder.encode`` makes one a call."""
    made = getattr(json.encoder, "c_make_encoder", None)
    if made is None:  # an interpreter without it
        return json.JSONEncoder(ensure_ascii=False, allow_nan=False, separators=_SEPARATORS).encode
    comma, colon = _SEPARATORS
    # It need not look for cycles: what it is given has been found to be no deeper than MAX_DEPTH.
    encode = made(None, _refuse, encode_basestring, None, colon, comma, False, False, False)
    return lambda value: "".join(encode(value, 0))


def _refuse(value: object) -> object:
    raise TypeError(type(value))


_encode = _make_encoder()

#: Types that the encoder shows as they are wanted.
_SCALARS = frozenset({str, int, float, bool, type(None)})
_WORDS = {None: "null", True: "true", False: "false"}


def dumps(value: Any) -> str:
    """``value`` as JSON text; what JSON cannot hold becomes what its users want in SQL."""
    kind = type(value)
    if kind is str:
        return quote(value)
    if kind is int:
        try:
            return int.__repr__(value)
        except ValueError:
            return quote(hex(value))  # see _integer
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    if kind is float and isfinite(value):
        return float.__repr__(value)
    try:
        if _is_simple(value, kind, MAX_DEPTH):
            return _encode(value)
    except Exception as error:  # TypeError, ValueError, RecursionError, a dict that changes
        trace = error.__traceback__
        if trace is not None and trace.tb_next is not None and not is_its_own(error):
            raise
    return _Walk().text(value, MAX_DEPTH)


def _is_simple(value: Any, kind: type[Any], depth: int) -> bool:
    """Whether the encoder can have a value: dicts, lists, tuples, scalars, and no subclasses."""
    if kind is dict:
        items: Iterable[Any] = value.values()
    elif kind is list or kind is tuple:
        items = value
    else:
        return False
    if depth and _only_scalars(map(type, items)):
        return True
    for item in items:
        kind = type(item)
        if kind in _SCALARS:
            continue
        if kind is dict and depth > 1 and _only_scalars(map(type, item.values())):
            continue  # a row of many
        if not (depth and _is_simple(item, kind, depth - 1)):
            return False
    return depth > 0


_only_scalars = _SCALARS.issuperset


class _Walk:
    """One value on its way to text."""

    def __init__(self) -> None:
        self._above: set[int] = set()
        self._left = MAX_PARTS

    def text(self, value: Any, depth: int) -> str:
        """``value`` as JSON text, ``depth`` more levels deep at most."""
        kind = type(value)
        if kind is str:
            return quote(value)
        if value is None or kind is bool:
            return _WORDS[value]
        if kind is int:
            return _integer(value)
        if kind is float:
            return float.__repr__(value) if isfinite(value) else "null"  # SQL's word for it
        if kind is Literal:
            return str.__str__(value)
        if id(value) in self._above:
            return quote("<circular reference>")
        if depth == 0:
            is_container = isinstance(value, (dict, list, tuple))
            return quote("<nested too deep>" if is_container else text_of(value))
        self._left -= 1
        if self._left < 0:
            return quote("<too many values>")
        self._above.add(id(value))
        try:
            return self._parts(value, kind, depth)
        except BaseException as error:
            if is_its_own(error):
                return quote(stand_in(value) if kind in _CONTAINERS else text_of(value))
            raise
        finally:
            self._above.discard(id(value))

    def _parts(self, value: Any, kind: type[Any], depth: int) -> str:
        if kind is dict:
            items = [
                f"{quote(_key(key))}:{self.text(item, depth - 1)}"
                for key, item in list(value.items())
            ]
            return f"{{{','.join(items)}}}"
        if kind is list or kind is tuple:
            return f"[{','.join([self.text(item, depth - 1) for item in list(value)])}]"
        plain = _plain(value)
        # A dict made of a model is no level of its own; objects that are made of objects are.
        return self.text(plain, depth if type(plain) in _CONTAINERS else depth - 1)


_CONTAINERS = frozenset({dict, list, tuple})


def _plain(value: Any) -> object:
    if isinstance(value, dict):
        return dict(value.items())
    if isinstance(value, list):
        return list(value)
    return plainer(value)


def _integer(value: int) -> str:
    try:
        return int.__repr__(value)  # more than 4,300 digits raise (sys.set_int_max_str_digits)
    except ValueError:
        return quote(hex(value))


def _key(key: object) -> str:
    if type(key) is str:
        return key
    if key is None or key is True or key is False:
        return _WORDS[key]
    if type(key) is not tuple:
        try:
            plain = plainer(key)
            if isinstance(plain, (str, int, float)):
                return str(plain)
        except Exception as error:  # the key's own code
            if not is_its_own(error):
                raise
    return text_of(key)


def to_bytes(text: str) -> bytes:
    """UTF-8; halves of surrogate pairs that stand alone become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The round trip through UTF-16 joins true pairs and leaves only the lone halves bad.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
