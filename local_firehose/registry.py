"""The delivery streams of one account and region, and the control calls on them."""

from __future__ import annotations

import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .delivery import Delivery
from .errors import ServiceError
from .stream import DeliveryStream
from .throughput import Meter, Throughput
from .validation import stream_name

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime
    from pathlib import Path

    from .clock import Clock
    from .ledger import Ledger

#: Streams in one region (service model, CreateDeliveryStream).
MAX_STREAMS = 5_000
#: Names in one answer of ListDeliveryStreams when the call sets no limit (API reference).
DEFAULT_LIST_LIMIT = 10


@dataclass(frozen=True)
class Running:
    """A stream in service."""

    settings: DeliveryStream
    delivery: Delivery
    meter: Meter
    created: datetime


class Streams:
    """Looks up, adds and removes streams; thread safe.

    Args:
        region: of the ARNs, and for the default quota.
        account: twelve digits of the ARNs.
        clock: handed to every stream.
        ledger: told of deliveries.
        bucket_root: folder under which streams made by CreateDeliveryStream find their bucket by
            its name; None refuses CreateDeliveryStream.
        on_change: called when a stream was added.
    """

    def __init__(
        self,
        region: str,
        account: str,
        clock: Clock,
        ledger: Ledger,
        bucket_root: Path | None,
        on_change: Callable[[], None],
    ) -> None:
        self._region = region
        self._account = account
        self._clock = clock
        self._ledger = ledger
        self._bucket_root = bucket_root
        self._on_change = on_change
        self._lock = threading.Lock()
        self._running: dict[str, Running] = {}

    def add(self, settings: DeliveryStream) -> None:
        """Put a stream into service.

        Raises:
            ServiceError: ResourceInUseException, there is one of this name; LimitExceededException.
        """
        quota = settings.throughput
        if quota == "region":
            quota = Throughput.for_region(self._region)
        running = Running(
            settings,
            Delivery(settings, self._clock, self._ledger),
            Meter(quota, self._clock),
            self._clock.now(),
        )
        with self._lock:
            if settings.name in self._running:
                raise ServiceError(
                    "ResourceInUseException",
                    f"Firehose {settings.name} under accountId {self._account} already exists",
                )
            if len(self._running) >= MAX_STREAMS:
                raise ServiceError(
                    "LimitExceededException",
                    f"You have already consumed your firehose quota of {MAX_STREAMS} hoses",
                )
            self._running[settings.name] = running
        self._on_change()

    def get(self, name: str, region: str | None = None) -> Running:
        """Return a stream.

        Args:
            name: its name.
            region: the region a call was signed for; another region has no streams here. None for
                this one.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        with self._lock:
            running = self._running.get(name)
        if running is None or (region is not None and region != self._region):
            raise ServiceError(
                "ResourceNotFoundException",
                f"Firehose {name} under account {self._account} not found.",
            )
        return running

    def deliveries(self) -> list[Delivery]:
        """Return the deliveries of all streams."""
        with self._lock:
            return [running.delivery for running in self._running.values()]

    def names(self) -> list[str]:
        """Return the names of all streams, in order."""
        with self._lock:
            return sorted(self._running)

    # Control calls: members in, members out.

    def list_streams(self, members: dict[str, Any], region: str) -> dict[str, object]:
        """Answer ListDeliveryStreams."""
        limit = members.get("Limit", DEFAULT_LIST_LIMIT)
        after = members.get("ExclusiveStartDeliveryStreamName", "")
        names = self.names() if region == self._region else []
        names = [name for name in names if name > after]
        return {
            "DeliveryStreamNames": names[:limit],
            "HasMoreDeliveryStreams": len(names) > limit,
        }

    def create(self, members: dict[str, Any], region: str) -> dict[str, object]:
        """Answer CreateDeliveryStream for a Direct PUT stream to S3; it is ACTIVE at once."""
        name = stream_name(members)
        if region != self._region:
            raise _invalid(f"this local Firehose serves {self._region} only, not {region}")
        if members.get("DeliveryStreamType", "DirectPut") != "DirectPut":
            raise _invalid("DeliveryStreamType: the local Firehose has DirectPut only")
        s3 = members.get("ExtendedS3DestinationConfiguration") or members.get(
            "S3DestinationConfiguration"
        )
        if not isinstance(s3, dict):
            raise _invalid("ExtendedS3DestinationConfiguration is the only destination here")
        if self._bucket_root is None:
            raise _invalid("pass bucket_root= to LocalFirehose, so that created streams have one")
        try:
            self.add(_settings(name, s3, self._bucket_root))
        except ValueError as error:
            raise _invalid(str(error)) from error
        return {"DeliveryStreamARN": self._arn(name)}

    def delete(self, members: dict[str, Any], region: str) -> dict[str, object]:
        """Answer DeleteDeliveryStream; what is buffered is written first."""
        running = self.get(stream_name(members), region)
        running.delivery.flush()
        with self._lock:
            self._running.pop(running.settings.name, None)
        return {}

    def describe(self, members: dict[str, Any], region: str) -> dict[str, object]:
        """Answer DescribeDeliveryStream."""
        running = self.get(stream_name(members), region)
        settings = running.settings
        destination = {
            "RoleARN": f"arn:aws:iam::{self._account}:role/firehose",
            "BucketARN": f"arn:aws:s3:::{running.delivery.bucket.name}",
            "Prefix": settings.prefix,
            "ErrorOutputPrefix": settings.error_prefix or "",
            "BufferingHints": {
                "SizeInMBs": settings.buffer_mib,
                "IntervalInSeconds": settings.buffer_seconds,
            },
            "CompressionFormat": settings.compression,
            "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
        }
        extended = {
            **destination,
            "FileExtension": settings.file_extension,
            "CustomTimeZone": settings.time_zone,
            "S3BackupMode": "Disabled",
        }
        return {
            "DeliveryStreamDescription": {
                "DeliveryStreamName": settings.name,
                "DeliveryStreamARN": self._arn(settings.name),
                "DeliveryStreamStatus": "ACTIVE" if settings.active else "CREATING",
                "DeliveryStreamType": "DirectPut",
                "VersionId": settings.version,
                "CreateTimestamp": running.created.timestamp(),
                "Destinations": [
                    {
                        "DestinationId": "destinationId-000000000001",
                        "S3DestinationDescription": destination,
                        "ExtendedS3DestinationDescription": extended,
                    }
                ],
                "HasMoreDestinations": False,
            }
        }

    def _arn(self, name: str) -> str:
        return f"arn:aws:firehose:{self._region}:{self._account}:deliverystream/{name}"


def _settings(name: str, s3: dict[str, Any], root: Path) -> DeliveryStream:
    hints = s3.get("BufferingHints") or {}
    bucket = str(s3.get("BucketARN", "")).rpartition(":::")[2]
    if not bucket or "/" in bucket or bucket in (".", ".."):
        raise ValueError(f"BucketARN {s3.get('BucketARN')!r} names no bucket")
    processing = s3.get("ProcessingConfiguration") or {}
    delimiter = None
    for processor in processing.get("Processors", []) if processing.get("Enabled") else []:
        if processor.get("Type") != "AppendDelimiterToRecord":
            raise ValueError(f"Processor {processor.get('Type')!r} is not known here")
        given = {
            item["ParameterName"]: item["ParameterValue"]
            for item in processor.get("Parameters", [])
        }
        delimiter = given.get("Delimiter", "\\n").replace("\\n", "\n")
    return DeliveryStream(
        name,
        root / bucket,
        prefix=s3.get("Prefix") or "",
        error_prefix=s3.get("ErrorOutputPrefix") or None,
        compression=s3.get("CompressionFormat") or "UNCOMPRESSED",
        buffer_seconds=hints.get("IntervalInSeconds", 300),
        buffer_mib=hints.get("SizeInMBs", 5),
        append_delimiter=delimiter,
        file_extension=s3.get("FileExtension") or "",
        time_zone=s3.get("CustomTimeZone") or "UTC",
    )


def _invalid(message: str) -> ServiceError:
    return ServiceError("InvalidArgumentException", message)
