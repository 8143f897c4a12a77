"""When to flush and when to ask for the next event. Pure: events and ``now`` in, actions out.

The promises kept here: the next event is always asked for before the invocation's deadline; the
hold after the response is bounded and is zero while the stream is failing; a flush is made early
enough that a time-out loses nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging._extension.flush_policy import FlushPolicy

#: Deliver during the running invocation; nobody waits.
DELIVER = "deliver"
#: The same, and the deadline is near: a function that computes must not keep us from it.
DELIVER_SOON = "deliver soon"
#: Deliver, and hold the environment until that is done or ``hold_until``.
FLUSH = "flush"
#: Ask for the next event: from then on the environment may be frozen.
NEXT = "next"

#: Who tells that a handler is done: a hook in the runtime client, before anybody else could; the
#: platform's telemetry; nobody, then lines are delivered during the next invocation.
BY_HOOK = "hook"
BY_TELEMETRY = "telemetry"
BY_NOBODY = "nobody"

#: Most seconds the environment is held after a response.
HOLD_LIMIT = 3.0

#: Seconds before the deadline at which everything logged so far is delivered, since a time-out
#: ends in SIGTERM and 300 to 500 ms; never more than a third of the invocation's time.
EARLY_FLUSH = 1.0

#: Seconds before the deadline at which the next event is asked for whatever else is going on.
LAST_MOMENT = 0.1

#: States: no invocation is known and the next event is asked for; one runs; one runs and the next
#: event is asked for already; one has ended and the environment is held for a flush.
WAITING, RUNNING, ASKED, HOLDING = "waiting", "running", "asked", "holding"
STATES = (WAITING, RUNNING, ASKED, HOLDING)

#: What leads from one state to another: an INVOKE event; asking early; the end of an invocation
#: without a hold; the begin and the end of a hold; a defect of ours, after which we start afresh.
INVOKED, ASKS, LEAVES, HOLDS, RELEASES, RESETS = (
    "invoked", "asks early", "leaves", "holds", "releases", "resets",
)  # fmt: skip
STEPS = (INVOKED, ASKS, LEAVES, HOLDS, RELEASES, RESETS)

#: Every legal move. An INVOKE event comes only to who has asked for it, so never in between.
MOVES = {
    (WAITING, INVOKED): RUNNING,
    (ASKED, INVOKED): RUNNING,  # that the last one has ended was not told, but it has
    (RUNNING, ASKS): ASKED,
    (RUNNING, LEAVES): WAITING,
    (ASKED, LEAVES): WAITING,
    (RUNNING, HOLDS): HOLDING,
    (HOLDING, RELEASES): WAITING,
    (WAITING, RESETS): WAITING,
    (RUNNING, RESETS): ASKED,
    (ASKED, RESETS): ASKED,
    (HOLDING, RESETS): WAITING,
}


class IllegalMoveError(Exception):
    """A step that the present state does not allow; the message names both."""


def move(state: str, step: str) -> str:
    """The state after a step.

    Raises:
        IllegalMoveError: ``MOVES`` has no such move.
    """
    after = MOVES.get((state, step))
    if after is None:
        raise IllegalMoveError(f"no move {step!r} while {state}")
    return after


class Lifecycle:
    """Follows invocations for an extension registered for INVOKE.

    Args:
        policy: decides at the end of each invocation.
    """

    def __init__(self, policy: FlushPolicy) -> None:
        self._policy = policy
        # All mutable state.
        self._state = WAITING
        self._request_id: str | None = None
        self._done: str | None = None  # ended before its INVOKE event was read
        self._missed_end = False  # the last end was awaited until the deadline, in vain
        self._overdue = False  # a hold ended before its flush did; another would be in vain
        self._deadline = 0.0
        self._early_at: float | None = None
        self._hold_until = 0.0
        self._check_at: float | None = None

    @property
    def state(self) -> str:
        """One of ``STATES``."""
        return self._state

    @property
    def awaits_flush(self) -> bool:
        """Whether ``flushed`` and ``flush_failed`` would be news: there is or was a hold."""
        return self._state == HOLDING or self._overdue

    def awaits_end(self, told_by: str) -> bool:
        """Whether the end of an invocation that begins now will be waited for.

        Args:
            told_by: as of ``invoked``. Telemetry that did not bring the last end is not trusted
                again until it brings one.
        """
        return told_by == BY_HOOK or (told_by == BY_TELEMETRY and not self._missed_end)

    @property
    def is_behind(self) -> bool:
        """Whether an end was told of an invocation whose event has not been read."""
        return self._done is not None

    def is_due(self, oldest: float | None, now: float) -> bool:
        """Whether an invocation that begins now delivers while it runs.

        Args:
            oldest: when the oldest pending line came; None when nothing is pending.
            now: seconds, of the same clock.
        """
        return self._policy.is_due(oldest, now)

    # -- events -----------------------------------------------------------------------------

    def invoked(
        self,
        request_id: str,
        deadline: float,
        oldest: float | None,
        now: float,
        *,
        told_by: str = BY_TELEMETRY,
        failing: bool = False,
        recovering: bool = False,
    ) -> list[str]:
        """An INVOKE event came.

        Args:
            request_id: the invocation's.
            deadline: when the function times out, on the clock of ``now``.
            oldest: when the oldest pending line came; None when nothing is pending.
            now: seconds, of the same clock.
            told_by: who will tell the end: ``BY_HOOK``, ``BY_TELEMETRY`` or ``BY_NOBODY``.
            failing: as of ``ended``, for an invocation that has ended before we hear of it.
            recovering: whether lines of an earlier process are still being read: the
                invocation's time may be all there is for that.

        Raises:
            IllegalMoveError: nobody had asked for an event.
        """
        self._state = move(self._state, INVOKED)
        self._policy.arrived(now)
        self._request_id = request_id
        self._deadline = deadline
        self._early_at = deadline - min(EARLY_FLUSH, max(deadline - now, 0.0) / 3)
        self._check_at = now + self._policy.interval
        actions = []
        if self._policy.due(oldest, now):
            actions.append(DELIVER)
        if self._done == request_id:
            actions += self.ended(request_id, oldest, failing=failing, now=now)
        elif not self.awaits_end(told_by):
            self._state = move(self._state, LEAVES)
            if oldest is not None and DELIVER not in actions:
                actions.append(DELIVER)
            actions.append(NEXT)
        elif told_by == BY_HOOK and not recovering and self._policy.leaves(oldest, now):
            # Nobody will be held, so nobody need wait for us to say so: the environment is frozen
            # when the runtime, too, has asked. What tells lines apart is then the hook, not what
            # the platform says.
            self._state = move(self._state, ASKS)
            actions.append(NEXT)
        return actions

    def ended(
        self, request_id: str | None, oldest: float | None, *, failing: bool, now: float
    ) -> list[str]:
        """The handler is done and its response on the way; news of another one changes nothing.

        Args:
            request_id: None means the one that is running.
            oldest: when the oldest pending line came; None when nothing is pending.
            failing: whether the stream is failing, so that holding would be in vain.
            now: seconds, of the same clock.
        """
        if request_id is None or request_id == self._request_id:
            self._missed_end = False
        running = self._state in (RUNNING, ASKED)
        if not running or (request_id is not None and request_id != self._request_id):
            self._done = request_id
            return []
        self._done = None
        asked = self._state == ASKED
        deliver = self._policy.at_end(oldest, now)
        hold_until = min(now + HOLD_LIMIT, self._deadline - LAST_MOMENT)
        in_vain = failing or self._overdue
        if asked or not deliver or in_vain or hold_until <= now:
            self._state = move(self._state, LEAVES)
            return ([DELIVER] if deliver else []) + ([] if asked else [NEXT])
        self._state = move(self._state, HOLDS)
        self._hold_until = hold_until
        return [FLUSH]

    def flushed(self) -> list[str]:
        """Everything that was last asked for is delivered or lost."""
        self._overdue = False
        return self.flush_failed()

    def flush_failed(self) -> list[str]:
        """The stream is failing: whoever is held for it need not be."""
        if self._state != HOLDING:
            return []
        self._state = move(self._state, RELEASES)
        return [NEXT]

    def tick(self, oldest: float | None, now: float) -> list[str]:
        """Time has passed."""
        if self._state == HOLDING and now >= self._hold_until:
            self._overdue = True
            return self.flush_failed()
        if self._state not in (RUNNING, ASKED):
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
            self._missed_end = True
            if self._state == RUNNING:
                actions.append(NEXT)
            self._state = move(self._state, LEAVES)
        return actions

    def reset(self) -> list[str]:
        """Something of ours broke: ask for the next event, whatever was going on."""
        self._state = move(self._state, RESETS)
        return [NEXT]

    def wakes_at(self) -> float | None:
        """When to call ``tick`` next; None when only an event can change anything."""
        if self._state == HOLDING:
            return self._hold_until
        if self._state == WAITING:
            return None
        times = [self._deadline - LAST_MOMENT]
        if self._early_at is not None:
            times.append(self._early_at)
        if self._check_at is not None:
            times.append(self._check_at)
        return min(times)

    def __repr__(self) -> str:
        return f"<Lifecycle {self._state} {self._request_id}>"
