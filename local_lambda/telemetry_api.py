"""The subscribe calls of the Telemetry API and of the older Logs API: their rules and answers."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from .http_server import Request, Response
from .sender import Destination
from .subscription import DEFAULT_BACKLOG_BYTES, Buffering, Subscription
from .telemetry import CATEGORIES, LOGS_SCHEMAS, TELEMETRY_SCHEMAS, Relay

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

TELEMETRY_PATH = "/2022-07-01/telemetry"
LOGS_PATH = "/2020-08-15/logs"
#: Host names that mean "this environment"; no other destination is allowed.
SANDBOX_HOSTS = ("sandbox", "sandbox.localdomain")
#: Lambda keeps this port for itself (developer guide, Telemetry API).
RESERVED_PORT = 9001
#: Field of `buffering` -> smallest and largest value (Telemetry API reference).
BUFFERING_BOUNDS = {
    "maxItems": (1_000, 10_000),
    "maxBytes": (262_144, 1_048_576),
    "timeoutMs": (25, 30_000),
}


class SubscriptionError(Exception):
    """The subscription request breaks a rule; the message says which."""


class TelemetryApi:
    """Answer subscribe calls in one of `schemas`.

    `name_of` turns a request into the extension's name or a refusal.
    """

    def __init__(
        self,
        relay: Relay,
        name_of: Callable[[Request], str | Response],
        *,
        note: Callable[[str, str], None],
        connect: Callable[[int], socket.socket],
        schemas: tuple[str, ...] = TELEMETRY_SCHEMAS,
        backlog_bytes: int = DEFAULT_BACKLOG_BYTES,
    ) -> None:
        self._relay = relay
        self._name_of = name_of
        self._note = note
        self._connect = connect
        self._schemas = schemas
        self._backlog_bytes = backlog_bytes

    def handle(self, request: Request) -> Response | None:
        """Answer a subscribe call, or return None when the path is not one of ours."""
        api = api_of(request.path)
        if api is None:
            return None
        if request.method != "PUT":
            return Response.error(405, "MethodNotAllowed", "subscribe with PUT")
        name = self._name_of(request)
        if isinstance(name, Response):
            return name
        prefix = "Telemetry" if api == "telemetry" else "Logs"
        closed = Response.error(
            403, f"{prefix}.SubscriptionClosed", f"{prefix} API subscription is closed already"
        )
        if not self._relay.open:
            return closed
        earlier = self._relay.subscription_of(name)
        if earlier is not None and earlier.api == api == "telemetry":
            # Only the Logs API is documented as idempotent; AWS's emulator answers 500 here too.
            return Response.error(500, "InternalServerError", "Internal Server Error")
        try:
            if earlier is not None and earlier.api != api:
                raise SubscriptionError(
                    f"{name} has subscribed through the {earlier.api} API already"
                )
            subscription = self._subscription(name, api, request.body)
        except SubscriptionError as error:
            kind = "ValidationError" if api == "telemetry" else "Logs.ValidationError"
            return Response.error(400, kind, str(error))
        if not self._relay.join(subscription):
            subscription.close()
            return closed
        record = {"name": name, "state": "Subscribed", "types": list(subscription.types)}
        self._relay.emit(f"platform.{api}Subscription", record)
        return Response.of_json(200, "OK")

    def _subscription(self, name: str, api: str, body: bytes) -> Subscription:
        value = parse_object(body)
        schema = parse_schema(value, api, self._schemas)
        types = parse_types(value)
        destination = parse_destination(value.get("destination"), api)
        buffering = parse_buffering(value.get("buffering"))
        return Subscription(
            name,
            api,
            schema,
            types,
            destination,
            buffering,
            backlog_bytes=self._backlog_bytes,
            connect=self._connect,
            note=lambda what, detail: self._note(what, f"{name}: {detail}"),
        )


def api_of(path: str) -> str | None:
    """Return "telemetry" or "logs" for a subscribe path, which may end in `/`, or None."""
    return {TELEMETRY_PATH: "telemetry", LOGS_PATH: "logs"}.get(path.removesuffix("/"))


def parse_object(body: bytes) -> dict[str, Any]:
    """Return the request's JSON object; raise `SubscriptionError`."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise SubscriptionError(f"failed to parse JSON: {error}") from None
    if not isinstance(value, dict):
        raise SubscriptionError("the request must be a JSON object")
    return value


