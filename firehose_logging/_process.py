"""Everything of ours in one process: what it is made of, how it starts, how it ends.

Nothing here may raise into the function: each step is tried by itself, and what fails is told
once and costs only what depends on it.
"""

from __future__ import annotations

import atexit
import os
import sys
from functools import partial

from firehose_logging import _diagnostics, _shutdown, _threads
from firehose_logging._bundle import have
from firehose_logging._capture.sink import Sink
from firehose_logging._clock import SystemClock
from firehose_logging._delivery.backlog import Backlog
from firehose_logging._delivery.deliveries import Deliveries
from firehose_logging._delivery.delivery import Delivery
from firehose_logging._diagnostics import attempt, tell
from firehose_logging._line import line as _line
from firehose_logging._line.context import Context
from firehose_logging._line.json_text import dumps, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from firehose_logging._capture.setup import Setup
    from firehose_logging._delivery.diversion import RuntimeOutput
    from firehose_logging._delivery.outcome import Transport
    from firehose_logging._environment import Environment
    from firehose_logging._line.redact import Redact
    from firehose_logging._runtime import Runtime
    from firehose_logging.settings import Settings

#: Seconds for the last flush when the interpreter exits: in Lambda the platform waits for the
#: exit, elsewhere a person does.
EXIT_TIMEOUT_LAMBDA = 2.0
EXIT_TIMEOUT = 5.0

#: Parts of the function's memory, of which undelivered lines get one. Lines in flight, their
#: base64 and the function itself need the rest.
MEMORY_PARTS = 4

#: Settings that hold from the start: what is registered, opened or made with them is made once.
_KEPT = (
    *("stream_names", "listener_port", "telemetry", "telemetry_api", "capture"),
    *("compression", "buffer_bytes", "journal", "transport"),
)

#: What forks children that leave by ``os._exit``: Python's own, and Celery's copy of it.
_POOLS = ("multiprocessing.util", "billiard.util")


