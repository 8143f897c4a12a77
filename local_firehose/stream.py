"""The settings of a delivery stream, checked as CreateDeliveryStream would."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timezone, tzinfo
from pathlib import Path
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from . import compression, keys, parquet
from .bucket import Bucket, FolderBucket
from .validation import name_problem

if TYPE_CHECKING:
    from .throughput import Throughput

_FILE_EXTENSION = r"\.[0-9a-z!\-_.*'()]{1,127}"


@dataclass(frozen=True)
class DeliveryStream:
    r"""A Direct PUT stream with an S3 destination.

    Ranges and patterns are those of the service model `firehose/2015-08-04`.

    Args:
        name: 1 to 64 of letters, digits, `_`, `.`, `-`.
        bucket: a folder (`Path`), or any `Bucket`.
        prefix: of object keys; may hold `!{timestamp:...}` and `!{firehose:random-string}`. Without
            a timestamp expression `YYYY/MM/dd/HH/` is appended, with nothing between.
        error_prefix: required when `prefix` holds expressions; gets what cannot be converted to
            Parquet (None: `format-conversion-failed/`), never plain delivery failures.
        compression: UNCOMPRESSED, GZIP or ZIP.
        buffer_seconds: 0 to 900, default 300; an object is written so long after its first record.
        buffer_mib: 1 to 128, default 5; an object is written when it holds so many MiB before
            compression. The first of the two wins.
        throughput: quota; `"region"` for AWS's default of the server's region, None for no quota.
        append_delimiter: put after every record (processor AppendDelimiterToRecord), usually "\n";
            None for nothing, as is the service's default.
        file_extension: replaces the extension of the compression; empty to keep that.
        time_zone: of prefix and suffix (CustomTimeZone), for example `Asia/Tokyo`.
        columns: names and Glue's types of a table, for record format conversion to Parquet (needs
            pyarrow); None converts nothing.
        version: in the suffix of keys; the service counts changes of settings in it.
        active: False refuses puts, as before a stream is ACTIVE.

    Raises:
        ValueError: a value is outside its range; the text says which and what is allowed.
    """

    name: str
    bucket: Path | Bucket
    prefix: str = ""
    error_prefix: str | None = None
    compression: str = "UNCOMPRESSED"
    buffer_seconds: int = 300
    buffer_mib: int = 5
    throughput: Throughput | Literal["region"] | None = "region"
    append_delimiter: str | None = None
    file_extension: str = ""
    time_zone: str = "UTC"
    columns: tuple[tuple[str, str], ...] | None = None
    version: str = "1"
    active: bool = True

    def __post_init__(self) -> None:
        problem = name_problem(self.name)
        if problem:
            raise ValueError(f"DeliveryStream(name={self.name!r}): {problem}")
        self._check_range("buffer_seconds", 0, 900)
        self._check_range("buffer_mib", 1, 128)
        compression.check(self.compression)
        if self.columns is not None:
            parquet.check(self.columns, self.compression, self.buffer_mib)
        keys.check(self.prefix, self.error_prefix)
        if self.file_extension and not re.fullmatch(_FILE_EXTENSION, self.file_extension):
            raise ValueError(
                f"DeliveryStream(file_extension={self.file_extension!r}): a dot and then "
                "lower-case letters, digits or any of !-_.*'() are needed, at most 128 characters"
            )
        example = keys.evaluate(self.prefix, keys.EXAMPLE_MOMENT) + self.name
        self.open_bucket().check_key(example)
        self.zone()

    def _check_range(self, field: str, low: int, high: int) -> None:
        value = getattr(self, field)
        if isinstance(value, bool) or not isinstance(value, int) or not low <= value <= high:
            raise ValueError(
                f"DeliveryStream({field}={value!r}): a whole number from {low} to {high} is needed"
            )

    def zone(self) -> tzinfo:
        """Return the time zone of keys.

        Raises:
            ValueError: the machine knows no such zone.
        """
        if self.time_zone == "UTC":
            return timezone.utc
        try:
            return ZoneInfo(self.time_zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise ValueError(
                f"DeliveryStream(time_zone={self.time_zone!r}): no such zone on this machine "
                f"({error}); names are like 'Asia/Tokyo', and systems without a zone data base "
                "need the package 'tzdata'"
            ) from None

    def extension(self) -> str:
        """Return the extension of keys, with its dot, or empty."""
        own = compression.EXTENSIONS[self.compression] if self.columns is None else ".parquet"
        return self.file_extension or own

    def open_bucket(self) -> Bucket:
        """Return the bucket, a folder wrapped as one."""
        return FolderBucket(self.bucket) if isinstance(self.bucket, Path) else self.bucket
