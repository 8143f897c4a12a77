"""The subscription to telemetry: a port, and what Lambda is asked to post to it.

Where it cannot be had, for whatever reason, the function's own lines are delivered all the same.
"""

from __future__ import annotations

import _socket

from firehose_logging._diagnostics import tell
from firehose_logging._extension.lambda_api import LambdaApiError
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

#: Most connections at a time; the platform uses one or two.
MAX_CONNECTIONS = 16


def subscribe(api: LambdaApi, settings: Settings, *, managed: bool) -> _socket.socket | None:
    """Listen and subscribe; the socket, or None when no events will come, which is told once.

    Args:
        api: registered.
        settings: types of events, which API, and the port.
        managed: whether this is a Managed Instances environment.
    """
    server = listen(settings.listener_port)
    if server is None:
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
            server.getsockname()[1],
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
        return server
    # 202 is what emulators without telemetry answer, nothing to tell anyone about.
    server.close()
    return None


def listen(port: int) -> _socket.socket | None:
    """Listen on this port, or on a free one where it cannot be had, which is told.

    Args:
        port: ``HTTP_LOGS_LISTENER_PORT``.

    Returns None when no port can be had at all.
    """
    try:
        return open_port(port)
    except OSError as error:
        trouble = error.strerror
    try:
        server = open_port(0)
    except OSError as error:
        tell(
            f"no telemetry: no port can be listened on ({error.strerror})",
            code="no_telemetry",
            once="listener",
        )
        return None
    tell(
        f"HTTP_LOGS_LISTENER_PORT={port} cannot be used ({trouble}); telemetry comes to port "
        f"{server.getsockname()[1]} instead",
        code="port_taken",
        once="listener",
    )
    return server


def open_port(port: int) -> _socket.socket:
    """A socket that listens on every address of the sandbox; it does not block.

    Args:
        port: of TCP; 0 takes a free one.

    Raises:
        OSError: the port is taken or not allowed.
    """
    server = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
    try:
        server.setsockopt(_socket.SOL_SOCKET, _socket.SO_REUSEADDR, 1)
        # On the service the platform posts to the sandbox's own name, which need not be
        # 127.0.0.1; who is let in is decided by where it comes from.
        server.bind(("0.0.0.0", port))  # noqa: S104
        server.listen(MAX_CONNECTIONS)
        server.setblocking(False)
    except OSError:
        server.close()
        raise
    return server
