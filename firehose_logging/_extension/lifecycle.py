"""When to flush and when to ask for the next event. Pure: events and ``now`` in, actions out.

The promises kept here: the next event is always asked for before the invocation's deadline; the
hold after the response is bounded and is zero while the stream is failing; a flush is made early
enough that a time-out loses nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging._extension.flush_policy import FlushPolicy

#: Deliver in the shade of the running invocation; nobody waits.
DELIVER = "deliver"
#: The same, and the deadline is near: a function that computes must not keep us from it.
DELIVER_SOON = "deliver soon"
#: Deliver, and hold the environment until that is done or ``hold_until``.
FLUSH = "flush"
#: Ask for the next event: from then on the environment may be frozen.
NEXT = "next"

#: Most seconds the environment is held after a response.
HOLD_LIMIT = 3.0

#: Seconds before the deadline at which everything logged so far is delivered, since a time-out
#: ends in SIGTERM and 300 to 500 ms; never more than a third of the invocation's time.
EARLY_FLUSH = 1.0

#: Seconds before the deadline at which the next event is asked for whatever else is going on.
LAST_MOMENT = 0.1

_WAITING, _RUNNING, _HOLDING = "waiting", "running", "holding"


class Lifecycle:
    """Follows invocations for an extension registered for INVOKE.

    Args:
        policy: decides at the end of each invocation.
        sees_end: whether somebody will tell us that the handler is done (a hook in the runtime
            client, or telemetry). Without, lines are delivered in the next invocation's shade.
    """

    def __init__(self, policy: FlushPolicy, *, sees_end: bool = True) -> None:
        self._policy = policy
        self.sees_end = sees_end
        #: Whether the last invocation's end was awaited until its deadline, in vain.
        self.missed_end = False
        #: Whether the end of a handler is told by a hook, so that the next event may be asked for
        #: before it: what tells lines apart is then not what the platform says.
        self.asks_early = False
        #: Whether a hold ended before its flush did. Until that is over, another would be in vain.
        self.overdue = False
        # All mutable state.
        self._state = _WAITING
        self._request_id: str | None = None
        self._done: str | None = None  # ended before its INVOKE event was read
        self._deadline = 0.0
        self._early_at: float | None = None
        self._hold_until = 0.0
        self._asked = False  # for the next event, while this invocation runs
        self._check_at: float | None = None

    @property
    def running(self) -> bool:
        """Whether an invocation is going on."""
        return self._state == _RUNNING

    @property
    def holding(self) -> bool:
        """Whether the environment waits for a flush."""
        return self._state == _HOLDING

    def invoked(
        self,
        request_id: str,
        deadline: float,
        oldest: float | None,
        now: float,
        *,
        failing: bool = False,
    ) -> list[str]:
        """An INVOKE event came.

        Args:
            request_id: the invocation's.
            deadline: when the function times out, on the clock of ``now``.
            oldest: when the oldest pending line came; None when nothing is pending.
            now: seconds, of the same clock.
            failing: as of ``ended``, for an invocation that has ended before we hear of it.
        """
        self._policy.arrived(now)
        self._state = _RUNNING
        self._request_id = request_id
        self._asked = False
        self._deadline = deadline
        self._early_at = deadline - min(EARLY_FLUSH, max(deadline - now, 0.0) / 3)
        actions = []
        if self._policy.due(oldest, now):
            actions.append(DELIVER)
        self._check_at = now + self._policy.interval
        if self._done == request_id:
            actions += self.ended(request_id, oldest, failing=failing, now=now)
        elif not self.sees_end:
            self._state = _WAITING
            if oldest is not None and DELIVER not in actions:
                actions.append(DELIVER)
            actions.append(NEXT)
        elif self.asks_early and self._policy.leaves(oldest, now):
            # Nobody will be held, so nobody need wait for us to say so: the environment is frozen
            # when the runtime, too, has asked.
            self._asked = True
            actions.append(NEXT)
        return actions

    def ended(
        self, request_id: str | None, oldest: float | None, *, failing: bool, now: float
    ) -> list[str]:
        """The handler is done and its response on the way.

        Args:
            request_id: None means the one that is running.
            oldest: when the oldest pending line came; None when nothing is pending.
            failing: whether the stream is failing or still owes the last flush, so that holding
                would be in vain.
            now: seconds, of the same clock.
        """
        if request_id is None or request_id == self._request_id:
            self.missed_end = False
        if self._state != _RUNNING or (request_id is not None and request_id != self._request_id):
            self._done = request_id
            return []
        self._done = None
        if not self._policy.at_end(oldest, now):
            self._state = _WAITING
            return [] if self._asked else [NEXT]
        if self._asked:
            self._state = _WAITING
            return [DELIVER]
        if failing:
            self._state = _WAITING
            return [DELIVER, NEXT]
        self._state = _HOLDING
        self._hold_until = min(now + HOLD_LIMIT, self._deadline - LAST_MOMENT)
        if self._hold_until <= now:
            self._state = _WAITING
            return [DELIVER, NEXT]
        return [FLUSH]

    def flushed(self) -> list[str]:
        """The flush is done, or has failed."""
        if self._state != _HOLDING:
            return []
        self._state = _WAITING
        return [NEXT]

    def tick(self, oldest: float | None, now: float) -> list[str]:
        """Time has passed."""
        if self._state == _HOLDING and now >= self._hold_until:
            self.overdue = True
            return self.flushed()
        if self._state != _RUNNING:
            return []
        actions = []
        if self._early_at is not None and now >= self._early_at:
            self._early_at = None
            if oldest is not None:
                actions.append(DELIVER_SOON)
        if self._check_at is not None and now >= self._check_at:
            self._check_at = now + self._policy.interval
            if oldest is not None and not actions:
                actions.append(DELIVER)
        if now >= self._deadline - LAST_MOMENT:
            self._state = _WAITING
            self.missed_end = True
            if not self._asked:
                actions.append(NEXT)
        return actions

    def wakes_at(self) -> float | None:
        """When to call ``tick`` next; None when only an event can change anything."""
        if self._state == _HOLDING:
            return self._hold_until
        if self._state != _RUNNING:
            return None
        times = [self._deadline - LAST_MOMENT]
        if self._early_at is not None:
            times.append(self._early_at)
        if self._check_at is not None:
            times.append(self._check_at)
        return min(times)

    def __repr__(self) -> str:
        return f"<Lifecycle {self._state} {self._request_id}>"
