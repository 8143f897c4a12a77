"""PutRecordBatch through botocore, where that is asked for or the only safe way."""

from __future__ import annotations

import logging

from firehose_logging import _threads
from firehose_logging._delivery.outcome import CallOutcome, outcome_of_entries
from firehose_logging._diagnostics import mask
from firehose_logging._environment import Environment
from firehose_logging._firehose.wire import compress
from firehose_logging._natives import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

#: Seconds. botocore's own 60 s would outlast an invocation on a path that died while the
#: environment was frozen.
CONNECT_TIMEOUT = 2.0
READ_TIMEOUT = 5.0

#: Words of botocore's own exceptions -> the codes that ``retry`` knows, and whether the call
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


class BotoTransport:
    """Sends calls with a boto3 Firehose client.

    Args:
        stream_name: delivery stream.
        client: a ready boto3 Firehose client; None makes one at the first call, because importing
            boto3 costs more than everything else in this package together.
        gzip: compress each record into one gzip member.
        environ: the variables by which a client is made; None takes those of ``os.environ``.
    """

    def __init__(
        self,
        stream_name: str,
        client: Any = None,
        *,
        gzip: bool = False,
        environ: dict[str, str] | None = None,
    ) -> None:
        self._stream_name = stream_name
        self._environ = environ
        self._client = client
        self._gzip = gzip

    def prepare(self) -> None:
        """Make the client, which takes longer than a call; what is wrong, a call will say."""
        if self._client is None:
            try:
                self._client = make_client(self._environ)
            except Exception:  # noqa: BLE001 - see _send
                return

    def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        """Send one call; never raises."""
        del timeout  # fixed when the client is made
        try:
            return self._send(records)
        except Exception as error:  # noqa: BLE001 - botocore raises far more than it documents
            return outcome_of(error)

    def _send(self, records: Sequence[bytes | bytearray]) -> CallOutcome:
        if self._client is None:
            self._client = make_client(self._environ)
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


def make_client(environ: dict[str, str] | None = None) -> Any:
    """A Firehose client that leaves all retries to the delivery.

    The same client that ``boto3.client("firehose")`` gives, made by botocore itself: boto3 adds
    resources and S3 transfers, whose import cannot be done any more while the interpreter shuts
    down, and a session of our own keeps us out of the function's default one.

    Args:
        environ: the variables of the SDK by which it is made; None takes those of ``os.environ``.
    """
    _import_quietly()
    import botocore.credentials
    import botocore.httpsession
    import botocore.session
    from botocore.config import Config

    from firehose_logging._firehose.endpoint import region

    quieten_sdk()
    now = Environment.now().sdk_variables
    if environ is None:
        environ = now
    config = Config(
        connect_timeout=CONNECT_TIMEOUT,
        read_timeout=READ_TIMEOUT,
        # Explicit: the default mode changed within 1.x, and a partial failure is none of its
        # business anyway.
        retries={"total_max_attempts": 1, "mode": "standard"},
        max_pool_connections=1,
        user_agent_extra="firehose-logging",
    )
    session = botocore.session.Session()
    options = {} if environ == now else _as_started(session, environ)
    client = session.create_client(
        "firehose", region_name=region(environ), config=config, **options
    )
    quieten_sdk()  # creating it has imported more
    return client


def _import_quietly() -> None:
    """Import urllib3, and have Python remember which warnings of the function it has shown.

    It appends filters of its own, and at each change of the filters all that was shown is
    forgotten. Whoever changes them on another thread meanwhile has that, as without us.
    """
    import warnings

    ident = get_ident()
    # The second is its name up to Python 3.13.
    names = ("_filters_mutated_lock_held", "_filters_mutated")
    name = next((name for name in names if hasattr(warnings, name)), "")
    theirs = getattr(warnings, name, None)
    if theirs is None or theirs.__module__ == __name__:  # the latter: another thread is at it
        return

    def mutated() -> None:
        if get_ident() != ident:
            theirs()

    setattr(warnings, name, mutated)
    try:
        from botocore import httpsession

        del httpsession
    finally:
        setattr(warnings, name, theirs)


def _as_started(session: Any, environ: dict[str, str]) -> dict[str, Any]:
    """What makes a client as ``environ`` says, though ``os.environ`` says something else now."""
    from botocore.credentials import ContainerProvider, EnvProvider

    if not environ.get("AWS_PROFILE"):
        resolver = session.get_component("credential_provider")
        resolver.insert_before("env", EnvProvider(environ=environ))
        # botocore looks at the variables of the function's own session before it comes to these.
        resolver.insert_before("env", ContainerProvider(environ=environ))
    options: dict[str, Any] = {}
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        url = environ.get("AWS_ENDPOINT_URL_FIREHOSE") or environ.get("AWS_ENDPOINT_URL")
        if url:
            options["endpoint_url"] = url
    bundle = environ.get("AWS_CA_BUNDLE") or environ.get("REQUESTS_CA_BUNDLE")
    if bundle:
        options["verify"] = bundle
    return options


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
