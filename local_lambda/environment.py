"""`LocalLambda`: one execution environment on this machine, to be started, used and shut down."""

from __future__ import annotations

import atexit
import contextlib
import json
import threading
import weakref
from typing import TYPE_CHECKING, Any

from . import (
    credentials_api,
    extensions_api,
    managed,
    metadata_api,
    runtime_calls,
    telemetry_api,
)
from ._state import Phase
from .budgets import Budgets, with_shutdown_ms
from .forward import Forward, loopback_ports
from .function import Function
from .http_server import HttpServer, Request, Response
from .invocation import MAX_PAYLOAD_BYTES, Invocation, InvocationResult
from .isolation import SandboxError, choose
from .journal import Journal
from .launcher import DirectLauncher
from .lifecycle import Lifecycle
from .namespaces import Namespaces, NamespacesError
from .sandbox import Sandbox
from .subscription import DEFAULT_BACKLOG_BYTES
from .supervisor import Supervisor
from .telemetry import TELEMETRY_SCHEMAS

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self

    from .initialization import InitResult
    from .launcher import Launcher
    from .logs import LogEvent
    from .process import ManagedProcess
    from .processes import Processes, ShutdownResult
    from .telemetry import TelemetryEvent
    from .timeline import TimelineEvent
    from .worker_slots import WorkerSlots

#: Where the Lambda APIs listen in a network of the environment's own, as on the service.
API_PORT = 9001

_open: weakref.WeakSet[Processes] = weakref.WeakSet()