class Process:
    """Everything of ours in one process.

    Args:
        environment: the facts of the process; settings never change them.
        settings: those that came first: columns and schema of every line.
    """

    def __init__(self, environment: Environment, settings: Settings) -> None:
        self.environment = environment
        self.pid = os.getpid()
        self._is_child = False
        self.clock = SystemClock()
        self.context = Context(
            environment, fields=settings.fields, fixed=settings.schema == "fixed"
        )
        self.streams = Deliveries(self.clock)
        # All mutable state.
        #: Our place in Lambda's runtime; None elsewhere, and before the start.
        self.runtime: Runtime | None = None
        self.capture: Setup | None = None
        self._sinks: dict[Delivery, Sink] = {}
        self._started = False
        #: Those that hold now, and where what is captured goes; None until something is.
        self._settings = settings
        self._installed: Sink | None = None

    # -- deliveries -------------------------------------------------------------------------

    def delivery(self, stream_name: str, settings: Settings, client: Any) -> Delivery:
        """The delivery of a stream through a client, made at the first call.

        Args:
            stream_name: the first of the settings' streams; it names the delivery.
            settings: of the delivery, with all its streams.
            client: a ready boto3 client; None for our own way.
        """
        environment = self.environment

        def make_transport() -> Transport:
            # Off the critical path of the first answer.
            from firehose_logging._firehose.choose import make_transport as make

            def of(name: str) -> Transport:
                return make(settings, name, client, self.clock, environment.sdk_variables)

            names = settings.stream_names
            if len(names) == 1:
                return of(stream_name)
            from firehose_logging._delivery.caller import jitter
            from firehose_logging._firehose.several import SeveralStreams

            # Made anew after a SnapStart restore and in a forked child, which are other instances.
            home = int(self.context.instance_id, 16)
            return SeveralStreams(names, of, home, jitter, self.clock)

        def make() -> Delivery:
            most = self._buffer(settings)
            own = settings
            if most != settings.buffer_bytes:
                own = settings.replace(buffer_bytes=most)
            # Another account's lines must not be picked up by a process without its client.
            folder = settings.journal_folder(environment.temp_dir) if client is None else None
            delivery = Delivery(
                own,
                Backlog(own, self.clock, journal_folder=folder),
                make_transport,
                self.clock,
                background=self._delivers_by_age,
                own_body=self._own_body,
                on_progress=self._progress,
                divert=self._output() if settings.passes_undelivered else None,
            )
            if environment.runtime_api is not None:
                # Before the function's code runs. Elsewhere /tmp is not the program's alone.
                attempt("crash journal", delivery.backlog.journal.claim)
            return delivery

        key = (stream_name, id(client) if client is not None else 0)
        delivery = self.streams.get(key, make)
        self._report_to(delivery)
        return delivery

    def _report_to(self, delivery: Delivery) -> None:
        """Have what we say about ourselves go to the first delivery, too."""

        def say(level: str, text: str, code: str) -> None:
            delivery.add(self._own_body(level, text, {"code": code}))

        _diagnostics.deliver_to(say)

    def _buffer(self, settings: Settings) -> int:
        """Most bytes of undelivered lines: what is asked for, as far as the function has memory."""
        asked, memory = settings.buffer_bytes, self.environment.memory_size
        most = int(memory) * 1_048_576 // MEMORY_PARTS if memory and memory.isdecimal() else asked
        if asked <= most:
            return asked
        tell(
            f"FIREHOSE_LOGGING_BUFFER_BYTES={asked} is too much for a function with {memory} MB, "
            f"which would be ended for want of memory; using {most}, a quarter of it",
            code="setting_wrong",
            once="buffer",
        )
        return most

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
        if self.runtime is None or self.runtime.extension is None:
            return True
        return self.environment.workers is not None

    def sink(self, delivery: Delivery) -> Sink:
        """Where lines for a delivery go: one a delivery, made at the first call."""
        sink = self._sinks.get(delivery)
        if sink is None:
            sink = self._sinks.setdefault(delivery, Sink(delivery))
        return sink

    def _progress(self) -> None:
        if self.runtime is not None:
            self.runtime.progress()

    def _own_body(self, level: str, message: str, columns: dict[str, object]) -> str:
        """A line of ours, as an extension's: it is no output of the function."""
        when = _line.timestamp(self.clock.epoch())
        head = _line.start(when, "extension", level, "firehose_logging")
        more = "".join(f",{quote(name)}:{dumps(value)}" for name, value in columns.items())
        return f'{head}{self.context.environment_columns},"message":{quote(message)}{more}'

    # -- start ------------------------------------------------------------------------------

    def start(self, delivery: Delivery, settings: Settings) -> None:
        """Exit and fork hooks; in Lambda also the runtime hooks and the extension. Once.

        Args:
            delivery: takes what the extension has to say.
            settings: of the extension.
        """
        if self._started:
            return
        self._started = True
        atexit.register(self.at_exit)
        if self.environment.runtime_api is not None:
            attempt("runtime", partial(self._start_in_lambda, delivery, settings))
        else:
            from firehose_logging._termination import Termination

            attempt("SIGTERM", Termination(self.streams, self.clock).watch)

    def _start_in_lambda(self, delivery: Delivery, settings: Settings) -> None:
        from firehose_logging._runtime import Runtime

        self.runtime = Runtime(self, delivery, settings)
        self.runtime.start()

    def install(self, delivery: Delivery, settings: Settings, redact: Redact | None) -> None:
        """Set levels, capture what the settings name. All of it holds from this call on."""
        if settings.levels:
            attempt("levels", partial(_set_levels, settings))
        sink = self.sink(delivery)
        if redact is not None:
            sink.redact_with(redact)
        before, self._settings = self._settings, settings
        if before is not settings and before != settings:
            attempt("settings", partial(self._change, before, settings))
        self._installed = sink
        if self.capture is None and settings.capture:
            attempt("capture", partial(self._start_capture, sink, settings))

    @property
    def is_installed(self) -> bool:
        """Whether ``install`` was called, by the wrapper or in code."""
        return self._installed is not None

    def install_again(self, settings: Settings | None, redact: Redact | None) -> None:
        """What is given holds from now on, where it can; the rest is told, and stays.

        Args:
            settings: those that were given of them; None for none.
            redact: as of ``install``.
        """
        if redact is not None and self._installed is not None:
            self._installed.redact_with(redact)
        if settings is None:
            return
        before = self._settings
        given = {name: getattr(settings, name) for name in settings.given}
        if "levels" in given:
            attempt("levels", partial(_set_levels, settings))
        kept = [
            name
            for name in _KEPT
            if given.get(name, getattr(before, name)) != getattr(before, name)
        ]
        if "passthrough" in given and settings.passes_undelivered != before.passes_undelivered:
            kept.append("passthrough=undelivered")
        after = before.replace(**{name: given[name] for name in given if name not in _KEPT})
        self._settings = after
        if after != before:
            attempt("settings", partial(self._change, before, after))
        if kept:
            tell(
                f"install() was given {', '.join(kept)}, which cannot change any more after the "
                "start; set it by its variable, or call install() without the wrapper",
                code="setting_kept",
                once=f"kept:{kept}",
            )

    def _change(self, before: Settings, settings: Settings) -> None:
        if (before.fields, before.schema) != (settings.fields, settings.schema):
            self.context.change(fields=settings.fields, fixed=settings.schema == "fixed")
        if self.capture is not None:
            self.capture.change(settings)
        if self.runtime is not None:
            self.runtime.change(settings)

    def _start_capture(self, sink: Sink, settings: Settings) -> None:
        from firehose_logging._capture.setup import Setup

        self.capture = Setup(sink, self.context, self.clock, settings)
        self.capture.start()

    # -- the ends -----------------------------------------------------------------------------

    def at_exit(self) -> None:
        """The interpreter exits: the last flush."""
        if self.pid != os.getpid():
            return
        capture = self.capture
        if capture is not None:
            attempt("last output", capture.complete)
            attempt("descriptors", capture.leave_descriptors)
        attempt("last flush", self._flush_last)
        attempt("journals", self.streams.close_journals)
        for delivery in self.streams.all():
            attempt("last lock", delivery.backlog.last)
        if capture is not None:
            attempt("streams", capture.leave_streams)

    def _flush_last(self) -> None:
        for delivery in self.streams.all():
            delivery.backlog.release()
        in_lambda = self.environment.runtime_api is not None
        workers = self.environment.workers
        if in_lambda and self._is_child and workers is None and self.streams.are_kept():
            return  # the parent delivers them; whoever joins this child must not wait for Firehose
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
            journals = any(delivery.settings.journal for delivery in self.streams.all())
            kept = "; the crash journal keeps them" if journals else ""
            tell(
                f"{pending} lines were not delivered when the process ended{kept}",
                code="lines_undelivered",
            )

    def after_fork(self) -> None:
        """In a forked child: new identity, empty buffers, no extension, signals as before us."""
        self.pid = os.getpid()
        self._is_child = True
        have("_fork")
        from firehose_logging._fork import forget_imports

        forget_imports(_threads.own)
        _threads.forget()
        _diagnostics.forget()
        self.context.fork()
        self.streams.after_fork()
        for delivery in self.streams.all()[:1]:
            self._report_to(delivery)
        if self.runtime is not None:
            self.runtime.after_fork()
        _shutdown.unwatch()
        for name in _POOLS:
            util = sys.modules.get(name)
            if util is not None:
                # Its children leave without atexit, through finalizers of their own, which they
                # forget when they begin and then set up like this.
                util.register_after_fork(self, partial(_finalize, util))


def _set_levels(settings: Settings) -> None:
    have("_levels")
    from firehose_logging._levels import set_levels

    set_levels(settings.levels)


def _finalize(util: Any, process: Process) -> None:
    util.Finalize(None, process.at_exit, exitpriority=0)
