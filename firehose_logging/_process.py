"""Everything of ours in one process, put together and started in order.

Nothing here may raise into the function: each step is tried by itself, and what fails is told
once and costs only what depends on it.
"""

from __future__ import annotations

import atexit
import logging
import os
import sys
from functools import partial

from firehose_logging import _diagnostics, _shutdown, _threads
from firehose_logging._clock import SystemClock
from firehose_logging._delivery.backlog import Backlog
from firehose_logging._delivery.deliveries import Deliveries
from firehose_logging._delivery.delivery import Delivery
from firehose_logging._diagnostics import tell
from firehose_logging._levels import set_levels
from firehose_logging._line import line as _line
from firehose_logging._line.context import Context
from firehose_logging._line.json_text import dumps, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firehose_logging._capture.output import Capture
    from firehose_logging._delivery.diversion import RuntimeOutput
    from firehose_logging._delivery.outcome import Transport
    from firehose_logging._extension.companion import Companion
    from firehose_logging._line.redact import Redact
    from firehose_logging.handler import FirehoseHandler
    from firehose_logging.settings import Settings

#: Seconds for the last flush when the interpreter exits: in Lambda the platform waits for the
#: exit, elsewhere a person does.
EXIT_TIMEOUT_LAMBDA = 2.0
EXIT_TIMEOUT = 5.0

#: Seconds for the flush before a snapshot; hooks count as Init, which has more than a minute.
SNAPSHOT_TIMEOUT = 10.0

#: Seconds for the flush of an init error: the process is about to be ended by the platform.
INIT_ERROR_TIMEOUT = 2.0

#: Most seconds for the flush after a response where no extension could be registered: it is made
#: on the function's own thread, in the invocation's own time.
LATE_TIMEOUT = 1.0

#: What forks children that leave by ``os._exit``: Python's own, and Celery's copy of it.
_POOLS = ("multiprocessing.util", "billiard.util")


