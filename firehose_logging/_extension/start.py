"""Registers with Lambda, subscribes to telemetry, and puts an extension together.

Each step that fails costs what depends on it and nothing else, and is told once. What is imported
inside of functions is not needed before the first answer.
"""

from __future__ import annotations

from firehose_logging._diagnostics import tell
from firehose_logging._extension.extension import Extension
from firehose_logging._extension.inbox import Inbox
from firehose_logging._extension.lambda_api import LambdaApi, LambdaApiError
from firehose_logging._extension.subscription import subscribe
from firehose_logging._limits import TELEMETRY_TIMEOUT_MS_MANAGED_INSTANCES
from firehose_logging._threads import Reserved

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
        # All mutable state.
        self._flush = (settings.flush, settings.interval)
        self._policy: FlushPolicy | None = None

    def change(self, settings: Settings) -> None:
        """Flush as other settings say, from the next decision on."""
        self._flush = (settings.flush, settings.interval)
        if self._policy is not None:
            self._policy.change(*self._flush)

    def on_demand(self, *, hooked: bool, decorated: bool) -> Extension | None:
        """The extension of an on-demand environment; None when Lambda refuses.

        Args:
            hooked: whether a hook in the runtime client tells when handlers begin and end.
            decorated: whether the function's own decorator does.
        """
        means = _Means.reserve()
        api = self._register(["INVOKE"]) if means is not None else None
        if means is None or api is None:
            _give_back(means)
            return None
        server = self._subscribe(api, managed=False)
        asking = _ask(api)

        def make() -> Companion:
            from firehose_logging._extension.lifecycle import Lifecycle
            from firehose_logging._extension.on_demand import OnDemand
            from firehose_logging._switch_interval import SwitchInterval

            switches = SwitchInterval()
            next_event = self._next_event(api, asking=asking)
            mode = OnDemand(
                Lifecycle(self._make_policy()),
                self._deliveries,
                next_event,
                self._context,
                switches,
                self._clock,
                hooked=hooked,
                decorated=decorated,
                sees_runtime_done=server is not None and "platform" in self._settings.telemetry,
            )
            return self._companion(means.inbox, mode, next_event, switches, api, server)

        return self._run(
            means, make, api, server, hooked=hooked, rests=asking and not self._takes_descriptors()
        )

    def managed_instances(self) -> Extension | None:
        """The extension of a Managed Instances environment; None when another process is it."""
        from firehose_logging._extension.managed_instances import ManagedInstances
        from firehose_logging._switch_interval import SwitchInterval

        means = _Means.reserve()
        api = self._register([]) if means is not None else None
        if means is None or api is None:
            _give_back(means)
            return None
        server = self._subscribe(api, managed=True)
        asking = _ask(api)

        def make() -> Companion:
            next_event = self._next_event(api, asking=asking)
            mode = ManagedInstances(next_event, self._sink)
            return self._companion(
                means.inbox, mode, next_event, SwitchInterval(), api, server, managed=True
            )

        return self._run(means, make, api, server)

    def signals_only(self) -> Extension | None:
        """No extension: only the flush at SIGTERM; None when no thread can be started."""
        from firehose_logging._extension.next_event import NoEvents
        from firehose_logging._extension.signals_only import SignalsOnly
        from firehose_logging._switch_interval import SwitchInterval

        means = _Means.reserve()
        if means is None:
            return None

        def make() -> Companion:
            return self._companion(
                means.inbox, SignalsOnly(), NoEvents(), SwitchInterval(), managed=True
            )

        return self._run(means, make)

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

    def _takes_descriptors(self) -> bool:
        """Whether output of descriptors is to be read from the start."""
        return self._look_at_output() is not None

    def _run(
        self,
        means: _Means,
        make: Callable[[], Companion],
        api: LambdaApi | None = None,
        server: _socket.socket | None = None,
        *,
        hooked: bool = False,
        rests: bool = False,
    ) -> Extension:
        extension = Extension(
            make, means.inbox, self._clock, api=api, server=server, hooked=hooked, rests=rests
        )
        means.thread.run(extension.run)
        return extension

    # -- on the extension's own thread --------------------------------------------------------

    def _make_policy(self) -> FlushPolicy:
        from firehose_logging._extension.flush_policy import FlushPolicy

        policy = self._policy = FlushPolicy(*self._flush)
        policy.change(*self._flush)  # changed meanwhile
        return policy

    def _next_event(self, api: LambdaApi, *, asking: bool) -> NextEvent:
        from firehose_logging._extension.next_event import NextEvent

        next_event = NextEvent(api, asking=asking)
        next_event.ask(self._clock.now())
        return next_event

    def _companion(
        self,
        inbox: Inbox,
        mode: Mode,
        next_event: NextEvent | NoEvents,
        switches: SwitchInterval,
        api: LambdaApi | None = None,
        server: _socket.socket | None = None,
        *,
        managed: bool = False,
    ) -> Companion:
        from firehose_logging._extension.companion import Companion
        from firehose_logging._extension.last_flush import QUIET, LastFlush

        listener = None
        if server is not None and api is not None:
            from firehose_logging._extension.listener import Listener

            listener = Listener(server, api_host=api.peer_host)
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


class _Means:
    """What an extension cannot be without, had before Lambda hears of us.

    Who registers must ask for events, or no invocation ends.
    """

    def __init__(self, thread: Reserved, inbox: Inbox) -> None:
        self.thread = thread
        self.inbox = inbox

    @classmethod
    def reserve(cls) -> _Means | None:
        """A thread and an inbox; None, which is told, when the process has none left."""
        inbox = None
        try:
            inbox = Inbox()
            return cls(Reserved("extension"), inbox)
        except (OSError, RuntimeError) as error:
            if inbox is not None:
                inbox.close()
            tell(
                f"no thread or descriptor is left for the extension ({error}); lines are "
                "delivered by the function's own thread, after each invocation",
                code="no_thread",
                once="threads",
            )
            return None


def _ask(api: LambdaApi) -> bool:
    """Ask for the next event; False where it has to be asked for again."""
    try:
        api.ask_next()
    except LambdaApiError:
        return False
    return True


def _give_back(means: _Means | None) -> None:
    if means is not None:
        means.thread.cancel()
        means.inbox.close()


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
