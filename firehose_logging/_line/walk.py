"""A value that the C encoder cannot have, put together as JSON text. Pure."""

from __future__ import annotations

from json.encoder import encode_basestring as quote
from math import isfinite

from firehose_logging._line.foreign import is_its_own, stand_in, text_of
from firehose_logging._line.values import Literal, plainer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Most containers and objects of one value that are taken apart here; objects that know one
#: another can be walked in more ways than there is time for. No honest value of a legal size has
#: as many.
MAX_PARTS = 200_000

_WORDS = {None: "null", True: "true", False: "false"}


class Walk:
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
