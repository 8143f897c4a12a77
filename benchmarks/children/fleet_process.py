"""One environment of the fleet's check: the package's own parts, told when to be invoked.

python fleet_process.py WORLD, a JSON object; reads a word a line, answers with a line for each.
``invoke`` has it work and answers when it asks for the next event: then it is stopped by SIGSTOP,
as Lambda freezes an environment. ``end`` answers what became of all lines.
"""

from __future__ import annotations

import json
import os
import re
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

from firehose_logging._clock import SystemClock
from firehose_logging._delivery.backlog import Backlog
from firehose_logging._delivery.deliveries import Deliveries
from firehose_logging._delivery.delivery import Delivery
from firehose_logging._environment import Environment
from firehose_logging._extension.flush_policy import FlushPolicy
from firehose_logging._extension.lifecycle import Lifecycle
from firehose_logging._extension.on_demand import OnDemand
from firehose_logging._firehose.choose import make_transport
from firehose_logging._line.context import Context
from firehose_logging._switch_interval import SwitchInterval
from firehose_logging.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from firehose_logging._delivery.outcome import CallOutcome, Transport


class _NextEvent:
    """Knows whether the next event was asked for."""

    def __init__(self) -> None:
        self.asked = True

    def ask(self, now: float) -> None:
        del now
        self.asked = True


class _Timed:
    """A transport that adds up how long the lines took that it stored."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self.seconds = 0.0
        self.lines = 0

    def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        outcome = self._transport.send(records, timeout)
        now = time.time()
        for record, code in zip(records, outcome.codes or (), strict=False):
            if code is None:
                for at in re.findall(rb'"at":([0-9.]+)', record):
                    self.seconds += now - float(at)
                    self.lines += 1
        return outcome

    def close(self) -> None:
        self._transport.close()


def _own_body(level: str, message: str, columns: dict[str, object]) -> str:
    del columns
    return f'{{"level":"{level}","message":{json.dumps(message)}'


class _Environment:
    def __init__(self, world: dict[str, Any]) -> None:
        self._world = world
        self._clock = SystemClock()
        self._news = threading.Event()
        settings = Settings(stream_name=world["stream"], flush=world["flush"], journal=False)
        variables = Environment.of_process().sdk_variables
        self.timed: list[_Timed] = []

        def transport() -> Transport:
            made = _Timed(make_transport(settings, world["stream"], None, self._clock, variables))
            self.timed.append(made)
            return made

        self.delivery = Delivery(
            settings,
            Backlog(settings, self._clock),
            transport,
            self._clock,
            background=lambda: False,
            own_body=_own_body,
            on_progress=self._news.set,
        )
        deliveries = Deliveries(self._clock)
        deliveries.get((world["stream"], 0), lambda: self.delivery)
        self._next = _NextEvent()
        self._on_demand = OnDemand(
            Lifecycle(FlushPolicy(settings.flush, settings.interval)),
            deliveries,
            self._next,  # type: ignore[arg-type]
            Context(Environment({})),
            SwitchInterval(),
            self._clock,
            hooked=True,
            decorated=False,
            sees_runtime_done=True,
        )
        self._invocations = 0

    def _log(self, size: int) -> None:
        head = f'{{"at":{time.time():.4f},"message":"'
        self.delivery.add(head + "x" * (size - len(head) - 12) + '"')

    def invoke(self) -> None:
        """Work, log, and ask for the next event when nothing keeps us."""
        world, clock = self._world, self._clock
        self._invocations += 1
        request_id = str(self._invocations)
        self._next.asked = False
        deadline = (clock.epoch() + 30) * 1000
        event = {"eventType": "INVOKE", "requestId": request_id, "deadlineMs": deadline}
        self._log(world["platform_bytes"] + (world["cold_bytes"] if self._invocations == 1 else 0))
        self._on_demand.event(event, clock.now())
        time.sleep(world["duration"])
        for _ in range(world["lines"]):
            self._log(world["line_bytes"])
        self._on_demand.ended(request_id, clock.now())
        while not self._next.asked:
            at = self._on_demand.wakes_at()
            self._news.wait(None if at is None else max(at - clock.now(), 0.0))
            self._news.clear()
            self._on_demand.tick(clock.now())


def main(world: dict[str, Any]) -> None:
    """Do what stdin says."""
    environment = _Environment(world)
    print("ready", flush=True)
    for line in sys.stdin:
        if line.strip() == "invoke":
            environment.invoke()
            print("done", flush=True)
            continue
        counts = environment.delivery.counts()
        counts["seconds"] = sum(timed.seconds for timed in environment.timed)
        counts["timed"] = sum(timed.lines for timed in environment.timed)
        print(json.dumps(counts), flush=True)
        break
    os._exit(0)  # what is pending is counted; nobody waits for it here


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
