"""The Extensions API: who is registered, for what, in which state; register, next, errors.

Rules and bodies: "Lambda Extensions API" of the developer guide; error types and their words as in
`internal/lambda/rapi/handler` of the aws-lambda-runtime-interface-emulator.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from ._state import ExtensionState, IllegalMoveError, move_extension
from .http_server import Request, Response

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Iterable

PREFIX = "/2020-01-01/extension"
#: Internal and external extensions together (developer guide, Extensions API).
MAX_EXTENSIONS = 10
EVENTS = ("INVOKE", "SHUTDOWN")
#: How often a waiting call looks whether its client is still there.
CLIENT_CHECK_SECONDS = 0.25


@dataclass(eq=False)
class Extension:
    """One extension of the present environment; all of it is guarded by the registry's lock.

    `offer` is an event on its way to the extension's next call; `error_type` what it reported.
    """

    name: str
    external: bool
    state: ExtensionState = ExtensionState.STARTED
    events: tuple[str, ...] = ()
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    offer: dict[str, Any] | None = None
    waiting: bool = False
    error_type: str | None = None

    @property
    def registered(self) -> bool:
        """True once it has registered, whatever came after."""
        return self.state not in (ExtensionState.STARTED, ExtensionState.LAUNCH_ERROR)

    @property
    def failed(self) -> bool:
        """True when it reported an error or its process is gone."""
        return self.state in (
            ExtensionState.INIT_ERROR,
            ExtensionState.EXIT_ERROR,
            ExtensionState.EXITED,
            ExtensionState.LAUNCH_ERROR,
        )


class Registry:
    """All extensions of one life of the environment, and the calls they make.

    `changed` is the environment's condition: it is held for every read and write here and
    notified after every move. `metadata` is what register answers. `managed`: on Managed Instances
    nobody gets INVOKE. `on_move` is told each call
    (extension, call) under the lock; `before_next` is called without it.
    """

    def __init__(
        self,
        changed: threading.Condition,
        metadata: dict[str, str],
        *,
        account_id: str,
        managed: bool,
        on_move: Callable[[Extension, str], None],
        before_next: Callable[[Extension], None],
    ) -> None:
        self._changed = changed
        self._metadata = metadata
        self._account_id = account_id
        self._managed = managed
        self._on_move = on_move
        self._before_next = before_next
        self._open = False
        self._extensions: dict[str, Extension] = {}

    # Called by the environment, with the lock held.

    def begin(self, external: Iterable[str]) -> None:
        """Forget everybody and open registration; `external` are the files in /opt/extensions."""
        self._extensions = {name: Extension(name, True) for name in external}
        self._open = True

    def close_registration(self) -> None:
        """The runtime has asked for its first event: nobody registers any more."""
        self._open = False

    def clear(self) -> None:
        """Forget everybody; waiting calls are given up."""
        self._extensions = {}
        self._open = False
        self._changed.notify_all()

    def all(self) -> list[Extension]:
        """Return every extension, registered or only started."""
        return list(self._extensions.values())

    def registered(self) -> list[Extension]:
        """Return those that have registered."""
        return [e for e in self._extensions.values() if e.registered]

    def get(self, name: str) -> Extension | None:
        """Return the extension of that name."""
        return self._extensions.get(name)

    def offer(self, extension: Extension, event: dict[str, Any]) -> None:
        """Put an event where the extension's present or coming next call finds it."""
        extension.offer = event
        if extension.state is ExtensionState.READY:
            extension.state = move_extension(extension.state, "event", extension.name)
        self._changed.notify_all()

    # Called by connections.

    def handle(self, request: Request) -> Response | None:
        """Answer a call of the Extensions API, or return None when the path is not one of it."""
        call = request.path.removeprefix(PREFIX + "/")
        if call == request.path:
            return None
        if (request.method, call) == ("POST", "register"):
            return self._register(request)
        if (request.method, call) not in (
            ("GET", "event/next"),
            ("POST", "init/error"),
            ("POST", "exit/error"),
        ):
            return Response.error(404, "NotFound", f"no such call: {request.method} {call}")
        extension = self.identify(request)
        if isinstance(extension, Response):
            return extension
        return (
            self._next(request, extension)
            if call == "event/next"
            else self._error(request, extension, call)
        )

    def identify(self, request: Request) -> Extension | Response:
        """Return who is calling, or the refusal."""
        header = request.headers.get("lambda-extension-identifier", "")
        if not header:
            return _forbidden(
                "Extension.MissingExtensionIdentifier", "Missing Lambda-Extension-Identifier header"
            )
        try:
            identifier = str(uuid.UUID(header))
        except ValueError:
            return _forbidden(
                "Extension.InvalidExtensionIdentifier", "Invalid Lambda-Extension-Identifier"
            )
        with self._changed:
            for extension in self._extensions.values():
                if extension.id == identifier and extension.registered:
                    return extension
        return _forbidden("Extension.UnknownExtensionIdentifier", f"Unknown extension {identifier}")

    def _register(self, request: Request) -> Response:
        name = request.headers.get("lambda-extension-name", "")
        if not name:
            return _forbidden("Extension.InvalidExtensionName", "Empty extension name")
        try:
            events = parse_events(request.body)
        except ValueError as error:
            return _forbidden("InvalidRequestFormat", str(error))
        with self._changed:
            extension = self._extensions.get(name)
            external = extension is not None and extension.external
            if self._managed and (refusal := _managed_refusal(events, external=external)):
                return _forbidden("Extension.InvalidEventType", refusal)
            for event in events:
                if event not in EVENTS or (event == "SHUTDOWN" and not external):
                    return _forbidden("Extension.InvalidEventType", f"{event}: {_why(event)}")
            if extension is None:
                if not self._open:
                    return _forbidden(
                        "Extension.RegistrationClosed", "Extension registration closed already"
                    )
                if len(self._extensions) >= MAX_EXTENSIONS:
                    return _forbidden(
                        "Extension.TooManyExtensions", f"Extension limit ({MAX_EXTENSIONS}) reached"
                    )
                extension = self._extensions[name] = Extension(name, False)
            elif not extension.external:
                return _forbidden(
                    "Extension.InvalidExtensionState", "Extension with this name already registered"
                )
            try:
                extension.state = move_extension(extension.state, "register", name)
            except IllegalMoveError as error:
                return _forbidden("Extension.InvalidExtensionState", str(error))
            extension.events = events
            self._on_move(extension, "register")
            self._changed.notify_all()
        answer = dict(self._metadata)
        features = request.headers.get("lambda-extension-accept-feature", "").split(",")
        if "accountId" in [feature.strip() for feature in features]:
            answer["accountId"] = self._account_id
        return Response.of_json(200, answer, {"Lambda-Extension-Identifier": extension.id})

    def _next(self, request: Request, extension: Extension) -> Response | None:
        self._before_next(extension)
        with self._changed:
            # A client that gave up waiting may ask again: the platform has not answered it yet.
            again = not extension.waiting and (
                extension.state is ExtensionState.READY
                or (extension.state is ExtensionState.RUNNING and extension.offer is not None)
            )
            if not again:
                try:
                    extension.state = move_extension(extension.state, "next", extension.id)
                except IllegalMoveError as error:
                    return _forbidden("Extension.InvalidExtensionState", str(error))
                if extension.offer is not None:  # SHUTDOWN came while it was still busy
                    extension.state = move_extension(extension.state, "event", extension.id)
                self._on_move(extension, "next")
            extension.waiting = True
            self._changed.notify_all()
            try:
                while extension.offer is None:
                    self._changed.wait(CLIENT_CHECK_SECONDS)
                    if self._extensions.get(extension.name) is not extension:
                        return None  # reset: nothing will ever come
                    if request.client_gone():
                        return None
                if request.client_gone():
                    return None
                event, extension.offer = extension.offer, None
            finally:
                extension.waiting = False
            self._on_move(extension, event["eventType"])
        return Response.of_json(
            200, event, {"Lambda-Extension-Event-Identifier": str(uuid.uuid4())}
        )

    def _error(self, request: Request, extension: Extension, call: str) -> Response:
        error_type = request.headers.get("lambda-extension-function-error-type", "")
        if not error_type:
            return _forbidden(
                "Extension.MissingHeader", "Lambda-Extension-Function-Error-Type not found"
            )
        with self._changed:
            try:
                extension.state = move_extension(extension.state, call, extension.id)
            except IllegalMoveError as error:
                return _forbidden("Extension.InvalidExtensionState", str(error))
            extension.error_type = error_type
            self._on_move(extension, call)
            self._changed.notify_all()
        return Response.of_json(202, {"status": "OK"})


