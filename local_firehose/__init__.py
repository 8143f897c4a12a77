"""A local Amazon Data Firehose, as strict as the service, for tests, demos and benchmarks.

Direct PUT calls come in over HTTP or HTTPS on 127.0.0.1 (`server`, `listener`,
`connection`, `conversation`, `service`), are
checked (`sigv4`, `validation`, `throughput`), made to fail on demand (`fault`, `faults`), buffered
and written as objects (`delivery`, `keys`, `compression`) to a folder or an S3 endpoint
(`bucket`), and counted (`ledger`). Nothing here is needed inside of a Lambda function.
"""

from __future__ import annotations

from .bucket import Bucket, FolderBucket, S3Bucket
from .clock import Clock, ManualClock, SystemClock
from .errors import DeliveryError, ServiceError
from .fault import Call, Fault
from .faults import Faults
from .ledger import CallSummary, Ledger, billed_bytes
from .reading import BrokenLineError, StoredObject, read_lines, read_objects
from .server import LocalFirehose
from .stream import DeliveryStream
from .throughput import Throughput
from .view import StreamView

__all__ = [
    "BrokenLineError",
    "Bucket",
    "Call",
    "CallSummary",
    "Clock",
    "DeliveryError",
    "DeliveryStream",
    "Fault",
    "Faults",
    "FolderBucket",
    "Ledger",
    "LocalFirehose",
    "ManualClock",
    "S3Bucket",
    "ServiceError",
    "StoredObject",
    "StreamView",
    "SystemClock",
    "Throughput",
    "billed_bytes",
    "read_lines",
    "read_objects",
]
