"""Telemetry events and the relay that hands them to subscribers.

Record shapes: "Lambda Telemetry API Event schema reference" and "Lambda Logs API" of the developer
guide. An event is made once, in the newest shape, and rendered for each subscriber's schema.
"""

from __future__ import annotations

import copy
import json
import threading
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

TELEMETRY_SCHEMAS = ("2022-07-01", "2022-12-13", "2025-01-29")
LOGS_SCHEMAS = ("2020-08-15", "2021-03-18")
CATEGORIES = ("platform", "function", "extension")

#: Only the older Logs API has these.
LOGS_ONLY = frozenset({"platform.end", "platform.fault", "platform.logsSubscription"})
#: Only the Telemetry API has these.
TELEMETRY_ONLY = frozenset(
    {
        "platform.initStart",
        "platform.initRuntimeDone",
        "platform.initReport",
        "platform.restoreStart",
        "platform.restoreRuntimeDone",
        "platform.restoreReport",
        "platform.telemetrySubscription",
    }
)


@dataclass(frozen=True)
class TelemetryEvent:
    """One event; `record` is an object, or text for function, extension and platform.fault.

    `time` is when the platform made it, RFC 3339 in UTC with milliseconds. `text` is what a
    function or extension wrote; `record` may then be the object that the text holds.
    """

    time: str
    type: str
    record: Any
    text: str | None = None

    @property
    def category(self) -> str:
        """`platform`, `function` or `extension`."""
        return self.type.partition(".")[0]


def timestamp(seconds: float | None = None) -> str:
    """Return a time (seconds since the epoch, None: now) as telemetry writes it."""
    moment = (
        datetime.now(timezone.utc)
        if seconds is None
        else datetime.fromtimestamp(seconds, timezone.utc)
    )
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def render(event: TelemetryEvent, schema: str) -> bytes | None:
    """Return the event as JSON in the shape of `schema`, None when that schema has no such event.

    `schema` is one of `TELEMETRY_SCHEMAS` or `LOGS_SCHEMAS`; their dates do not overlap.
    """
    record = event.record
    if schema in LOGS_SCHEMAS:
        if event.type in TELEMETRY_ONLY:
            return None
        if event.type == "platform.runtimeDone" and schema != "2021-03-18":
            return None
        record = event.text if event.text is not None else _logs_record(event)
    else:
        if event.type in LOGS_ONLY:
            return None
        if schema == "2022-07-01":
            if event.type.startswith("platform.restore"):
                return None
            record = event.text if event.text is not None else _first_schema_record(event)
    return json.dumps({"time": event.time, "type": event.type, "record": record}).encode()


def _logs_record(event: TelemetryEvent) -> Any:
    """Shorten a record to what the Logs API documents."""
    keep = {
        "platform.start": ("requestId", "version"),
        "platform.runtimeDone": ("requestId", "status"),
        "platform.report": ("requestId", "metrics", "tracing"),
    }.get(event.type)
    if keep is None:
        return event.record
    return {name: event.record[name] for name in keep if name in event.record}


def _first_schema_record(event: TelemetryEvent) -> Any:
    """Take out what schema 2022-07-01 did not have yet."""
    record = copy.deepcopy(event.record)
    if event.type == "platform.initStart":
        for name in ("functionName", "functionVersion", "instanceId", "instanceMaxMemory"):
            record.pop(name, None)
    elif event.type == "platform.start":
        record.pop("functionArn", None)
    elif event.type == "platform.initReport":
        record.pop("status", None)
        record.pop("errorType", None)
    elif event.type == "platform.runtimeDone" and "spans" in record:
        record["spans"] = [s for s in record["spans"] if s["name"] != "runtimeOverhead"]
    return record


class Subscriber(Protocol):
    """What the relay needs of a subscription; `subscription.Subscription` is the real one."""

    name: str
    api: str
    categories: frozenset[str]

    def offer(self, event: TelemetryEvent) -> None:
        """Take an event; never blocks."""

    def flush(self) -> None:
        """Send what is buffered without waiting for more; returns at once."""

    def pause(self, *, paused: bool) -> None:
        """Stop or go on, as the environment is frozen or thawed."""

    @property
    def settled(self) -> bool:
        """True when everything was taken."""

    def discard(self) -> None:
        """Give up what is left; go on with what comes."""

    def close(self) -> None:
        """Give up what is left and end the thread."""


@dataclass
class _Subscriptions:
    """The relay's state: who listens, whether one may join, what a newcomer is told first."""

    open: bool = False
    members: dict[str, Subscriber] = field(default_factory=dict)
    replay: list[TelemetryEvent] = field(default_factory=list)


class Relay:
    """Keep every event, pass it to the subscribers, replay Init to those who join during it.

    `observer` sees each event too, for timelines and files; it must not call back.
    """

    def __init__(self, observer: Callable[[TelemetryEvent], None] | None = None) -> None:
        self._observer = observer
        self._lock = threading.RLock()  # a subscriber may report drops while it is offered one
        self._state = _Subscriptions()
        self._events: list[TelemetryEvent] = []

    @property
    def events(self) -> list[TelemetryEvent]:
        """Every event so far, in order."""
        with self._lock:
            return list(self._events)

    @property
    def open(self) -> bool:
        """True while subscriptions are taken."""
        with self._lock:
            return self._state.open

    def emit(self, kind: str, record: Any, *, text: str | None = None) -> TelemetryEvent:
        """Make an event now and pass it on; `text` as in `TelemetryEvent`."""
        with self._lock:  # one lock for time and order, so that times never run backwards
            event = TelemetryEvent(timestamp(), kind, record, text)
            self._events.append(event)
            if self._state.open:
                self._state.replay.append(event)
            for member in self._state.members.values():
                if event.category in member.categories:
                    member.offer(event)
            if self._observer is not None:
                self._observer(event)
        return event

    def open_subscriptions(self) -> None:
        """Begin an Init: no members, newcomers get what happens from here on."""
        with self._lock:
            self._state = _Subscriptions(open=True)

    def close_subscriptions(self) -> None:
        """End of Init: nobody joins any more."""
        with self._lock:
            self._state.open = False
            self._state.replay = []

    def subscription_of(self, name: str) -> Subscriber | None:
        """Return the subscription of extension `name`, None when it has none."""
        with self._lock:
            return self._state.members.get(name)

    def join(self, subscriber: Subscriber) -> bool:
        """Add a subscriber and replay Init to it; False when subscriptions are closed."""
        with self._lock:
            if not self._state.open:
                return False
            replaced = self._state.members.get(subscriber.name)
            self._state.members[subscriber.name] = subscriber
            for event in self._state.replay:
                if event.category in subscriber.categories:
                    subscriber.offer(event)
        if replaced is not None:
            replaced.close()
        return True

    def flush(self) -> None:
        """Have every subscriber send what it holds; returns at once."""
        for member in self._members():
            member.flush()

    def pause(self, *, paused: bool) -> None:
        """Freeze or thaw delivery."""
        for member in self._members():
            member.pause(paused=paused)

    @property
    def settled(self) -> bool:
        """True when every subscriber has taken everything."""
        return all(member.settled for member in self._members())

    def discard(self) -> None:
        """Give up what is not delivered: the process it was for is gone."""
        for member in self._members():
            member.discard()

    def clear(self) -> None:
        """Drop all subscriptions, as a reset does, and wait for their threads."""
        with self._lock:
            members = list(self._state.members.values())
            self._state = _Subscriptions()
        for member in members:
            member.close()

    def _members(self) -> list[Subscriber]:
        with self._lock:
            return list(self._state.members.values())
