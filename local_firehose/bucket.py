"""Where objects go: a folder laid out like a bucket, or a bucket behind an S3 endpoint."""

from __future__ import annotations

import uuid
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any, Protocol

from .client import new_client

if TYPE_CHECKING:
    from collections.abc import Iterator


class Bucket(Protocol):
    """What delivery needs of a bucket."""

    @property
    def name(self) -> str:
        """Return the name of the bucket."""

    def check_key(self, key: str) -> None:
        """Raise ValueError when an object of this key could not be held."""

    def put(self, key: str, body: bytes, content_encoding: str | None) -> None:
        """Write an object whole, or raise and leave nothing."""

    def get(self, key: str) -> bytes:
        """Return the body of an object."""

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, in order."""


class FolderBucket:
    """A folder: an object's key is its path.

    A folder holds no metadata, so `Content-Encoding` is not kept.

    Args:
        root: made when it is missing.
    """

    def __init__(self, root: Path) -> None:
        self.root = Path(root)

    @property
    def name(self) -> str:
        """Return the folder's own name."""
        return self.root.name

    def check_key(self, key: str) -> None:
        """Refuse keys that S3 could hold but that would leave or blur the folder.

        Raises:
            ValueError: a part between slashes is empty, `.` or `..`.
        """
        if any(part in ("", ".", "..") for part in key.split("/")):
            raise ValueError(
                f"key {key!r}: a folder cannot hold a key with an empty, '.' or '..' part between "
                "slashes; change the prefix, or deliver to an S3Bucket"
            )

    def put(self, key: str, body: bytes, content_encoding: str | None) -> None:
        """Write an object; it appears whole or not at all.

        Raises:
            OSError: the folder cannot be written.
            ValueError: the key cannot be a path.
        """
        self.check_key(key)
        path = self.root / PurePosixPath(key)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{uuid.uuid4().hex}.part")
        try:
            part.write_bytes(body)
            part.replace(path)
        finally:
            part.unlink(missing_ok=True)

    def get(self, key: str) -> bytes:
        """Return the body of an object.

        Raises:
            FileNotFoundError: there is none of this key.
        """
        return (self.root / PurePosixPath(key)).read_bytes()

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, in order; files half written are left out."""
        return sorted(key for key in self._keys() if key.startswith(prefix))

    def _keys(self) -> Iterator[str]:
        for path in self.root.rglob("*"):
            half_written = path.name.startswith(".") and path.suffix == ".part"
            if path.is_file() and not half_written:
                yield path.relative_to(self.root).as_posix()


class S3Bucket:
    """A bucket behind any S3 endpoint.

    Args:
        name: the bucket, which must exist.
        client: a boto3 S3 client; None makes one.
        endpoint_url: where the made client connects, None for botocore's own choice.
        options: further arguments of `boto3.client`, for example `region_name`.
    """

    def __init__(
        self,
        name: str,
        client: Any = None,
        *,
        endpoint_url: str | None = None,
        **options: Any,
    ) -> None:
        if client is None:
            client = new_client("s3", endpoint_url=endpoint_url, **options)
        self._name = name
        self._client = client

    @property
    def name(self) -> str:
        """Return the name of the bucket."""
        return self._name

    def check_key(self, key: str) -> None:
        """Accept every key: what S3 cannot hold, S3 itself refuses."""

    def put(self, key: str, body: bytes, content_encoding: str | None) -> None:
        """Write an object."""
        extra = {"ContentEncoding": content_encoding} if content_encoding else {}
        self._client.put_object(Bucket=self._name, Key=key, Body=body, **extra)

    def get(self, key: str) -> bytes:
        """Return the body of an object."""
        body: bytes = self._client.get_object(Bucket=self._name, Key=key)["Body"].read()
        return body

    def keys(self, prefix: str = "") -> list[str]:
        """Return the keys that begin with `prefix`, in order."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self._name, Prefix=prefix
        )
        return sorted(item["Key"] for page in pages for item in page.get("Contents", []))
