"""How calls get to Firehose: by ourselves where that is safe, else through botocore."""

from __future__ import annotations

import os
import sys

from firehose_logging._diagnostics import keep_secret, tell
from firehose_logging._firehose.wire import compress

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.outcome import Transport
    from firehose_logging._firehose.trust import Trust
    from firehose_logging.settings import Settings

#: Variables whose values must never show up in a text of ours.
_SECRET_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN",
)


def make_transport(
    settings: Settings, stream_name: str, client: Any, clock: Clock, environ: dict[str, str]
) -> Transport:
    """The transport of a stream; called on the delivery thread, before the first call.

    Args:
        settings: transport and compression.
        stream_name: delivery stream.
        client: a ready boto3 Firehose client; None makes one where one is needed.
        clock: the clock seam.
        environ: the variables of AWS SDKs and HTTP clients, as the process was started with.
    """
    keep_secret(*(environ.get(name) for name in _SECRET_VARIABLES))
    gzip = settings.compression == "gzip"

    def boto() -> Transport:
        from firehose_logging._firehose.boto import BotoTransport

        transport = BotoTransport(stream_name, client, gzip=gzip, environ=environ)
        transport.prepare()
        return transport

    def successor() -> Transport:
        import botocore

        del botocore  # raises where it is not there
        return boto()

    if client is not None:
        return boto()
    from firehose_logging._firehose.endpoint import choose, why_not_direct

    endpoint = choose(environ)
    if settings.transport == "boto3":
        why_not: str | None = "FIREHOSE_LOGGING_TRANSPORT=boto3"
    else:
        why_not = why_not_direct(environ) or _configured_by_file()
    if isinstance(endpoint, str) or (why_not and _has_botocore()):
        if settings.transport == "direct":
            tell(
                f"FIREHOSE_LOGGING_TRANSPORT=direct is not possible: {why_not}; using boto3",
                code="transport_changed",
            )
        return boto()
    if why_not:
        text = f"botocore is not there; sending without it although {why_not}"
        tell(text, code="transport_changed", once="no botocore")
    from firehose_logging._firehose.credentials import CredentialSource
    from firehose_logging._firehose.direct import DirectTransport

    return DirectTransport(
        stream_name,
        endpoint,
        CredentialSource(environ, clock),
        clock,
        trust=_trust(environ),
        compress=compress if gzip else None,
        fallback=successor if settings.transport == "auto" else None,
    )


def _has_botocore() -> bool:
    try:
        import botocore
    except ImportError:
        return False
    del botocore
    return True


def _configured_by_file() -> str | None:
    # botocore reads it even when every variable is set: endpoint, region, certificates.
    path = os.path.expanduser("~/.aws/config")  # noqa: PTH111 - pathlib costs an import
    return f"{path} exists" if os.path.exists(path) else None  # noqa: PTH110


def _trust(environ: dict[str, str]) -> Trust:
    """Whom botocore would trust; the interpreter's own authorities where there is no botocore."""
    from firehose_logging._firehose.trust import Trust

    for name in ("AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE"):
        if environ.get(name):
            return Trust(environ[name], chosen=True)
    for place in ("certifi", "botocore"):
        for folder in sys.path:
            path = f"{folder or '.'}/{place}/cacert.pem"
            if os.path.isfile(path):  # noqa: PTH113
                return Trust(path)
    return Trust(None)
