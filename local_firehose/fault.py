"""One fault: what goes wrong, when, and how often."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from .errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence


class Moment(enum.Enum):
    """When a fault acts."""

    CONNECTION = "before a byte of the request is read"
    HEAD = "after the head, before the body"
    ANSWER = "instead of, or in, the answer to a correct call"
    WIRE = "while the answer is sent"


@dataclass(frozen=True)
class Call:
    """What a fault's predicate may look at.

    Args:
        operation: for example `PutRecordBatch`; empty before the head was read.
        stream: name in the call, None before the body was read.
        records: raw bytes of each record; empty before the body was read.
        attempt: the SDK's count of attempts of this call, from 1.
        number: calls seen by the server so far, from 1.
        connection: number of the connection, from 1.
    """

    operation: str = ""
    stream: str | None = None
    records: tuple[bytes, ...] = ()
    attempt: int = 1
    number: int = 0
    connection: int = 0

    def holding(self, stream: str, records: tuple[bytes, ...]) -> Call:
        """Return this call with what its body told."""
        return replace(self, stream=stream, records=records)


@dataclass(frozen=True)
class Fault:
    """One fault; made by the class methods, tuned by `when`.

    Args:
        name: its name, as on the command line and in the ledger.
        moment: when it acts.
        times: calls it acts on before it is spent; None for as long as it is set.
        stored: the call is processed and its records stored before the fault takes the answer;
            the producer cannot tell.
        error: answer with this error instead.
        status: HTTP status of a plain answer.
        body: body of a plain answer.
        rate: share of the records that fail, 0 to 1.
        mask: which records fail, by index; shorter than the call means the rest is stored.
        extra_responses: entries added to (or, negative, cut from) RequestResponses.
        extra_failed: added to FailedPutCount.
        seconds: latency of the round trip, or pause between two bytes.
        probability: chance that a matching call is hit, 0 to 1.
        flap: (on, off): hits `on` matching calls, spares `off`, and again.
        predicate: asked for each call; None matches all.
        seed: of the random numbers of `rate` and `probability`.
    """

    name: str
    moment: Moment
    times: int | None = None
    stored: bool = False
    error: ServiceError | None = None
    status: int = 200
    body: bytes = b""
    rate: float = 0.0
    mask: tuple[bool, ...] | None = None
    extra_responses: int = 0
    extra_failed: int = 0
    seconds: float = 0.0
    probability: float = 1.0
    flap: tuple[int, int] | None = None
    predicate: Callable[[Call], bool] | None = field(default=None, repr=False)
    seed: int = 0

    def __post_init__(self) -> None:
        for name in ("rate", "probability"):
            value = getattr(self, name)
            if not 0 <= value <= 1:
                raise ValueError(f"{self.name}: {name}={value!r}; a share from 0 to 1 is needed")
        if self.times is not None and self.times < 1:
            raise ValueError(f"{self.name}: times={self.times!r}; 1 or more, or None for always")
        if self.seconds < 0:
            raise ValueError(f"{self.name}: {self.seconds!r} seconds; 0 or more are needed")
        if self.flap is not None and (min(self.flap) < 0 or self.flap[0] + self.flap[1] < 1):
            raise ValueError(f"{self.name}: flap={self.flap!r}; (on, off) calls are needed")

    def when(
        self,
        *,
        predicate: Callable[[Call], bool] | None = None,
        probability: float = 1.0,
        flap: tuple[int, int] | None = None,
        seed: int = 0,
    ) -> Fault:
        """Return this fault limited to some calls; see the fields of the same names.

        Raises:
            ValueError: a number is out of its range.
        """
        return replace(self, predicate=predicate, probability=probability, flap=flap, seed=seed)

    # Errors of the whole call.

    @classmethod
    def error_answer(
        cls,
        code: str,
        message: str,
        status: int = 400,
        *,
        times: int | None = None,
        stored: bool = False,
        name: str | None = None,
        fields: dict[str, str] | None = None,
    ) -> Fault:
        """Answer with any error of the service.

        Args:
            code: its type, such as `ServiceUnavailableException`.
            message: its text.
            status: HTTP status.
            times: how many calls it hits; None for every one.
            stored: whether the call's records are stored all the same.
            name: what the fault is called; None for the code.
            fields: more members of the answer; None for no more.
        """
        error = ServiceError(code, message, status, fields)
        return cls(name or code, Moment.ANSWER, times, stored, error=error)

    @classmethod
    def throttling(cls, times: int | None = None) -> Fault:
        """Refuse the call with ThrottlingException, HTTP 400."""
        return cls.error_answer("ThrottlingException", "Rate exceeded", times=times)

    @classmethod
    def unavailable(cls, times: int | None = None, *, stored: bool = False) -> Fault:
        """Refuse the call with ServiceUnavailableException, HTTP 503, as a full stream does."""
        return cls.error_answer(
            "ServiceUnavailableException", "Slow down.", 503, times=times, stored=stored
        )

    @classmethod
    def internal_failure(cls, times: int | None = None, *, stored: bool = False) -> Fault:
        """Answer InternalFailure, HTTP 500; the records may be stored nevertheless."""
        return cls.error_answer(
            "InternalFailure", "Internal service failure.", 500, times=times, stored=stored
        )

    @classmethod
    def expired_token(cls, times: int | None = None) -> Fault:
        """Answer ExpiredTokenException, HTTP 400."""
        text = "The security token included in the request is expired"
        return cls.error_answer("ExpiredTokenException", text, times=times)

    @classmethod
    def access_denied(cls, times: int | None = None) -> Fault:
        """Answer AccessDeniedException, HTTP 400."""
        text = (
            "User: arn:aws:sts::123456789012:assumed-role/function/function is not authorized to "
            "perform: firehose:PutRecordBatch because no identity-based policy allows the "
            "firehose:PutRecordBatch action"
        )
        return cls.error_answer("AccessDeniedException", text, times=times)

    @classmethod
    def not_found(cls, times: int | None = None) -> Fault:
        """Answer ResourceNotFoundException, HTTP 400, though the stream exists."""
        text = "Firehose stream under account 123456789012 not found."
        return cls.error_answer("ResourceNotFoundException", text, times=times)

    @classmethod
    def invalid_argument(cls, times: int | None = None) -> Fault:
        """Answer InvalidArgumentException, HTTP 400."""
        text = "The specified input parameter has a value that is not valid."
        return cls.error_answer("InvalidArgumentException", text, times=times)

    @classmethod
    def invalid_source(cls, times: int | None = None) -> Fault:
        """Answer InvalidSourceException: only CloudWatch Logs may put to this stream."""
        text = "Only requests from CloudWatch Logs are supported when CloudWatch log decompression "
        return cls.error_answer("InvalidSourceException", text + "is enabled.", times=times)

    @classmethod
    def invalid_kms_resource(cls, times: int | None = None) -> Fault:
        """Answer InvalidKMSResourceException; its member `code` holds the error of KMS."""
        return cls.error_answer(
            "InvalidKMSResourceException",
            "The key of the delivery stream cannot be used.",
            times=times,
            fields={"code": "KMSDisabledException"},
        )

    # Failures of single records.

    @classmethod
    def partial(
        cls,
        rate: float | None = None,
        times: int | None = None,
        *,
        mask: Sequence[bool] | None = None,
        code: str = "ServiceUnavailableException",
        stored: bool = False,
        seed: int = 0,
    ) -> Fault:
        """Answer HTTP 200 with failed records.

        Args:
            rate: share of the records that fail, each by chance.
            times: calls to hit, None for all.
            mask: instead of `rate`: True for each record that fails.
            code: `ServiceUnavailableException` ("Slow down.") or `InternalFailure`.
            stored: failed records are stored nevertheless, so a resend duplicates them.
            seed: of the chance.

        Raises:
            ValueError: not exactly one of `rate` and `mask`, or a rate outside 0 to 1.
        """
        if (rate is None) == (mask is None):
            raise ValueError("Fault.partial: give either rate (0 to 1) or mask (a bool per record)")
        message = "Slow down." if code == "ServiceUnavailableException" else "Internal failure."
        return cls(
            "partial",
            Moment.ANSWER,
            times,
            stored,
            error=ServiceError(code, message, 503 if "Unavailable" in code else 500),
            rate=rate or 0.0,
            mask=None if mask is None else tuple(bool(item) for item in mask),
            seed=seed,
        )

    # Answers that are no answers.

    @classmethod
    def http(
        cls,
        status: int,
        body: bytes = b"<html><body><h1>error</h1></body></html>",
        times: int | None = None,
        *,
        stored: bool = False,
    ) -> Fault:
        """Answer a bare HTTP status with a body that is no awsJson, as a proxy between would."""
        return cls(f"http-{status}", Moment.ANSWER, times, stored, status=status, body=body)

    @classmethod
    def too_large(cls, times: int | None = None) -> Fault:
        """Answer HTTP 413 without a readable body."""
        return cls.http(413, b"<html>Request Entity Too Large</html>", times)

    @classmethod
    def not_json(cls, times: int | None = None, *, stored: bool = True) -> Fault:
        """Answer HTTP 200 with a body that is no JSON."""
        return replace(cls.http(200, b"It works!", times, stored=stored), name="not-json")

    @classmethod
    def wrong_counts(cls, responses: int = 0, failed: int = 0, times: int | None = None) -> Fault:
        """Answer HTTP 200 with entries too many or too few, or a FailedPutCount off by `failed`."""
        return cls(
            "wrong-counts",
            Moment.ANSWER,
            times,
            stored=True,
            extra_responses=responses,
            extra_failed=failed,
        )

    # The connection.

    @classmethod
    def reset_before_body(cls, times: int | None = None) -> Fault:
        """Reset the connection once the head was read; the body never is."""
        return cls("reset-before-body", Moment.HEAD, times)

    @classmethod
    def reset_after_body(cls, times: int | None = None, *, stored: bool = False) -> Fault:
        """Reset the connection once the whole call was read, and, if `stored`, processed."""
        return cls("reset-after-body", Moment.ANSWER, times, stored)

    @classmethod
    def hang(cls, times: int | None = None, *, stored: bool = False) -> Fault:
        """Read the call and never answer; held until the client leaves or the server closes."""
        return cls("hang", Moment.ANSWER, times, stored)

    @classmethod
    def black_hole(cls, times: int | None = None) -> Fault:
        """Accept connections and read nothing from them, until the server closes."""
        return cls("black-hole", Moment.CONNECTION, times)

    @classmethod
    def refuse(cls) -> Fault:
        """Close the listening socket and all connections, so that connecting is refused."""
        return cls("refuse", Moment.CONNECTION)

    @classmethod
    def latency(cls, milliseconds: float, times: int | None = None) -> Fault:
        """Make the round trip longer: half before the call is processed, half before its answer."""
        return cls("latency", Moment.WIRE, times, seconds=milliseconds / 1000)

    @classmethod
    def drip(cls, milliseconds: float = 5, times: int | None = None) -> Fault:
        """Send the answer byte by byte, `milliseconds` apart."""
        return cls("drip", Moment.WIRE, times, seconds=milliseconds / 1000)

    @classmethod
    def truncated(cls, times: int | None = None) -> Fault:
        """Announce the whole body of the answer, send half of it, close."""
        return cls("truncated", Moment.WIRE, times)

    @classmethod
    def close_connection(cls, times: int | None = None) -> Fault:
        """Answer `Connection: close` and close after the answer."""
        return cls("close-connection", Moment.WIRE, times)
