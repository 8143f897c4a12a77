"""Registers with Lambda, subscribes to telemetry, and puts an extension together.

Each step that fails costs what depends on it and nothing else, and is told once. What is imported
inside of functions is not needed before the first answer.
"""

from __future__ import annotations

from functools import partial

from firehose_logging import _threads
from firehose_logging._diagnostics import tell
from firehose_logging._extension.extension import Connection, Extension
from firehose_logging._extension.inbox import Inbox
from firehose_logging._extension.lambda_api import LambdaApi, LambdaApiError
from firehose_logging._extension.subscription import subscribe
from firehose_logging._limits import TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES

TYPE_CHECKING = False
if TYPE_CHECKING:
    import _socket
    from collections.abc import Callable

    from firehose_logging._clock import SystemClock
    from firehose_logging._delivery.deliveries import Deliveries
    from firehose_logging._delivery.delivery import Delivery
    from firehose_logging._environment import Environment
    from firehose_logging._extension.companion import Companion, Mode
    from firehose_logging._extension.flush_policy import FlushPolicy
    from firehose_logging._extension.next_event import NextEvent, NoEvents
    from firehose_logging._extension.telemetry import TelemetryReader
    from firehose_logging._line.context import Context
    from firehose_logging._switch_interval import SwitchInterval
    from firehose_logging.settings import Settings

#: Our name with the platform. It must not be the name of a file in a layer's extensions folder,
#: or Lambda takes it for an external extension.
NAME = "firehose-logging-internal"

#: Seconds more than on demand without news after which no telemetry will come: on Managed
#: Instances events may wait for each other before they are posted.
WAITS_MANAGED_INSTANCES = TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES / 1000


