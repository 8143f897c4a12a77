"""Any Python value as valid JSON text, whatever it does. Pure.

The fast path is the standard library's C encoder, for scalars and for containers that hold nothing
else. What it refuses or would show badly (NaN, cycles, deep nesting, odd keys, models, numbers of
other packages, objects whose ``repr`` raises) is put together by ``walk``.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from math import isfinite

from firehose_logging._bundle import have
from firehose_logging._line.foreign import is_its_own

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import Any

#: Deepest nesting that is kept; what is deeper is cut, and says so. Readers have limits too
#: (DuckDB and Trino stop between 100 and 1,000).
MAX_DEPTH = 64

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


def dumps(value: Any) -> str:
    """``value`` as JSON text; what JSON cannot hold becomes what its users want in SQL."""
    kind = type(value)
    if kind is str:
        return quote(value)
    if kind is int:
        try:
            return int.__repr__(value)
        except ValueError:
            return quote(hex(value))  # see the walk
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
    have("_line.walk")
    from firehose_logging._line.walk import Walk

    return Walk().text(value, MAX_DEPTH)


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


def to_bytes(text: str) -> bytes:
    """UTF-8; halves of surrogate pairs that stand alone become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The round trip through UTF-16 joins true pairs and leaves only the lone halves bad.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
