"""Record format conversion: JSON in, one Parquet file out. Needs pyarrow, only where asked for.

As the developer guide says it ("Convert input data format"): one record may hold several JSON
documents, with or without newlines between; an array is none. Keys are matched without their case
(``CaseInsensitive``), a key without a column is dropped, a column without a key is null. What is no
JSON object goes below the error prefix, as ``format-conversion-failed``.
"""

from __future__ import annotations

import importlib.util
import io
import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

#: Types of Glue's schema that are converted here, with Arrow's names for them.
TYPES = {
    "string": "string",
    "bigint": "int64",
    "double": "float64",
    "boolean": "bool_",
    "array<string>": "list",
}
#: MiB that a stream buffers at least when it converts (API reference, BufferingHints).
LEAST_MIB = 64
#: Where documents go that cannot be converted, for a stream without an error prefix.
DEFAULT_ERROR_PREFIX = "format-conversion-failed/"
_BIGINT = range(-(2**63), 2**63)


def check(columns: Sequence[tuple[str, str]], compression: str, buffer_mib: int) -> None:
    """Apply the service's rules for a stream that converts.

    Raises:
        ValueError: a type is not known here, the stream compresses or buffers too little, or
            pyarrow is not installed.
    """
    if importlib.util.find_spec("pyarrow") is None:
        raise ValueError("columns: Parquet is written by pyarrow, which is not installed")
    for name, kind in columns:
        if kind not in TYPES:
            raise ValueError(f"column {name}: type {kind!r}; known here are {', '.join(TYPES)}")
    if compression != "UNCOMPRESSED":
        raise ValueError(
            f"compression={compression!r}: with record format conversion UNCOMPRESSED is needed; "
            "Parquet is compressed inside"
        )
    if buffer_mib < LEAST_MIB:
        raise ValueError(
            f"buffer_mib={buffer_mib}: with record format conversion {LEAST_MIB} are needed"
        )


def convert(data: bytes, columns: Sequence[tuple[str, str]]) -> tuple[bytes, list[str]]:
    """A Parquet file of the documents in ``data``, and the texts that are none.

    The file is empty (no bytes) when there is no document at all.

    Raises:
        ImportError: pyarrow is not installed.
    """
    import pyarrow as pa
    from pyarrow import parquet

    rows: dict[str, list[Any]] = {name.lower(): [] for name, _ in columns}
    failed: list[str] = []
    kinds = {name.lower(): kind for name, kind in columns}
    count = 0
    for document in _documents(data.decode("utf-8", "replace"), failed):
        count += 1
        folded = {key.lower(): value for key, value in document.items()}
        for name, values in rows.items():
            values.append(_value(folded.get(name), kinds[name]))
    if not count:
        return b"", failed
    made = {name: pa.array(values, type=_arrow(pa, kinds[name])) for name, values in rows.items()}
    out = io.BytesIO()
    parquet.write_table(pa.table(made), out, compression="snappy")
    return out.getvalue(), failed


def _documents(text: str, failed: list[str]) -> Iterator[dict[str, Any]]:
    decoder = json.JSONDecoder()
    for line in text.split("\n"):
        rest = line.strip()
        while rest:
            try:
                value, end = decoder.raw_decode(rest)
            except (ValueError, RecursionError):
                value, end = None, 0
            if not isinstance(value, dict):
                failed.append(rest)
                break
            yield value
            rest = rest[end:].strip()


def _arrow(pa: Any, kind: str) -> Any:
    if kind == "array<string>":
        return pa.list_(pa.string())
    return getattr(pa, TYPES[kind])()


def _value(value: Any, kind: str) -> Any:
    """A value as its column has it; one that does not fit is null, but any value has a text."""
    if value is None:
        return None
    if kind == "string":
        return _text(value)
    if kind == "array<string>":
        return [_text(each) for each in value] if isinstance(value, list) else None
    if kind == "boolean":
        return value if isinstance(value, bool) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if kind == "double":
        return float(value) if isinstance(value, float) or value in _BIGINT else None
    return int(value) if math.isfinite(value) and int(value) in _BIGINT else None


def _text(value: Any) -> str:
    """A text, or JSON; a lone half of a surrogate pair, which JSON can name, is no character."""
    text = value if isinstance(value, str) else json.dumps(value)
    return text.encode("utf-8", "replace").decode()
