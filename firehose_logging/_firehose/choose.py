"""How calls get to Firehose: by ourselves where that is safe, else through botocore."""

from __future__ import annotations

import logging
import os
import sys

from firehose_logging import _threads
from firehose_logging._delivery.retry import CallOutcome, outcome_of_entries
from firehose_logging._diagnostics import keep_secret, mask, tell
from firehose_logging.settings import aws_variables

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.delivery import Transport
    from firehose_logging.settings import Settings

#: Seconds. botocore's own 60 s would outlast an invocation on a path that died while the
#: environment was frozen.
CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0

#: Variables whose values must never show up in a text of ours.
_SECRET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)

#: Words of botocore's own exceptions -> the codes that ``_retry`` knows, and whether the call
#: may have reached the service.
_LOCAL_ERRORS = {
    "NoCredentialsError": ("NoCredentials", False),
    "PartialCredentialsError": ("NoCredentials", False),
    "CredentialRetrievalError": ("NoCredentials", False),
    "NoRegionError": ("NoRegion", False),
    "InvalidRegionError": ("NoRegion", False),
    "EndpointConnectionError": ("Connect", False),
    "ConnectTimeoutError": ("Connect", False),
    "ProxyConnectionError": ("Connect", False),
    "SSLError": ("TLS", False),
    "ReadTimeoutError": ("Timeout", True),
    "ConnectionClosedError": ("ConnectionClosed", True),
    "HTTPClientError": ("Connection", True),
    "ResponseParserError": ("BadResponse", True),
}


def make_transport(settings: Settings, stream_name: str, client: Any, clock: Clock) -> Transport:
    """The transport of a stream; called on the delivery thread, before the first call.

    Args:
        settings: transport and compression.
        stream_name: delivery stream.
        client: a ready boto3 Firehose client; None makes one where one is needed.
        clock: the clock seam.
    """
    environ = aws_variables()
    keep_secret(*(environ.get(name) for name in _SECRET_VARIABLES))
    gzip = settings.compression == "gzip"
    boto = BotoTransport(stream_name, client, gzip=gzip)
    if client is not None or settings.transport == "boto3":
        return boto
    from firehose_logging._firehose.endpoint import choose, why_not_direct

    why_not = why_not_direct(environ) or _configured_by_file()
    endpoint = choose(environ)
    if why_not or isinstance(endpoint, str):
        if settings.transport == "direct":
            tell(f"FIREHOSE_LOGGING_TRANSPORT=direct is not possible: {why_not}; using boto3")
        return boto
    from firehose_logging._firehose.credentials import CredentialSource
    from firehose_logging._firehose.direct import DirectTransport

    return DirectTransport(
        stream_name,
        endpoint,
        CredentialSource(environ, clock),
        clock,
        ca_file=_ca_file(environ),
        compress=compress if gzip else None,
        fallback=(lambda: boto) if settings.transport == "auto" else None,
    )


def _configured_by_file() -> str | None:
    # botocore reads it even when every variable is set: endpoint, region, certificates.
    path = os.path.expanduser("~/.aws/config")  # noqa: PTH111 - pathlib costs an import
    return f"{path} exists" if os.path.exists(path) else None  # noqa: PTH110


def _ca_file(environ: dict[str, str]) -> str | None:
    """The certificates that botocore would trust; None for the interpreter's own."""
    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        if environ.get(name):
            return environ[name]
    for place in ("certifi", "botocore"):
        for folder in sys.path:
            path = f"{folder or '.'}/{place}/cacert.pem"
            if os.path.isfile(path):  # noqa: PTH113
                return path
    return None


class BotoTransport:
    """Sends calls with a boto3 Firehose client.

    Args:
        stream_name: delivery stream.
        client: a ready boto3 Firehose client; None makes one at the first call, because importing
            boto3 costs more than everything else in this package together.
        gzip: compress each record into one gzip member.
    """

    def __init__(self, stream_name: str, client: Any = None, *, gzip: bool = False) -> None:
        self._stream_name = stream_name
        self._client = client
        self._gzip = gzip

    def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        """Send one call; never raises."""
        del timeout  # fixed when the client is made
        try:
            return self._send(records)
        except Exception as error:  # noqa: BLE001 - botocore raises far more than it documents
            return outcome_of(error)

    def _send(self, records: Sequence[bytes | bytearray]) -> CallOutcome:
        if self._client is None:
            self._client = make_client()
        sizes = None
        data: list[bytes | bytearray] = list(records)
        if self._gzip:
            data = [compress(record) for record in records]
            sizes = [len(record) for record in data]
        answer = self._client.put_record_batch(
            DeliveryStreamName=self._stream_name, Records=[{"Data": record} for record in data]
        )
        # Of an answer that is no JSON botocore makes a dict without these, and no error.
        return outcome_of_entries(
            answer.get("RequestResponses"), answer.get("FailedPutCount"), sizes
        )

    def close(self) -> None:
        """Close the client's connections."""
        close = getattr(self._client, "close", None)
        if close is not None:
            close()


def make_client() -> Any:
    """A Firehose client that leaves all retries to the batcher.

    The same client that ``boto3.client("firehose")`` gives, made by botocore itself: boto3 adds
    resources and S3 transfers, whose import cannot be done any more while the interpreter shuts
    down, and a session of our own keeps us out of the function's default one.
    """
    import botocore.credentials
    import botocore.httpsession
    import botocore.session
    from botocore.config import Config

    from firehose_logging._firehose.endpoint import region

    quieten_sdk()
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        # Explicit: the default mode changed within 1.x, and a partial failure is none of its
        # business anyway.
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=1,
        user_agent_extra="firehose-logging",
    )
    client = botocore.session.Session().create_client(
        "firehose", region_name=region(aws_variables()), config=config
    )
    quieten_sdk()  # creating it has imported more
    return client


class _NotOurs(logging.Filter):
    """Keeps what the SDK logs on our threads from every handler; the function's own passes."""

    def filter(self, record: logging.LogRecord) -> bool:
        del record
        return not _threads.is_own()


_not_ours = _NotOurs()


def quieten_sdk() -> None:
    """Have the SDK's loggers keep quiet on our threads.

    A filter on a logger does not hold for its children, so each one that exists gets it. Without,
    the SDK's talk about our deliveries would be part of the function's own output.
    """
    for name, logger in list(logging.root.manager.loggerDict.items()):
        if name.partition(".")[0] in _threads.SDK and isinstance(logger, logging.Logger):
            logger.addFilter(_not_ours)  # adding it twice changes nothing


def compress(record: bytes | bytearray) -> bytes:
    """One gzip member; the level at which speed and size balance for log lines."""
    import zlib

    member = zlib.compressobj(6, zlib.DEFLATED, 31)
    return member.compress(record) + member.flush()


def outcome_of(error: Exception) -> CallOutcome:
    """A botocore exception as an outcome, without its secrets."""
    response = getattr(error, "response", None)
    if isinstance(response, dict) and "Error" in response:
        detail = response["Error"]
        status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
        return CallOutcome(
            error=str(detail.get("Code", "Unknown")).rpartition("#")[2],
            message=mask(str(detail.get("Message", ""))),
            status=status,
            maybe_stored=status >= 500,
        )
    for kind in type(error).__mro__:
        if kind.__name__ in _LOCAL_ERRORS:
            code, maybe_stored = _LOCAL_ERRORS[kind.__name__]
            break
    else:
        code, maybe_stored = type(error).__name__, True
    return CallOutcome(error=code, message=mask(str(error)), maybe_stored=maybe_stored)
