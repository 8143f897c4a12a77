"""A call as it travels: the request of PutRecordBatch, and what its answer says. Pure."""

from __future__ import annotations

import json
from binascii import b2a_base64

from firehose_logging import _http
from firehose_logging._delivery.outcome import CallOutcome, outcome_of_entries
from firehose_logging._diagnostics import mask
from firehose_logging._firehose.sigv4 import Credentials, Signer

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = "Firehose_20150804.PutRecordBatch"


class Requests:
    """Builds the requests of one stream.

    Args:
        stream_name: delivery stream.
        host: value of the Host header.
        region: for the signature.
    """

    def __init__(self, stream_name: str, host: str, region: str) -> None:
        self._head = b'{"DeliveryStreamName":' + json.dumps(stream_name).encode() + b',"Records":['
        self._host = host
        self._signer = Signer(region)

    def body(self, data: Sequence[bytes | bytearray]) -> bytes:
        """The body of a call with these records."""
        entries = [b'{"Data":"' + b2a_base64(record, newline=False) + b'"}' for record in data]
        return self._head + b",".join(entries) + b"]}"

    def signed(self, body: bytes, credentials: Credentials, epoch: float) -> bytes:
        """The whole request, signed for one moment: the service takes it for five minutes."""
        headers = self._signer.headers(credentials, self._host, TARGET, body, epoch)
        headers["User-Agent"] = "firehose-logging"
        del headers["Host"]  # _http writes it
        return _http.request("POST", "/", self._host, headers, body)


def compress(record: bytes | bytearray) -> bytes:
    """One gzip member; the level at which speed and size balance for log lines."""
    import zlib

    member = zlib.compressobj(6, zlib.DEFLATED, 31)
    return member.compress(record) + member.flush()


def read_answer(answer: _http.Message, sizes: list[int] | None = None) -> CallOutcome:
    """What an HTTP answer says about the call. Pure."""
    status = answer.status
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    if not isinstance(body, dict):
        error = "BadResponse" if status == 200 else f"HTTP{status}"
        return CallOutcome(
            error=error,
            message="the answer is no JSON object",
            status=status,
            maybe_stored=status == 200 or status >= 500,
        )
    if status != 200:
        code = answer.headers.get("x-amzn-errortype") or body.get("__type") or f"HTTP{status}"
        code = str(code).partition(":")[0].rpartition("#")[2]
        message = body.get("message") or body.get("Message") or ""
        return CallOutcome(
            error=code, message=mask(str(message)), status=status, maybe_stored=status >= 500
        )
    return outcome_of_entries(body.get("RequestResponses"), body.get("FailedPutCount"), sizes)
