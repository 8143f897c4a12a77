"""Any Python value as valid JSON text, whatever it does. Pure.

The fast path is the standard library's C encoder. What it refuses (NaN, cycles, deep nesting,
odd keys, objects whose ``repr`` raises) is rebuilt from plain values first.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring
from math import isfinite

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Deepest nesting that is kept; what is deeper is cut, and says so. Readers have limits too
#: (DuckDB and Trino stop between 100 and 1,000).
MAX_DEPTH = 64

#: A string as a JSON string, non-ASCII kept: fewer billed bytes than escapes.
quote: Callable[[str], str] = encode_basestring


def text_of(value: object) -> str:
    """``str(value)``, or a stand-in when that raises."""
    try:
        return str(value)
    except Exception:  # noqa: BLE001 - user code, anything may come
        return f"<unprintable {type(value).__name__} object>"


_encode = json.JSONEncoder(ensure_ascii=False, allow_nan=False, default=text_of).encode


def dumps(value: object) -> str:
    """``value`` as JSON text; what JSON cannot hold becomes its ``str``."""
    kind = type(value)
    if kind is str:
        return quote(value)  # type: ignore[arg-type]
    if kind is int:
        try:
            return int.__repr__(value)
        except ValueError:
            return quote(hex(value))  # type: ignore[arg-type]  # see _plain_int
    if value is None:
        return "null"
    if value is True:
        return "true"
    if value is False:
        return "false"
    try:
        text = _encode(value)
        # The encoder's own limit differs from one interpreter to the next, and is far above ours.
        if text.count("[") + text.count("{") <= MAX_DEPTH or not _deeper(value, MAX_DEPTH):
            return text
    except Exception:  # noqa: BLE001 - TypeError, ValueError, RecursionError, user code's own
        pass
    return _encode(_plain(value, MAX_DEPTH, set()))


def _deeper(value: object, depth: int) -> bool:
    """Whether containers are nested deeper than ``depth``."""
    if isinstance(value, dict):
        return depth == 0 or any(_deeper(item, depth - 1) for item in value.values())
    if isinstance(value, (list, tuple)):
        return depth == 0 or any(_deeper(item, depth - 1) for item in value)
    return False


def _plain(value: object, depth: int, above: set[int]) -> object:
    """``value`` rebuilt from dict, list, str, int, float, bool and None only."""
    if value is None or isinstance(value, (bool, str)):
        return str.__str__(value) if isinstance(value, str) else value
    if isinstance(value, int):
        return _plain_int(value)
    if isinstance(value, float):
        return float(value) if isfinite(value) else text_of(value)
    if not isinstance(value, (dict, list, tuple)):
        return text_of(value)
    if id(value) in above:
        return "<circular reference>"
    if depth == 0:
        return "<nested too deep>"
    above.add(id(value))
    try:
        if isinstance(value, dict):
            return {
                _plain_key(key): _plain(item, depth - 1, above) for key, item in list(value.items())
            }
        return [_plain(item, depth - 1, above) for item in list(value)]
    except Exception:  # noqa: BLE001 - a subclass of dict or list with its own ideas
        return text_of(value)
    finally:
        above.discard(id(value))


def _plain_int(value: int) -> object:
    try:
        int.__repr__(value)  # more than 4,300 digits raise (sys.set_int_max_str_digits)
    except ValueError:
        return hex(value)
    return int(value)


def _plain_key(key: object) -> str:
    if isinstance(key, str):
        return str.__str__(key)
    if isinstance(key, bool) or key is None:
        return {True: "true", False: "false", None: "null"}[key]
    return text_of(key)


def to_bytes(text: str) -> bytes:
    """UTF-8; halves of surrogate pairs that stand alone become U+FFFD."""
    try:
        return text.encode()
    except UnicodeEncodeError:
        # The round trip through UTF-16 joins true pairs and leaves only the lone halves bad.
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace").encode()