def parse_events(body: bytes) -> tuple[str, ...]:
    """Return the events of a register body; raise `ValueError` with the platform's words."""
    try:
        value = json.loads(body)
    except ValueError as error:
        raise ValueError(f"invalid JSON: {error}") from None
    if not isinstance(value, dict):
        raise ValueError("the body must be a JSON object")  # noqa: TRY004 - as for bad JSON
    if value.get("configurationKeys"):
        raise ValueError("configurationKeys are deprecated; use environment variables instead")
    events = value.get("events") or []
    if not isinstance(events, list) or not all(isinstance(event, str) for event in events):
        raise ValueError("events must be a list of text")
    return tuple(dict.fromkeys(events))


def _managed_refusal(events: tuple[str, ...], *, external: bool) -> str:
    """Return why these events are refused on Managed Instances, empty when they are not."""
    if not external and events:
        return "No events allowed for internal extensions"
    if "INVOKE" in events:
        return "INVOKE: InvalidEventType"
    return ""


def _why(event: str) -> str:
    if event == "SHUTDOWN":
        return "ShutdownEventNotSupportedForInternalExtension"
    return "InvalidEventType"


def _forbidden(error_type: str, message: str) -> Response:
    """Return the 403 that this API answers to every mistake of a client."""
    return Response.error(403, error_type, message)
