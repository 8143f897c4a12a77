"""SIGKILL at random moments, under load: what was accepted must come back with the next process."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from local_firehose import Fault

from .account import Account, settle
from .cell import call, journalled
from .deployment import Deployment

if TYPE_CHECKING:
    from pathlib import Path

#: Longest time from the first line of an invocation to the kill, seconds.
LATEST = 0.25

#: After so many kills one invocation may live. Killed faster than any flush comes, for ever, no
#: process could keep up, and what is left behind in /tmp is bounded.
BREATHER = 20

#: Threads that log at the same time.
THREADS = 3


@dataclass
class Killed:
    """What came of a kill test.

    Args:
        kills: processes killed.
        account: the balance over all of them.
        recovered: lines that later processes tell to have taken over.
        left: lines still in the journal at the end; must be none.
    """

    kills: int
    account: Account
    recovered: int
    left: int

    @property
    def good(self) -> bool:
        """Whether nothing that was accepted is gone, not even counted."""
        return not (self.account.missing or self.left)

    def __str__(self) -> str:
        a = self.account
        return (
            f"{self.kills} SIGKILLs, {a.logged} lines accepted, {a.delivered} delivered, "
            f"{a.missing} missing, {a.unexplained} unexplained, {a.repeated} duplicates told "
            "apart by instanceId and seq, "
            f"{self.recovered} taken over by a next process, {self.left} left in the journal"
        )


def run(layer: Path, kills: int, seed: int | None = None) -> Killed:
    """Kill a function ``kills`` times while it logs from several threads and flushes.

    Args:
        layer: laid out as ``/opt``.
        kills: how often.
        seed: of the moments; None takes a new one, which is printed.
    """
    seed = random.SystemRandom().randrange(2**32) if seed is None else seed
    chance = random.Random(seed)
    print(f"  seed {seed}", flush=True)
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "0.1"}
    first = 1
    with Deployment(layer, variables) as deployment:
        # Calls that take a while, so that many a kill comes while one is on its way.
        deployment.firehose.faults.set(
            Fault.latency(15), Fault.unavailable().when(probability=0.2, seed=seed)
        )
        with deployment.environment() as environment:
            for number in range(1, kills + 1):
                killer = threading.Thread(
                    target=_kill,
                    args=(deployment, environment, first, chance.random() * LATEST),
                )
                killer.start()
                event = {
                    "first": first, "lines": 30_000, "threads": THREADS,
                    "bytes": chance.choice((10, 200, 2_000)), "pace": 0.0002,
                }  # fmt: skip
                environment.invoke(event)
                killer.join()
                first += 30_000
                if number % BREATHER == 0:
                    call(environment, {"sleep": 2})
                if number % 50 == 0:
                    print(f"  {number} of {kills} kills", flush=True)
            deployment.firehose.faults.clear()
            call(environment, {})
        for _ in range(20):  # killed so often, processes leave more than one can deliver at once
            if not journalled(deployment.tmp):
                break
            with deployment.environment() as environment:
                call(environment, {"sleep": 3})
        lines = deployment.lines()
        recovered = sum(line.get("recovered", 0) for line in lines)
        account = settle(deployment.accepted(), lines)
        return Killed(kills, account, recovered, len(journalled(deployment.tmp)))


def _kill(deployment: Deployment, environment: object, first: int, after: float) -> None:
    """Wait until an invocation logs, then ``after`` seconds, then kill its process."""
    pid_of = environment.__class__.pid.fget  # type: ignore[attr-defined]
    give_up = time.monotonic() + 20
    path = deployment.tmp / "accepted"
    while time.monotonic() < give_up:
        if path.exists():
            with path.open("rb") as file:
                file.seek(max(0, path.stat().st_size - 64))
                numbers = file.read().split(b"\n")[-3:]
            if any(n.isdigit() and int(n) >= first for n in numbers):
                break
        time.sleep(0.001)
    time.sleep(after)
    pid = pid_of(environment)
    if pid is not None:
        os.kill(pid, signal.SIGKILL)