class Process:
    """Everything of ours in one process; an ``Observer`` of the runtime client."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.pid = os.getpid()
        self.clock = SystemClock()
        self.context = Context(
            settings.environment, fields=settings.fields, fixed=settings.schema == "fixed"
        )
        self.streams = Deliveries(self.clock)
        # All mutable state.
        self.handlers = 0
        self.extension: Companion | None = None
        self.capture: Capture | None = None
        self.root_handler: FirehoseHandler | None = None
        self.started = False
        self.is_hooked = False
        self.is_decorated = False
        self.installed = False
        self.is_child = False
        self._silenced = False

    # -- deliveries -------------------------------------------------------------------------

    def delivery(self, stream_name: str, settings: Settings, client: Any) -> Delivery:
        """The delivery of a stream through a client, made at the first call."""

        def make_transport() -> Transport:
            # Off the critical path of the first answer.
            from firehose_logging._firehose.choose import make_transport as make

            return make(settings, stream_name, client, self.clock)

        def make() -> Delivery:
            own = settings.replace(stream_name=stream_name)
            # Another account's lines must not be picked up by a process without its client.
            temp_dir = settings.environment.temp_dir
            folder = settings.journal_folder(temp_dir) if client is None else None
            return Delivery(
                own,
                Backlog(own, self.clock, journal_folder=folder),
                make_transport,
                self.clock,
                background=self._delivers_by_age,
                own_body=self._own_body,
                on_progress=self._progress,
                divert=self._output() if own.passes_undelivered else None,
            )

        key = (stream_name, id(client) if client is not None else 0)
        delivery = self.streams.get(key, make)
        self._report_to(delivery)
        return delivery

    def _report_to(self, delivery: Delivery) -> None:
        """Have what we say about ourselves go to the first delivery, too."""

        def say(level: str, text: str, code: str) -> None:
            delivery.add(self._own_body(level, text, {"code": code}))

        _diagnostics.deliver_to(say)

    @staticmethod
    def _output() -> RuntimeOutput | None:
        """The runtime's own output, for lines that Firehose does not take."""
        from firehose_logging._delivery.diversion import RuntimeOutput

        try:
            return RuntimeOutput(1 if sys.__stdout__ is None else sys.__stdout__.fileno())
        except (OSError, ValueError) as error:
            text = f"FIREHOSE_LOGGING_PASSTHROUGH=undelivered is not possible: {error}"
            tell(text, code="no_passthrough")
            return None

    def _delivers_by_age(self) -> bool:
        """Whether nobody says when to deliver: no extension, or one that sees no invocations."""
        return self.extension is None or self.settings.environment.workers is not None

    def _progress(self) -> None:
        if self.extension is not None:
            self.extension.wake()

    def _own_body(self, level: str, message: str, columns: dict[str, object]) -> str:
        """A line of ours, as an extension's: it is no output of the function."""
        when = _line.timestamp(self.clock.epoch())
        head = _line.start(when, "extension", level, "firehose_logging")
        more = "".join(f",{quote(name)}:{dumps(value)}" for name, value in columns.items())
        return f'{head}{self.context.environment_columns},"message":{quote(message)}{more}'

    # -- start ------------------------------------------------------------------------------

    def start(self, delivery: Delivery) -> None:
        """Exit and fork hooks; in Lambda also the runtime hooks and the extension. Once."""
        if self.started:
            return
        self.started = True
        atexit.register(self.at_exit)
        if self.settings.environment.runtime_api is None:
            from firehose_logging._termination import Termination

            self._try("SIGTERM", Termination(self.streams, self.clock).watch)
            return
        self._try("runtime hooks", self._hook_runtime)
        self._try("extension", partial(self._start_extension, delivery))

    def _hook_runtime(self) -> None:
        from firehose_logging._capture import runtime_client as _runtime_hooks

        _runtime_hooks.install(self)

    def _start_extension(self, delivery: Delivery) -> None:
        from firehose_logging._extension.start import Starter

        environment = self.settings.environment
        managed = environment.workers is not None
        starter = Starter(
            environment,
            self.settings,
            self.streams,
            delivery,
            self.context,
            self.clock,
            complete_output=self._complete_output,
            # The parent of Managed Instances workers ends when they have, not before.
            terminate=_shutdown.end_process if not managed or _is_worker() else _do_nothing,
        )
        if not managed:
            companion = starter.on_demand(hooked=self.is_hooked, decorated=self.is_decorated)
        else:
            _share_imports()
            # A worker whose parent has us already knows who the extension is.
            companion = None if self.is_child else starter.managed_instances()
            # Another process is the extension of this environment; SIGTERM comes to all.
            companion = companion or starter.signals_only()
        if companion is not None:
            self.extension = companion
            _shutdown.watch_sigterm(companion.wake_fileno)

    def _complete_output(self) -> None:
        if self.capture is not None:
            self.capture.complete()

    def install(self, delivery: Delivery, redact: Redact | None) -> None:
        """Set levels, capture what the settings name; once."""
        if self.settings.levels:
            self._try("levels", partial(set_levels, self.settings.levels))
        if self.installed:
            return
        self.installed = True
        if self.settings.capture:
            self._try("capture", partial(self._start_capture, delivery, redact))

    def _start_capture(self, delivery: Delivery, redact: Redact | None) -> None:
        from firehose_logging._capture.output import Capture
        from firehose_logging.handler import FirehoseHandler

        settings = self.settings
        capture = Capture(delivery, self.context, self.clock, redact=redact)
        if "logging" in settings.capture:
            self.root_handler = FirehoseHandler(
                settings.stream_name, level=settings.level, settings=settings, redact=redact
            )
            capture.handler = self.root_handler
            self._attach_root_handler()
            self.logging_set_up()  # it was, when install() is called by the function's module
        if "stdout" in settings.capture:
            stdout = capture.stream(sys.stdout, "stdout", passthrough=settings.passes_all)
            stdout.cover()
            sys.stdout = stdout
        if "stderr" in settings.capture:
            stderr = capture.stream(sys.stderr, "stderr", passthrough=settings.passes_all)
            stderr.cover()
            sys.stderr = stderr
        if "errors" in settings.capture:
            capture.hook_exceptions()
            self._silenced = not settings.passes_all
        self.capture = capture

    def _attach_root_handler(self) -> None:
        """Have our handler first on the root logger, whatever the function did to it.

        First, because the runtime client's JSON formatter changes the records it formats.
        """
        handler = self.root_handler
        handlers = logging.getLogger().handlers
        if handler is not None and handler not in handlers:
            handlers.insert(0, handler)

    def logging_set_up(self) -> None:
        """The runtime client has put its own handler on the root logger."""
        if self.root_handler is None or self.settings.passes_all:
            return
        for other in logging.getLogger().handlers:
            if type(other).__module__.startswith("awslambdaric"):
                other.addFilter(self._is_not_sent)  # adding it twice changes nothing

    def _is_not_sent(self, record: logging.LogRecord) -> bool:
        return self.root_handler is None or record.levelno < self.root_handler.level

    @staticmethod
    def _try(what: str, step: Callable[[], object]) -> None:
        try:
            step()
        except Exception as error:  # noqa: BLE001 - the function must start
            tell(f"{what} failed: {type(error).__name__}: {error}", once=what)

    # -- what the runtime client tells --------------------------------------------------------

    def decorated(self) -> None:
        """The function's own decorator tells the boundaries of invocations."""
        self.is_decorated = True
        if self.extension is not None:
            self.extension.decorated()

    def hooked(self) -> None:
        """The boundaries of invocations will be told."""
        self.is_hooked = True
        if self.extension is not None:
            self.extension.hooked()

    def runtime_starts(self) -> None:
        """The runtime client begins its work: in a forked worker, so do we again."""
        environment = self.settings.environment
        if environment.init_type == "snap-start":
            self._try("SnapStart hooks", self._hook_snapshots)
        if self.is_child and environment.workers is not None and self.extension is None:
            self._attach_root_handler()
            for delivery in self.streams.all()[:1]:
                self._try("extension", partial(self._start_extension, delivery))

    def _hook_snapshots(self) -> None:
        # Lambda's own package. Hooks before the snapshot run in reverse order of registration
        # and those after it in order, so being first we see the last line and the first.
        import snapshot_restore_py

        snapshot_restore_py.register_before_snapshot(self._before_snapshot)
        snapshot_restore_py.register_after_restore(self._after_restore)

    def _before_snapshot(self) -> None:
        for delivery in self.streams.all():
            # A hook that raises ends the environment.
            self._try("before snapshot", partial(delivery.before_snapshot, SNAPSHOT_TIMEOUT))

    def _after_restore(self) -> None:
        old_id = self.context.instance_id
        self._try("after restore", self.context.renew)
        for delivery in self.streams.all():
            restore = partial(delivery.after_restore, old_id, self.context.instance_id)
            self._try("after restore", restore)

    def invocation_began(
        self, request_id: str, trace_header: str | None, tenant_id: str | None
    ) -> None:
        """The handler is about to run."""
        try:
            self.context.begin(request_id, trace_header=trace_header, tenant_id=tenant_id)
            if self.extension is not None:
                _shutdown.function_begins()
            self._attach_root_handler()
        except Exception as error:  # noqa: BLE001 - the function must run
            tell(f"invocation start: {type(error).__name__}: {error}", once="began")

    def invocation_ended(self, request_id: str | None) -> None:
        """The response or error is posted."""
        try:
            if self.capture is not None:
                self.capture.complete()
            if self.extension is not None:
                _shutdown.watch_again()
                self.extension.handler_ended(request_id)
            elif self.settings.environment.workers is None:
                # Nobody else delivers, and as soon as this thread asks for the next invocation
                # the environment may be frozen, or ended without a signal.
                self.streams.flush(0 if self.streams.failing else LATE_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - the next invocation must come
            tell(f"invocation end: {type(error).__name__}: {error}", once="ended")

    def runtime_error(self, error: dict[str, Any]) -> None:
        """The runtime client reports an error of the handler, or of its import."""
        try:
            if self.capture is not None and "errors" in self.settings.capture:
                self.capture.error(
                    str(error.get("errorType") or "Error"),
                    str(error.get("errorMessage") or ""),
                    [str(entry) for entry in error.get("stackTrace") or []],
                    "awslambdaric",
                )
            if self.context.invocations == 0:
                # Init failed: the platform ends the process as soon as it is told, so this is
                # the last moment at which anything can be delivered.
                self.streams.flush(INIT_ERROR_TIMEOUT, urgent=True)
                self.streams.divert()
        except Exception as failure:  # noqa: BLE001 - the error itself must still be reported
            tell(f"error capture: {type(failure).__name__}: {failure}", once="error")

    def silenced(self) -> bool:
        """Whether the runtime's own error output is to be kept back."""
        return self._silenced

    # -- the ends -----------------------------------------------------------------------------

    def at_exit(self) -> None:
        """The interpreter exits: the last flush."""
        if self.pid != os.getpid():
            return
        if self.capture is not None:
            self.capture.complete()
        for delivery in self.streams.all():
            delivery.release()
        in_lambda = self.settings.environment.runtime_api is not None
        timeout = EXIT_TIMEOUT_LAMBDA if in_lambda else EXIT_TIMEOUT
        deadline = self.clock.now() + timeout
        self.streams.flush(timeout, urgent=True)
        while not self.streams.failing and self.streams.oldest() is not None:
            # Telemetry that came while we waited; left in the journal, it would take the lines
            # that are delivered already along to the next process.
            left = deadline - self.clock.now()
            if left <= 0:
                break
            self.streams.flush(left, urgent=True)
        self.streams.divert()
        pending = self.streams.pending()
        if pending:
            kept = "; the crash journal keeps them" if self.settings.journal else ""
            tell(
                f"{pending} lines were not delivered when the process ended{kept}",
                code="lines_undelivered",
            )
        self.streams.close_journals()

    def after_fork(self) -> None:
        """In a forked child: new identity, empty buffers, no extension, signals as before us."""
        self.pid = os.getpid()
        self.is_child = True
        from firehose_logging import _fork

        _fork.forget_imports(_threads.own)
        _threads.forget()
        _diagnostics.forget()
        self.context.fork()
        self.streams.after_fork()
        for delivery in self.streams.all()[:1]:
            self._report_to(delivery)
        if self.extension is not None:
            self.extension.after_fork()
            self.extension = None
        _shutdown.unwatch()
        for name in _POOLS:
            util = sys.modules.get(name)
            if util is not None:
                # Its children leave without atexit, through finalizers of their own, which they
                # forget when they begin and then set up like this.
                util.register_after_fork(self, partial(_finalize, util))


def _finalize(util: Any, process: Process) -> None:
    util.Finalize(None, process.at_exit, exitpriority=0)


def _do_nothing() -> None:
    return


def _is_worker() -> bool:
    """Whether this process was forked by the runtime client, as Managed Instances workers are."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _share_imports() -> None:
    """Import what our threads import later, before workers are forked.

    A module that a thread is importing at the moment of a fork stays half imported in the child,
    and its lock stays taken. Done early the workers also share the memory.
    """
    from firehose_logging._delivery import journal_files as _journal
    from firehose_logging._firehose import choose as _transport
    from firehose_logging._firehose import credentials as _credentials
    from firehose_logging._firehose import direct as _direct

    del _credentials, _direct, _journal, _transport