class Starter:
    """Makes extensions for one process.

    Args:
        environment: what Lambda says about this environment.
        settings: flush policy; types, API and port of the telemetry.
        deliveries: what is flushed.
        sink: takes the lines that are made of telemetry.
        context: the columns of this environment's lines.
        clock: the clock seam.
        complete_output: makes lines of output that waits for its line end.
        look_at_output: reads output of descriptors; returns the seconds until the next look, None
            where they are not captured.
        take: takes a line of telemetry in the sink's place; None for the sink itself.
        terminate: ends the process when SIGTERM's flush is done, if nobody else handles SIGTERM.
        refused: called, on the extension's thread, where Lambda refuses an on-demand environment's.
        begins: called, on the same thread, when the rest of an on-demand environment's is over.
    """

    def __init__(
        self,
        environment: Environment,
        settings: Settings,
        deliveries: Deliveries,
        sink: Delivery,
        context: Context,
        clock: SystemClock,
        *,
        complete_output: Callable[[], None],
        look_at_output: Callable[[], float | None] = lambda: None,
        take: Callable[[str], None] | None = None,
        terminate: Callable[[], None],
        refused: Callable[[], None] = lambda: None,
        begins: Callable[[], None] = lambda: None,
    ) -> None:
        self._environment = environment
        self._settings = settings
        self._deliveries = deliveries
        self._sink = sink
        self._context = context
        self._clock = clock
        self._complete_output = complete_output
        self._look_at_output = look_at_output
        self._take = take
        self._terminate = terminate
        self._refused = refused
        self._begins = begins
        # All mutable state.
        self._flush = (settings.flush, settings.interval)
        self._policy: FlushPolicy | None = None

    def change(self, settings: Settings) -> None:
        """Flush as other settings say, from the next decision on."""
        self._flush = (settings.flush, settings.interval)
        if self._policy is not None:
            self._policy.change(*self._flush)

    def on_demand(self, *, hooked: bool, decorated: bool) -> Extension | None:
        """The extension of an on-demand environment; None when no thread can be started.

        Args:
            hooked: whether a hook in the runtime client tells when handlers begin and end.
            decorated: whether the function's own decorator does.
        """

        def make(inbox: Inbox, connection: Connection) -> Companion:
            self._begins()
            from firehose_logging._extension.lifecycle import Lifecycle
            from firehose_logging._extension.on_demand import OnDemand
            from firehose_logging._switch_interval import SwitchInterval

            switches = SwitchInterval()
            next_event = self._next_event(connection)
            sees_platform = connection.server is not None and "platform" in self._settings.telemetry
            mode = OnDemand(
                Lifecycle(self._make_policy()),
                self._deliveries,
                next_event,
                self._context,
                switches,
                self._clock,
                hooked=hooked,
                decorated=decorated,
                sees_runtime_done=sees_platform,
            )
            return self._companion(inbox, mode, next_event, switches, connection)

        takes_descriptors = self._look_at_output() is not None
        return self._start(
            lambda inbox: Extension(
                partial(self._connect, ["INVOKE"], managed=False),
                make,
                inbox,
                self._clock,
                refused=self._refused,
                hooked=hooked,
                will_hook=self._environment.runs_client,
                rests=not takes_descriptors,
            )
        )

    def managed_instances(self) -> Extension | None:
        """The extension of a Managed Instances environment; None when no thread can be started."""
        from firehose_logging._extension.managed_instances import ManagedInstances
        from firehose_logging._switch_interval import SwitchInterval

        def make(inbox: Inbox, connection: Connection) -> Companion:
            next_event = self._next_event(connection)
            mode = ManagedInstances(next_event, self._sink)
            return self._companion(
                inbox, mode, next_event, SwitchInterval(), connection, managed=True
            )

        connect = partial(self._connect, [], managed=True)
        return self._start(lambda inbox: Extension(connect, make, inbox, self._clock))

    def signals_only(self) -> Extension | None:
        """No extension: only the flush at SIGTERM; None when no thread can be started."""
        from firehose_logging._extension.next_event import NoEvents
        from firehose_logging._extension.signals_only import SignalsOnly
        from firehose_logging._switch_interval import SwitchInterval

        def make(inbox: Inbox, connection: Connection) -> Companion:
            return self._companion(
                inbox, SignalsOnly(), NoEvents(), SwitchInterval(), connection, managed=True
            )

        return self._start(
            lambda inbox: Extension(lambda: Connection(None), make, inbox, self._clock)
        )

    def _start(self, made: Callable[[Inbox], Extension]) -> Extension | None:
        """Start the thread, before Lambda hears of us: who registers must ask for events."""
        extension = None
        try:
            extension = made(Inbox())
            _threads.spawn("extension", extension.run)
        except (OSError, RuntimeError) as error:
            if extension is not None:
                extension.close()
            tell(
                f"no thread or descriptor is left for the extension ({error}); lines are "
                "delivered by the function's own thread, after each invocation",
                code="no_thread",
                once="threads",
            )
            return None
        return extension

    # -- on the extension's own thread --------------------------------------------------------

    def _connect(self, events: list[str], *, managed: bool) -> Connection | None:
        api = self._register(events)
        if api is None:
            return None
        connection = Connection(api, self._subscribe(api, managed=managed))
        connection.ask()
        return connection

    def _register(self, events: list[str]) -> LambdaApi | None:
        api = LambdaApi(self._environment.runtime_api or "")
        try:
            fields = self._context.fields
            account = api.register(
                NAME, events, with_account=fields is not None and fields.needs_account
            )
        except LambdaApiError as error:
            api.close()
            if self._environment.workers is None or error.status != 403:
                _tell_not_registered(error)  # else the first worker is the extension of all
            return None
        if account is not None:
            self._context.know_account(account)
        return api

    def _subscribe(self, api: LambdaApi, *, managed: bool) -> _socket.socket | None:
        if not self._settings.telemetry:
            return None
        try:
            return subscribe(api, self._settings, managed=managed)
        except Exception as error:  # noqa: BLE001 - who has registered must ask for events
            tell(
                f"no telemetry: {type(error).__name__}: {error}",
                code="no_telemetry",
                once="listener",
            )
            return None

    def _make_policy(self) -> FlushPolicy:
        from firehose_logging._extension.flush_policy import FlushPolicy

        policy = self._policy = FlushPolicy(*self._flush)
        policy.change(*self._flush)  # changed meanwhile
        return policy

    def _next_event(self, connection: Connection) -> NextEvent:
        from firehose_logging._extension.next_event import NextEvent

        assert connection.api is not None
        if not connection.asking:
            connection.ask()  # by the one that knows it, where no companion comes of this
        next_event = NextEvent(connection.api, asking=connection.asking)
        next_event.ask(self._clock.now())
        return next_event

    def _companion(
        self,
        inbox: Inbox,
        mode: Mode,
        next_event: NextEvent | NoEvents,
        switches: SwitchInterval,
        connection: Connection,
        *,
        managed: bool = False,
    ) -> Companion:
        from firehose_logging._extension.companion import Companion
        from firehose_logging._extension.last_flush import QUIET, LastFlush

        listener = None
        if connection.server is not None and connection.api is not None:
            from firehose_logging._extension.listener import Listener

            listener = Listener(connection.server, api_host=connection.api.peer_host)
        quiet = QUIET + WAITS_MANAGED_INSTANCES if managed else QUIET
        return Companion(
            mode,
            inbox,
            next_event,
            listener,
            self._make_reader,
            self._sink,
            LastFlush(self._deliveries, switches, self._terminate, quiet=quiet),
            self._complete_output,
            self._look_at_output,
            self._clock,
            self._take,
        )

    def _make_reader(self) -> TelemetryReader:
        from firehose_logging._extension.telemetry import TelemetryReader

        return TelemetryReader(self._context, concurrent=self._environment.workers is not None)


def _tell_not_registered(error: LambdaApiError) -> None:
    if error.kind == "Extension.RegistrationClosed":
        why = (
            "too late: make the handler (or call install()) while the module is imported, "
            "not in the function"
        )
    else:
        why = str(error)
    tell(
        f"not registered as an extension ({why}); lines are delivered at the end of each "
        "invocation, after its response; those of an invocation that times out may be lost",
        code="not_registered",
        once="register",
    )
