"""The subscription to telemetry: a listener, and what Lambda is asked to send to it.

Where it cannot be had, for whatever reason, the function's own lines are delivered all the same.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell
from firehose_logging._extension.lambda_api import LambdaApiError
from firehose_logging._extension.listener import Listener
from firehose_logging._limits import TELEMETRY_TIMEOUT_MS, TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging._extension.lambda_api import LambdaApi
    from firehose_logging.settings import Settings

#: Schema of the subscription: the newest that on-demand functions know, the only one that
#: Managed Instances take, and the one of the older API that brings platform.runtimeDone.
SCHEMA_ON_DEMAND = "2022-12-13"
SCHEMA_MANAGED_INSTANCES = "2025-01-29"
SCHEMA_LOGS_API = "2021-03-18"


def subscribe(api: LambdaApi, settings: Settings, *, managed: bool) -> Listener | None:
    """Listen and subscribe; the listener, or None when no events will come, which is told once.

    Args:
        api: registered.
        settings: types of events, which API, and the port.
        managed: whether this is a Managed Instances environment.
    """
    listener = listen(settings.listener_port, api.peer_host)
    if listener is None:
        return None
    schema, timeout_ms = SCHEMA_ON_DEMAND, TELEMETRY_TIMEOUT_MS
    if managed:
        schema, timeout_ms = SCHEMA_MANAGED_INSTANCES, TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES
    if settings.telemetry_api == "logs":
        schema = SCHEMA_LOGS_API
    try:
        coming = api.subscribe(
            settings.telemetry_api,
            settings.telemetry,
            listener.port,
            schema=schema,
            timeout_ms=timeout_ms,
        )
    except LambdaApiError as error:
        tell(
            f"no telemetry: the {settings.telemetry_api} API refused: {error}",
            code="no_telemetry",
            once="telem",
        )
        coming = False
    if coming:
        return listener
    # 202 is what emulators without telemetry answer, nothing to tell anyone about.
    listener.close()
    return None


def listen(port: int, api_host: str | None) -> Listener | None:
    """A listener on this port, or on a free one where it cannot be had, which is told.

    Args:
        port: ``HTTP_LOGS_LISTENER_PORT``.
        api_host: as of ``Listener``.

    Returns None when no port can be had at all.
    """
    try:
        return Listener(port, api_host=api_host)
    except OSError as error:
        trouble = error.strerror
    try:
        listener = Listener(0, api_host=api_host)
    except OSError as error:
        tell(
            f"no telemetry: no port can be listened on ({error.strerror})",
            code="no_telemetry",
            once="listener",
        )
        return None
    tell(
        f"HTTP_LOGS_LISTENER_PORT={port} cannot be used ({trouble}); telemetry comes to port "
        f"{listener.port} instead",
        code="port_taken",
        once="listener",
    )
    return listener
