"""Our place in Lambda's runtime: the extension, and what the runtime client tells."""

from __future__ import annotations

import sys
from functools import partial

from firehose_logging import _shutdown
from firehose_logging._diagnostics import attempt, tell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._extension.extension import Extension
    from firehose_logging._extension.start import Starter
    from firehose_logging._process import Process
    from firehose_logging.settings import Settings

#: Seconds for the flush of an init error: the process is about to be ended by the platform.
INIT_ERROR_TIMEOUT = 2.0

#: Most seconds for the flush after a response where no extension could be registered: it is made
#: on the function's own thread, in the invocation's own time.
LATE_TIMEOUT = 1.0


class Runtime:
    """Follows one process of a Lambda function; an ``Observer`` of the runtime client.

    Args:
        process: what it is a part of.
        delivery: takes what telemetry brings.
        settings: of the extension.
    """

    def __init__(self, process: Process, delivery: Delivery, settings: Settings) -> None:
        self._process = process
        self._delivery = delivery
        self._settings = settings
        # All mutable state.
        self.extension: Extension | None = None
        self._begun: Extension | None = None  # of which it is not known whether it is registered
        #: Whether the runtime client tells the boundaries of invocations.
        self.is_hooked = False
        #: Whether the function's own decorator does.
        self.is_decorated = False
        self._is_child = False
        self._starter: Starter | None = None
        self._when_read: list[Callable[[], None]] = []

    # -- start ------------------------------------------------------------------------------

    def start(self) -> None:
        """Hook the runtime client and become an extension."""
        attempt("runtime hooks", self._hook)
        attempt("extension", self._start_extension)

    def _hook(self) -> None:
        from firehose_logging._capture import runtime_client

        runtime_client.install(self, workers=self._process.environment.workers is not None)

    def _start_extension(self) -> None:
        from firehose_logging._extension.start import Starter

        process = self._process
        managed = process.environment.workers is not None
        starter = self._starter = Starter(
            process.environment,
            self._settings,
            process.streams,
            self._delivery,
            process.context,
            process.clock,
            complete_output=self._complete_output,
            look_at_output=self._look_at_output,
            take=process.sink(self._delivery).from_platform,
            # The parent of Managed Instances workers ends when they have, not before.
            terminate=_shutdown.end_process if not managed or _is_worker() else _do_nothing,
            refused=self._without_extension,
            begins=self.client_read,
        )
        if not managed:
            self._become(starter.on_demand(hooked=self.is_hooked, decorated=self.is_decorated))
            if not process.environment.runs_client:
                self._wait_for_extension()
        else:
            _share_imports(several=len(self._settings.stream_names) > 1)
            # A worker whose parent has us already knows who the extension is.
            if not self._is_child:
                self._become(starter.managed_instances())
                self._wait_for_extension()
            if self.extension is None:
                # Another process is the extension of this environment; SIGTERM comes to all.
                self._become(starter.signals_only())

    def _become(self, extension: Extension | None) -> None:
        if extension is not None:
            self.extension = self._begun = extension
            _shutdown.watch_sigterm(extension.wake_fileno)

    def _wait_for_extension(self) -> None:
        """Know whether Lambda has taken us: at the latest when the runtime client begins.

        Before, its own imports need not wait for the answer.
        """
        begun, self._begun = self._begun, None
        if begun is not None and not begun.is_registered():
            self._without_extension()
            _shutdown.unwatch()
            begun.close()

    def _without_extension(self) -> None:
        """Lambda has refused: lines are delivered without."""
        self.extension = None
        self.client_read()

    def change(self, settings: Settings) -> None:
        """Deliver as other settings say, from now on."""
        if self._starter is not None:
            self._starter.change(settings)

    def progress(self) -> None:
        """A delivery has news for the extension."""
        if self.extension is not None:
            self.extension.wake()

    def _look_at_output(self) -> float | None:
        capture = self._process.capture
        return capture.look() if capture is not None else None

    def _complete_output(self) -> None:
        if self._process.capture is not None:
            self._process.capture.complete()

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

    def when_client_is_read(self, call: Callable[[], None]) -> bool:
        """Have something called once, when the runtime client's code has been read.

        That is when its last module has run, or after a second, when the extension begins: a client
        may be another than we know. False where nobody would tell: then it is not called.
        """
        environment = self._process.environment
        if self.extension is None or environment.workers is not None or not environment.runs_client:
            return False
        self._when_read.append(call)
        return True

    def client_read(self) -> None:
        """The runtime client's code has been read, or that has failed; from any thread."""
        try:
            call = self._when_read.pop()
        except IndexError:
            return  # nobody waits, or not any more
        call()

    def runtime_starts(self) -> None:
        """The runtime client begins its work: in a forked worker, so do we again."""
        environment = self._process.environment
        attempt("extension", self._wait_for_extension)
        if environment.init_type == "snap-start":
            attempt("SnapStart hooks", self._hook_snapshots)
        if self._is_child and environment.workers is not None and self.extension is None:
            attempt("extension", self._start_extension)

    def _hook_snapshots(self) -> None:
        from firehose_logging._snapshot import Snapshot

        Snapshot(self._process.context, self._process.streams).hook()

    def invocation_began(
        self,
        request_id: str,
        trace_header: str | None,
        tenant_id: str | None,
        *,
        invocation_id: str | None = None,
        execution_arn: str | None = None,
    ) -> None:
        """The handler is about to run."""
        try:
            self._process.context.begin(
                request_id,
                trace_header=trace_header,
                tenant_id=tenant_id,
                invocation_id=invocation_id,
                execution_arn=execution_arn,
            )
            if self.extension is not None:
                _shutdown.function_begins()
            if self._process.capture is not None:
                self._process.capture.attach()
        except Exception as error:  # noqa: BLE001 - the function must run
            tell(f"invocation start: {type(error).__name__}: {error}", once="began")

    def invocation_ended(self, request_id: str | None) -> None:
        """The response or error is posted."""
        try:
            self._complete_output()
            if self.extension is not None:
                _shutdown.watch_again()
                self.extension.handler_ended(request_id)
            elif self._process.environment.workers is None:
                # Nobody else delivers, and as soon as this thread asks for the next invocation
                # the environment may be frozen, or ended without a signal.
                streams = self._process.streams
                streams.flush(0 if streams.failing else LATE_TIMEOUT)
        except Exception as error:  # noqa: BLE001 - the next invocation must come
            tell(f"invocation end: {type(error).__name__}: {error}", once="ended")

    def runtime_error(self, report: dict[str, Any], error: BaseException | None) -> None:
        """The runtime client reports an error of the handler, or of its import."""
        process = self._process
        try:
            if process.capture is not None:
                process.capture.runtime_error(report, error)
            if process.context.invocations == 0:
                # Init failed: the platform ends the process as soon as it is told, so this is
                # the last moment at which anything can be delivered.
                process.streams.flush(INIT_ERROR_TIMEOUT, urgent=True)
                process.streams.divert()
        except Exception as failure:  # noqa: BLE001 - the error itself must still be reported
            tell(f"error capture: {type(failure).__name__}: {failure}", once="error")

    def context_logged(self, text: str, log: Callable[[], Any]) -> Any:
        """The function has called ``context.log``, of which ``log`` does the rest."""
        capture = self._process.capture
        if capture is None:
            return log()
        try:
            return capture.quietly(log)
        finally:
            attempt("context.log", partial(capture.context_log, text))

    def quietly(self, action: Callable[[], Any]) -> Any:
        """Do something whose output is told already, in a better form."""
        capture = self._process.capture
        return action() if capture is None else capture.quietly(action)

    def silenced(self) -> bool:
        """Whether the runtime's own error output is to be kept back."""
        return self._process.capture is not None and self._process.capture.silences_errors

    # -- fork ---------------------------------------------------------------------------------

    def after_fork(self) -> None:
        """In a forked child: the extension is the parent's."""
        self._is_child = True
        self._begun = None
        if self.extension is not None:
            self.extension.after_fork()
            self.extension = None


def _do_nothing() -> None:
    return


def _is_worker() -> bool:
    """Whether this process was forked by the runtime client, as Managed Instances workers are."""
    process = sys.modules.get("multiprocessing.process")
    return process is not None and process.parent_process() is not None


def _share_imports(*, several: bool) -> None:
    """Import what our threads import later, before workers are forked.

    A module that a thread is importing at the moment of a fork stays half imported in the child,
    and its lock stays taken. Done early the workers also share the memory.

    Args:
        several: whether there are several streams.
    """
    from firehose_logging._delivery import dispatcher as _dispatcher
    from firehose_logging._delivery import journal_files as _journal
    from firehose_logging._extension import companion as _companion
    from firehose_logging._extension import last_flush as _last_flush
    from firehose_logging._extension import listener as _listener
    from firehose_logging._extension import telemetry as _telemetry
    from firehose_logging._firehose import choose as _transport
    from firehose_logging._firehose import credentials as _credentials
    from firehose_logging._firehose import direct as _direct

    del _companion, _credentials, _direct, _dispatcher, _journal, _last_flush, _listener
    del _telemetry, _transport
    if several:
        from firehose_logging._firehose import several as _several

        del _several