def parse_schema(
    value: dict[str, Any], api: str, schemas: tuple[str, ...] = TELEMETRY_SCHEMAS
) -> str:
    """Return the schema version; the Logs API has a default. Raise `SubscriptionError`."""
    allowed = schemas if api == "telemetry" else LOGS_SCHEMAS
    schema = value.get("schemaVersion", None if api == "telemetry" else LOGS_SCHEMAS[0])
    if schema not in allowed:
        raise SubscriptionError(f"schemaVersion {schema!r} is not one of {', '.join(allowed)}")
    return str(schema)


def parse_types(value: dict[str, Any]) -> tuple[str, ...]:
    """Return the categories in the order asked, each once; raise `SubscriptionError`."""
    types = value.get("types")
    if not isinstance(types, list) or not types:
        raise SubscriptionError(
            "types must be a list of one or more of platform, function, extension"
        )
    for kind in types:
        if kind not in CATEGORIES:
            raise SubscriptionError(f"type {kind!r} is not one of {', '.join(CATEGORIES)}")
    return tuple(dict.fromkeys(types))


def parse_destination(value: Any, api: str) -> Destination:
    """Return the destination; raise `SubscriptionError`."""
    if not isinstance(value, dict):
        raise SubscriptionError("destination must be an object")
    protocol = value.get("protocol")
    if protocol == "TCP":
        return Destination("TCP", _check_port(value.get("port")))
    if protocol != "HTTP":
        raise SubscriptionError(f"destination.protocol {protocol!r} is not one of HTTP, TCP")
    uri = value.get("URI")
    if not isinstance(uri, str):
        raise SubscriptionError("destination.URI is required with protocol HTTP")
    try:
        parts = urlsplit(uri)
        port = parts.port
    except ValueError as error:
        raise SubscriptionError(f"destination.URI {uri!r}: {error}") from None
    if parts.scheme != "http" or parts.hostname not in SANDBOX_HOSTS:
        raise SubscriptionError(
            f"destination.URI {uri!r} is not http://sandbox.localdomain:PORT/PATH "
            "(or http://sandbox:PORT/PATH)"
        )
    method = value.get("method", "POST") if api == "logs" else "POST"
    if method not in ("POST", "PUT"):
        raise SubscriptionError(f"destination.method {method!r} is not one of POST, PUT")
    if api == "logs" and value.get("encoding", "JSON") != "JSON":
        raise SubscriptionError(f"destination.encoding {value['encoding']!r} is not JSON")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return Destination("HTTP", _check_port(port), path, parts.hostname, method)


def parse_buffering(value: Any) -> Buffering:
    """Return the buffering settings, defaults for what is left out; raise `SubscriptionError`."""
    if value is None:
        return Buffering()
    if not isinstance(value, dict):
        raise SubscriptionError("buffering must be an object")
    for name, (low, high) in BUFFERING_BOUNDS.items():
        number = value.get(name, low)
        if isinstance(number, bool) or not isinstance(number, int) or not low <= number <= high:
            raise SubscriptionError(
                f"buffering.{name} {number!r} is not a whole number {low} to {high}"
            )
    defaults = Buffering()
    return Buffering(
        value.get("maxItems", defaults.max_items),
        value.get("maxBytes", defaults.max_bytes),
        value.get("timeoutMs", defaults.timeout_ms),
    )


def _check_port(port: Any) -> int:
    if isinstance(port, bool) or not isinstance(port, int) or not 1 <= port <= 65535:
        raise SubscriptionError(f"destination port {port!r} is not a number 1 to 65535")
    if port == RESERVED_PORT:
        raise SubscriptionError(f"destination port {RESERVED_PORT} is reserved by Lambda")
    return port
