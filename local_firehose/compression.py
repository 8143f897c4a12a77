"""Compression of an object, and its way back."""

from __future__ import annotations

import gzip
import io
import zipfile

#: Extension that each format appends to the key (developer guide, s3-object-name.html).
EXTENSIONS = {"UNCOMPRESSED": "", "GZIP": ".gz", "ZIP": ".zip"}

#: Formats of the service that are not written here.
_UNSUPPORTED = ("Snappy", "HADOOP_SNAPPY")


def check(name: str) -> None:
    """Refuse a compression format that cannot be written.

    Raises:
        ValueError: the name is unknown to the service, or is one of the two Snappy formats.
    """
    if name in _UNSUPPORTED:
        raise ValueError(
            f"compression={name!r} is a format of the service that the local Firehose does not "
            "write, since the standard library has no Snappy; use GZIP, ZIP or UNCOMPRESSED here"
        )
    if name not in EXTENSIONS:
        raise ValueError(
            f"compression={name!r}: allowed are {', '.join(EXTENSIONS)} (exact spelling)"
        )


def compress(name: str, data: bytes, member: str) -> bytes:
    """Return the body of an object.

    Args:
        name: GZIP, ZIP or UNCOMPRESSED.
        data: the concatenated records.
        member: name of the one file in a ZIP.
    """
    if name == "GZIP":
        return gzip.compress(data)
    if name == "ZIP":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr(member, data)
        return buffer.getvalue()
    return data


def expand(key: str, body: bytes) -> bytes:
    """Undo the compression that the extension of `key` tells of, `.gz` or `.zip`.

    Raises:
        ValueError: the body is not what the extension says; names the key.
    """
    try:
        if key.endswith(".gz"):
            return gzip.decompress(body)
        if key.endswith(".zip"):
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                return b"".join(archive.read(name) for name in archive.namelist())
    except (OSError, EOFError, zipfile.BadZipFile) as error:
        raise ValueError(
            f"object {key!r} ({len(body)} bytes) is not what its extension says: {error}"
        ) from error
    return body
