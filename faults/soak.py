"""Half an hour of invocations while faults come and go: memory flat, ledger balanced."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from local_firehose import Fault

from .account import Account, settle
from .cell import call, journalled
from .deployment import Deployment

if TYPE_CHECKING:
    from pathlib import Path

#: Faults that come and go; each lasts a few seconds, with as many turns without one.
TURNS: dict[str, tuple[Fault, ...]] = {
    "unavailable": (Fault.unavailable(),),
    "half fails": (Fault.partial(0.5),),
    "reset": (Fault.reset_after_body(stored=True),),
    "refused": (Fault.refuse(),),
    "slow": (Fault.latency(300),),
    "drips": (Fault.drip(20),),
    "not JSON": (Fault.not_json(stored=False),),
    "never answers": (Fault.hang(),),
    "500s": (Fault.internal_failure().when(probability=0.5),),
}

#: Growth of the function's memory after the first tenth of the time that counts as a leak, KiB.
#: The allocator's own unevenness under changing loads stays below it.
LEAK_KIB = 4_096


@dataclass
class Soaked:
    """What came of a soak.

    Args:
        seconds: how long it took.
        invocations: how many.
        account: the balance.
        rss_kib: the function's memory, one reading a round.
        unbalanced: readings of the ledger that did not balance.
        changed: answers that were not the function's.
        told: losses by reason, from the package's own ledger.
    """

    seconds: float = 0.0
    invocations: int = 0
    account: Account = field(default_factory=Account)
    rss_kib: list[int] = field(default_factory=list)
    unbalanced: int = 0
    changed: int = 0
    told: dict[str, int] = field(default_factory=dict)

    @property
    def growth_kib(self) -> int:
        """Median of the last fifth of the readings less that of the second tenth to third."""
        readings = self.rss_kib
        early = sorted(readings[len(readings) // 10 : max(2, len(readings) * 3 // 10)])
        late = sorted(readings[len(readings) * 4 // 5 :])
        return late[len(late) // 2] - early[len(early) // 2] if early and late else 0

    @property
    def good(self) -> bool:
        """Whether memory stayed flat and every line is accounted for."""
        leaks = self.growth_kib > LEAK_KIB
        return not (leaks or self.unbalanced or self.changed or self.account.unexplained)

    def __str__(self) -> str:
        a = self.account
        return (
            f"{self.seconds / 60:.1f} minutes, {self.invocations} invocations, {a.logged} lines "
            f"logged, {a.delivered} delivered, {a.repeated} duplicates, {a.missing} lost "
            f"({self.told or 'none'}), {a.unexplained} unexplained, {self.changed} answers "
            f"changed, memory {min(self.rss_kib, default=0)} to {max(self.rss_kib, default=0)} "
            f"KiB, growth {self.growth_kib} KiB"
        )


def run(layer: Path, minutes: float, seed: int = 0) -> Soaked:
    """Soak for so many minutes.

    Args:
        layer: laid out as ``/opt``.
        minutes: how long.
        seed: of faults and load.
    """
    chance = random.Random(seed)
    result = Soaked()
    variables = {
        "FIREHOSE_LOGGING_INTERVAL": "1",
        "FIREHOSE_LOGGING_BUFFER_BYTES": "4000000",
        "FIREHOSE_LOGGING_TRANSPORT": "direct",
    }
    first = 1
    began = told_at = time.monotonic()
    with Deployment(layer, variables) as deployment:
        with deployment.environment(timeout=15.0) as environment:
            while (now := time.monotonic()) - began < minutes * 60:
                turn = chance.choice([*TURNS, *["no fault"] * len(TURNS)])
                deployment.firehose.faults.set(*TURNS.get(turn, ()))
                until = now + chance.uniform(1.0, 5.0)
                while time.monotonic() < until:
                    lines = chance.choice((1, 10, 10, 200))
                    size = chance.choice((10, 200, 2000))
                    event = {"first": first, "lines": lines, "bytes": size}
                    answer = call(environment, event)
                    result.changed += answer.payload != {"logged": lines}
                    result.invocations += 1
                    first += lines
                    time.sleep(chance.choice((0, 0, 0.05)))
                answer = call(environment, {"counts": True})
                _read(result, answer.payload)
                if now - told_at >= 60:
                    told_at = now
                    minutes_gone = (now - began) / 60
                    print(f"  {minutes_gone:.0f} min, {turn}: {answer.payload}", flush=True)
            deployment.firehose.faults.clear()
            call(environment, {"first": first, "lines": 1})
            environment.shutdown()
        for _ in range(4):
            if journalled(deployment.tmp):
                with deployment.environment() as environment:
                    call(environment, {})
        result.account = settle(deployment.accepted(), deployment.lines())
    result.told = result.account.told
    result.seconds = time.monotonic() - began
    return result


def _read(result: Soaked, payload: Any) -> None:
    if not isinstance(payload, dict) or not payload.get("counts"):
        result.changed += 1
        return
    result.rss_kib.append(payload["rss_kib"])
    result.unbalanced += not all(stream["balances"] for stream in payload["counts"])