class LocalLambda:
    """One environment of `function`; use it as a context manager.

    `work`: folder for task, opt and tmp; None makes a temporary one. `budgets`: the platform's
    time limits; `shutdown_ms` replaces those of the shutdown, milliseconds. `freeze`: stop the
    processes between invocations, `freeze_delay` seconds after the last one has asked for next.
    `port`: of the Lambda APIs, 0 takes a free one. `output_file`, `telemetry_file`: JSON lines of
    all output and all telemetry. `telemetry_backlog_bytes`: undelivered telemetry kept for each
    subscriber. `on_log` is called with each line as it is read. `stdin`: descriptor that the
    runtime reads, for debuggers; None gives it nothing to read. `enforce_memory`: end the processes
    when they hold more than the function has.

    `isolation`: "namespaces" (user, mount and process namespaces: the paths of the service,
    `sandbox.localdomain`, and an end for every process), "none", or "auto": the first where the
    kernel gives it. `network`: "host" or, isolated, "own": fixed ports are the environment's own,
    and of this machine only the ports of loopback URLs in the function's variables are reached.
    `visible`: paths of this machine that an isolated environment's `/tmp` and `/opt` would hide.

    Raises `SandboxError` when the function cannot be started as configured, `ValueError`.

    Invocations are handled one after the other; further calls wait their turn. On Managed
    Instances (`max_concurrency` of the function) they run beside each other, a worker each.
    """

    def __init__(
        self,
        function: Function,
        *,
        work: Path | None = None,
        shutdown_ms: int | None = None,
        budgets: Budgets | None = None,
        freeze: bool = True,
        freeze_delay: float = 0.01,
        port: int = 0,
        output_file: Path | None = None,
        telemetry_file: Path | None = None,
        telemetry_backlog_bytes: int = DEFAULT_BACKLOG_BYTES,
        on_log: Callable[[LogEvent], None] | None = None,
        stdin: int | None = None,
        isolation: str = "none",
        network: str = "host",
        visible: Sequence[Path] = (),
        enforce_memory: bool = True,
    ) -> None:
        self.function = function
        budgets = with_shutdown_ms(budgets or Budgets(), shutdown_ms)
        self._port = port
        self._changed = threading.Condition()
        self._journal = Journal(
            json_records=function.log_format == "JSON",
            output_file=output_file,
            telemetry_file=telemetry_file,
            on_log=on_log,
        )
        self.isolation, self.why_not_isolated = choose(isolation, network)
        self._sandbox = Sandbox(
            function, work, isolated=self.isolation == "namespaces", visible=visible
        )
        self._launcher = self._new_launcher(network)
        self._life = Lifecycle(
            function,
            self._sandbox,
            budgets,
            self._changed,
            self._journal,
            launcher=self._launcher,
            stdin=stdin,
            enforce_memory=enforce_memory,
        )
        self._telemetry_api = telemetry_api.TelemetryApi(
            self._journal.relay,
            self._extension_name,
            note=lambda what, detail: self._journal.note("telemetry", what, detail),
            connect=self._launcher.connect,
            schemas=TELEMETRY_SCHEMAS[-1:] if function.max_concurrency else TELEMETRY_SCHEMAS,
            backlog_bytes=telemetry_backlog_bytes,
        )
        #: SnapStart: the endpoint that gives keys; change them, or how long they live.
        self.credentials = credentials_api.CredentialsApi(function, self._sandbox.credentials_token)
        self._metadata = metadata_api.MetadataApi(function, self._sandbox.metadata_token)
        frozen = freeze and function.max_concurrency is None
        self._supervisor = Supervisor(
            self._life, self._changed, freeze_delay=freeze_delay if frozen else None
        )
        self._server: HttpServer | None = None
        self._forwards: list[Forward] = []

    # ---- Start and end --------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Start the Lambda APIs; processes start with `init` or the first `invoke`."""
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Shut down; after an exception without waiting for what runs."""
        self.close(abort=kind is not None)

    def start(self) -> None:
        """Start the Lambda APIs; idempotent. Raises `SandboxError`, `OSError`: port taken."""
        if self._server is not None:
            return
        try:
            self._listen()
        except NamespacesError as error:
            self.close()
            raise SandboxError(f"the sandbox cannot be made: {error}") from None
        except BaseException:
            self.close()
            raise
        self._supervisor.start()
        _open.add(self._life.parts.processes)

    def _listen(self) -> None:
        self._launcher.open()
        self._server = HttpServer(
            self._handle,
            name="lambda-api",
            port=self._port,
            streamed_by=runtime_calls.RESPONSE_MODE,
            listener=self._own_listener(),
        )
        self._forwards = self._open_forwards()
        self._life.parts.runtime_api = self._server.address

    def close(self, *, abort: bool = False) -> None:
        """Shut down, stop all threads, remove a temporary work folder; idempotent.

        `abort` ends a running invocation now instead of waiting for it.
        """
        if abort:
            with self._changed:
                self._life.parts.aborted = True
                self._changed.notify_all()
        try:
            if self._supervisor.started:
                self.shutdown()
                self._supervisor.join()
        finally:
            self._life.parts.processes.kill_all()
            self._launcher.close()
            for forward in self._forwards:
                forward.close()
            if self._server is not None:
                self._server.close()
            self._journal.close()
            self._sandbox.close()
            _open.discard(self._life.parts.processes)

    # ---- What a platform is asked to do ----------------------------------------------------------

    def init(self) -> InitResult:
        """Do the Init before any invocation, as the service may; once."""
        result: InitResult = self._supervisor.submit(self._do_init).result()
        return result

    def invoke(
        self,
        event: Any,
        *,
        trace_id: str | None = None,
        tenant_id: str | None = None,
        client_context: Any = None,
        cognito_identity: Any = None,
        timeout: float | None = None,
        request_id: str | None = None,
        on_chunk: Callable[[bytes], None] | None = None,
    ) -> InvocationResult:
        """Invoke the function and return what its caller gets, as soon as the caller would get it.

        `event`: anything JSON can hold, or bytes that are sent as they are. `trace_id`: X-Ray
        header, None makes one as the service does, not sampled, "" sends none; `tenant_id`: the
        tenant's, for a function with tenant isolation; `client_context`, `cognito_identity`: what
        the function's context has of these, anything JSON can hold, None has none; `timeout`:
        seconds instead of the function's own for this one invocation; `request_id`: of an earlier
        attempt that this one repeats; `on_chunk` gets each piece of a streamed response as it
        comes, in a thread of the server.
        """
        invocation = self._invocation(event, timeout)
        if trace_id is not None:
            invocation.trace_id = trace_id or None
        invocation.tenant_id = tenant_id
        invocation.on_chunk = on_chunk
        invocation.request_id = request_id or invocation.request_id
        invocation.client_context = client_context
        invocation.cognito_identity = cognito_identity
        if self._life.parts.workers is not None:
            return self._invoke_worker(self._life.parts.workers, invocation)
        command = self._supervisor.submit(lambda: self._life.invoke(invocation))
        while not invocation.answered.wait(0.5):
            if command.done and not invocation.answered.is_set():
                command.result()
                raise RuntimeError("the invocation ended without an answer")
        assert invocation.result is not None
        return invocation.result

    def _invoke_worker(self, workers: WorkerSlots, invocation: Invocation) -> InvocationResult:
        """Invoke on Managed Instances: beside other invocations."""
        with self._changed:
            ready = self._life.phase is Phase.IDLE
        init = None if ready else self._supervisor.submit(self._life.init_if_needed).result()
        if init is not None and init.status != "success":
            invocation.answer(init.body or b"{}", "Unhandled")
        else:
            managed.invoke(self._life.parts, workers, invocation)
        assert invocation.result is not None
        return invocation.result

    def restore(self) -> None:
        """SnapStart: end the environment that runs, if one does, and resume the snapshot anew.

        The snapshot is taken first where there is none yet; `invoke` restores by itself when
        nothing runs. Raises `ValueError` for other functions.
        """
        if not self._sandbox.takes_snapshots:
            raise ValueError(
                "restore() needs initialization_type='snap-start' and start_up='managed'"
            )
        self._supervisor.submit(self._life.restore).result()

    def shutdown(self, reason: str = "spindown") -> ShutdownResult:
        """End the environment as the service does and tell how; later calls tell it again."""
        return self._supervisor.shutdown(reason)

    def thaw(self) -> None:
        """Let a frozen environment run on without an event, until the next invocation ends."""
        self._supervisor.stay_thawed = True
        self._supervisor.submit(self._life.thaw).result()

    def kill(self, signal_number: int) -> None:
        """Send a signal to the runtime's process group; raise `ProcessLookupError` without one."""
        runtime = self._life.parts.processes.runtime
        if runtime is None or not runtime.signal(signal_number):
            raise ProcessLookupError("no runtime process is running")

    def wait_idle(self, deadline: float = 30.0) -> bool:
        """Wait up to `deadline` seconds until runtime and extensions are done; False if not."""
        return self._wait_for(lambda: self._supervisor.idle, deadline)

    def wait_frozen(self, deadline: float = 30.0) -> bool:
        """Wait up to `deadline` seconds until the environment is frozen; False if not."""
        return self._wait_for(lambda: self._life.frozen and self._supervisor.idle, deadline)

    # ---- What there is to see --------------------------------------------------------------------

    @property
    def frozen(self) -> bool:
        """True while the processes are stopped."""
        with self._changed:
            return self._life.frozen

    @property
    def idle(self) -> bool:
        """True while nothing is being done and nothing waits to be done."""
        with self._changed:
            return self._supervisor.idle

    @property
    def phase(self) -> str:
        """The value of a `Phase`: `new`, `init`, `snapshot`, `idle`, `invoke`, ... `closed`."""
        with self._changed:
            return self._life.phase.value

    @property
    def pid(self) -> int | None:
        """Process id of the runtime, None when none is running."""
        runtime = self._life.parts.processes.runtime
        return runtime.pid if runtime is not None and runtime.alive else None

    @property
    def processes(self) -> list[ManagedProcess]:
        """The runtime and the external extensions that are running."""
        return [process for process in self._life.parts.processes.all() if process.alive]

    @property
    def runtime_api(self) -> str:
        """`host:port` of the Lambda APIs: AWS_LAMBDA_RUNTIME_API."""
        return self._life.parts.runtime_api

    @property
    def work(self) -> Path:
        """The folder with task, opt, tmp."""
        return self._sandbox.root

    @property
    def tmp(self) -> Path:
        """The environment's /tmp; survives a reset."""
        return self._sandbox.tmp

    @property
    def opt(self) -> Path:
        """The merged layers: the environment's /opt."""
        return self._sandbox.opt

    @property
    def timeline(self) -> list[TimelineEvent]:
        """Everything that happened so far."""
        return self._journal.timeline.events

    @property
    def output(self) -> list[LogEvent]:
        """Everything the function and its extensions wrote: what CloudWatch would hold."""
        return self._journal.output

    @property
    def telemetry(self) -> list[TelemetryEvent]:
        """Every telemetry event, whether anyone has subscribed or not."""
        return self._journal.relay.events

    @property
    def reports(self) -> list[dict[str, Any]]:
        """The platform.report records so far, one for each finished invocation."""
        return [event.record for event in self.telemetry if event.type == "platform.report"]

    # ---- Inside ---------------------------------------------------------------------------------

    def _new_launcher(self, network: str) -> Launcher:
        if not self._sandbox.isolated:
            return DirectLauncher()
        return Namespaces(self._sandbox.layout(network=network == "own"))

    def _own_listener(self) -> socket.socket | None:
        """Return where the Lambda APIs listen in a network of the environment's own."""
        if isinstance(self._launcher, Namespaces) and "network" in self._launcher.names:
            return self._launcher.listen(self._port or API_PORT)
        return None

    def _open_forwards(self) -> list[Forward]:
        """In a network of its own, let the function reach the services that it is pointed at."""
        if not isinstance(self._launcher, Namespaces) or "network" not in self._launcher.names:
            return []
        ports = loopback_ports(self.function.environment.values())
        return [Forward(self._launcher.listen(port), port) for port in ports]

    def _do_init(self) -> InitResult:
        if self._life.phase is not Phase.NEW:
            raise RuntimeError("Init was done already")
        return self._life.init()

    def _invocation(self, event: Any, timeout: float | None) -> Invocation:
        raw = event if isinstance(event, bytes) else json.dumps(event).encode()
        if len(raw) > MAX_PAYLOAD_BYTES:
            raise ValueError(
                f"event: {len(raw)} bytes of JSON, at most {MAX_PAYLOAD_BYTES} are allowed"
            )
        seconds = self.function.timeout if timeout is None else timeout
        most = self.function.longest_timeout
        if not 0 < seconds <= most:
            raise ValueError(f"timeout={timeout!r}: use seconds, over 0 to {most:g}")
        self._supervisor.stay_thawed = False
        return Invocation(raw, seconds)

    def _wait_for(self, condition: Callable[[], bool], deadline: float) -> bool:
        with self._changed:
            return self._changed.wait_for(condition, deadline)

    def _handle(self, request: Request) -> Response | None:
        """Route by the first path segment; each API answers for everything under its own."""
        if request.path.startswith(runtime_calls.PREFIX):
            return self._life.parts.slot.handle(request)
        if request.path.startswith(extensions_api.PREFIX):
            return self._life.parts.registry.handle(request)
        api = telemetry_api.api_of(request.path)
        if api == "telemetry" or (api == "logs" and self.function.max_concurrency is None):
            return self._telemetry_api.handle(request)
        if request.path == credentials_api.PATH:
            return self.credentials.handle(request)
        if request.path == metadata_api.PATH:
            return self._metadata.handle(request)
        return Response.error(404, "NotFound", f"no such path: {request.path}")

    def _extension_name(self, request: Request) -> str | Response:
        extension = self._life.parts.registry.identify(request)
        return extension if isinstance(extension, Response) else extension.name


def _kill_open() -> None:
    """Leave no process behind, frozen ones least of all, when the interpreter ends."""
    for processes in list(_open):
        with contextlib.suppress(Exception):
            processes.kill_all()


atexit.register(_kill_open)
