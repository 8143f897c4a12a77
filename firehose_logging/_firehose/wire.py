"""A call as it travels: the request of PutRecordBatch, and what its answer says. Pure."""

from __future__ import annotations

import json
from binascii import b2a_base64

from firehose_logging import _http
from firehose_logging._delivery.outcome import CallOutcome, outcome_of_entries
from firehose_logging._diagnostics import mask
from firehose_logging._firehose.sigv4 import Credentials, Signer, sha256

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

TARGET = "Firehose_20150804.PutRecordBatch"


#: A request of fewer bytes goes out in one write. Larger pieces are not copied together: memory
#: that is new to the process costs more than writing to it.
ONE_WRITE_BYTES = 65_536


class Body:
    """The body of a call, in the pieces in which it was made.

    Args:
        parts: one after the other.
    """

    __slots__ = ("digest", "parts", "size")

    def __init__(self, parts: list[bytes]) -> None:
        self.parts = parts
        self.size = sum(map(len, parts))
        digest = sha256()
        for part in parts:
            digest.update(part)
        #: SHA-256, in hexadecimal: of all that is hashed, what a new signature need not make anew.
        self.digest = digest.hexdigest()


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

    def body(self, data: Sequence[bytes | bytearray]) -> Body:
        """The body of a call with these records."""
        return Body(self._parts(data))

    def _parts(self, data: Sequence[bytes | bytearray]) -> list[bytes]:
        """The body in pieces: a large record is a piece of its own, small ones share theirs."""
        parts: list[bytes] = []
        small, size = [self._head], 0
        lead = b'{"Data":"'
        for record in data:
            text = b2a_base64(record, newline=False)
            small.append(lead)
            lead = b'"},{"Data":"'
            if len(text) >= ONE_WRITE_BYTES:
                parts += (b"".join(small), text)
                small, size = [], 0
                continue
            small.append(text)
            size += len(text)
            if size >= ONE_WRITE_BYTES:
                parts.append(b"".join(small))
                small, size = [], 0
        parts.append(b"".join((*small, b'"}]}' if data else b"]}")))
        return parts

    def signed(self, body: Body, credentials: Credentials, epoch: float) -> list[bytes]:
        """The whole request in pieces, signed for one moment: good for five minutes.

        Args:
            body: of the call.
            credentials: whom it is signed for.
            epoch: that moment, in seconds since 1970.
        """
        headers = self._signer.headers(credentials, self._host, TARGET, body.digest, epoch)
        headers["User-Agent"] = "firehose-logging"
        del headers["Host"]  # ``_http.head`` writes it
        head = _http.head("POST", "/", self._host, headers, body.size)
        if body.size < ONE_WRITE_BYTES:
            return [b"".join((head, *body.parts))]
        return [head, *body.parts]


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
