"""What JSON does not know, as its users want it in SQL: one step towards plain values.

Numbers become numbers, models and dataclasses objects, dates ISO 8601, enums their value. Types
are known by what they have, never by an import: a package that the function does not use must not
be loaded for its sake.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, ValuesView
from collections.abc import Set as AbstractSet

from firehose_logging._line.foreign import text_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

#: Longest collection of a foreign kind that is kept item by item; a longer one becomes its
#: ``str``, which such kinds shorten. A lazy one (``range``) may have any length.
MAX_ITEMS = 10_000

#: Readers take numbers up to 1.8e308.
_MAX_EXPONENT = 300


class Literal(str):
    """Text that is JSON as it stands."""

    __slots__ = ()


def plainer(value: Any) -> object:
    """``value`` as something nearer to JSON: a str, number, dict, list, or a ``Literal``.

    What a dict or list holds may need the same again. Raises what the value's own code raises.

    Args:
        value: anything but a str, int, float, bool, None, dict, list or tuple of exactly that type.
    """
    kind = type(value)
    if hasattr(kind, "__members__") and hasattr(value, "_value_"):  # an enum's
        return value._value_  # ``value`` may be a property of the user's
    if isinstance(value, (str, int, float)):
        return _builtin(value)
    if hasattr(kind, "dtype") and hasattr(kind, "tolist"):
        return _array(value)
    if isinstance(value, tuple):
        names = getattr(kind, "_fields", None)
        return list(value) if names is None else dict(zip(names, value, strict=False))
    if isinstance(value, (bytes, bytearray, memoryview)):
        return _binary(bytes(value))
    return _object(value, kind)


def _builtin(value: object) -> object:
    """Without a subclass's own ideas of how it is shown."""
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, float):
        return float.__float__(value)
    assert isinstance(value, int)
    return int.__int__(value)


def _object(value: Any, kind: type[Any]) -> object:
    """What has members, or an own way to be a number or a date."""
    if hasattr(kind, "as_tuple") and hasattr(kind, "to_integral_value"):
        return _decimal(value)
    if hasattr(kind, "total_seconds"):
        return value.total_seconds()
    if hasattr(kind, "isoformat"):
        return str(value.isoformat())
    if hasattr(kind, "__dataclass_fields__"):
        return _dataclass(value, kind)
    if hasattr(kind, "model_dump") or (hasattr(kind, "__fields__") and hasattr(kind, "dict")):
        return _model(value, kind)
    if hasattr(kind, "__attrs_attrs__"):
        return _attrs(value, kind)
    names = getattr(kind, "__struct_fields__", None)
    if names is not None:  # msgspec's
        return _members(value, kind, names)
    if hasattr(kind, "numerator") and hasattr(kind, "limit_denominator"):
        return float(value)
    return _collection(value)


def _collection(value: Any) -> object:
    if isinstance(value, (Mapping, AbstractSet, Sequence, ValuesView)) and len(value) <= MAX_ITEMS:
        if isinstance(value, Mapping):
            return dict(value.items())
        if isinstance(value, AbstractSet):
            return _sorted(list(value))
        return list(value)
    return text_of(value)


def _sorted(items: list[Any]) -> list[Any]:
    """In order, where the items have one: a set's own changes from one process to the next."""
    try:
        return sorted(items)
    except TypeError:
        return items


def _decimal(value: Any) -> object:
    if not value.is_finite():
        return None
    if abs(value.adjusted()) > _MAX_EXPONENT:
        return str(value)
    return Literal(value)  # its digits, all of them: 12.50 stays 12.50


def _array(value: Any) -> object:
    """Scalars and arrays of numpy, and whatever has their interface."""
    letter = getattr(value.dtype, "kind", "")
    if letter in ("M", "m") and value.shape == ():
        # Nanoseconds would come as whole numbers.
        item = value.astype(f"{letter}8[us]").item()
        return str(value) if item is None else item
    size = 1
    for length in value.shape:
        size *= length
    if size > MAX_ITEMS:
        return str(value)
    found = value.astype("datetime64[us]").tolist() if letter == "M" else value.tolist()
    return float(found) if type(found) is type(value) else found


def _binary(value: bytes) -> str:
    """Text where it is text, else base64."""
    try:
        text = value.decode()
    except UnicodeDecodeError:
        text = "\0"
    if text.isprintable() or all(c.isprintable() or c in "\t\r\n" for c in text):
        return text
    from binascii import b2a_base64

    return b2a_base64(value, newline=False).decode("ascii")


def _dataclass(value: Any, kind: type[Any]) -> object:
    if not kind.__dataclass_params__.repr and "__repr__" in kind.__dict__:
        return text_of(value)  # it says itself how it wants to be shown
    # repr=False is how people keep a secret out of their logs. Class variables have a field type
    # of their own.
    fields = kind.__dataclass_fields__.items()
    names = [n for n, f in fields if f.repr and getattr(f._field_type, "name", "") == "_FIELD"]  # noqa: SLF001
    return _members(value, kind, names)


def _members(value: Any, kind: type[Any], names: Iterable[str]) -> dict[str, object]:
    """Attributes as they are: what would be computed, or fetched from a database, is left out."""
    own = getattr(value, "__dict__", {})
    members = {}
    for name in names:
        if name in own:
            members[name] = own[name]
        elif type(getattr(kind, name, None)).__name__ == "member_descriptor":  # a slot
            members[name] = getattr(value, name)
    return members


def _attrs(value: Any, kind: type[Any]) -> object:
    fields = {field.name: field.repr for field in kind.__attrs_attrs__ if field.repr}
    members = _members(value, kind, fields)
    for name, shown in fields.items():
        if name in members and callable(shown):
            members[name] = shown(members[name])
    return members


def _model(value: Any, kind: type[Any]) -> object:
    """A model of pydantic, of either version, without what is not to be shown."""
    dumped = value.model_dump(warnings=False) if hasattr(kind, "model_dump") else value.dict()
    return _shown(value, dumped)


def _shown(value: Any, dumped: Any) -> Any:
    """``dumped`` without the fields of ``value``, and of models in it, that have ``repr=False``."""
    kind = type(value)
    if isinstance(dumped, dict):
        fields = getattr(kind, "model_fields", None)
        if fields is None and not isinstance(value, dict):
            fields = getattr(kind, "__fields__", {})
        for name in list(dumped):
            field = (fields or {}).get(name)
            if not getattr(getattr(field, "field_info", field), "repr", True):
                del dumped[name]
            elif isinstance(value, dict):
                dumped[name] = _shown(value.get(name), dumped[name])
            else:
                dumped[name] = _shown(value.__dict__.get(name), dumped[name])
    elif isinstance(dumped, list) and isinstance(value, list) and len(dumped) == len(value):
        return [_shown(*pair) for pair in zip(value, dumped, strict=True)]
    return dumped
