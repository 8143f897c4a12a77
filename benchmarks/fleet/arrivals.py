"""When each environment of a fleet is invoked. Seeded: the same times at each run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from random import Random

STEADY, BURSTY, CRON, DEPLOY, OUTAGE = "steady", "bursty", "cron", "deploy", "outage"
ARRIVALS = (STEADY, BURSTY, CRON, DEPLOY, OUTAGE)

#: Seconds between two runs of a schedule, and within which the scheduler starts them all.
CRON_EVERY, CRON_SPREAD = 60.0, 1.0

#: When a deployment replaces every environment, and the seconds it takes.
DEPLOY_AT, DEPLOY_TAKES = 60.0, 1.0

#: From when to when the service is away.
OUTAGE_TIMES = (60.0, 660.0)

#: A burst: seconds it lasts in the mean, and between two invocations.
BURST, BURST_GAP = 10.0, 0.5


@dataclass(frozen=True)
class Arrivals:
    """The invocations of one environment.

    Args:
        kind: one of ``ARRIVALS``.
        gap: seconds between two invocations of an environment, in the mean.
    """

    kind: str
    gap: float

    def first(self, random: Random) -> float:
        """When an environment of the beginning is first invoked."""
        if self.kind == CRON:
            return random.random() * CRON_SPREAD
        return random.random() * self.gap

    def after(self, now: float, random: Random) -> float:
        """When the environment that was invoked now is invoked next."""
        if self.kind == CRON:
            turn = int(now / CRON_EVERY) + 1
            return turn * CRON_EVERY + random.random() * CRON_SPREAD
        if self.kind == BURSTY:
            # A burst of so many, then a silence that makes up for it.
            in_burst = BURST / BURST_GAP
            if random.random() >= 1 / in_burst:
                return now + random.expovariate(1 / BURST_GAP)
            return now + random.expovariate(1 / (in_burst * max(self.gap - BURST_GAP, BURST_GAP)))
        return now + random.expovariate(1 / self.gap)

    @property
    def outage(self) -> tuple[float, float] | None:
        """From when to when the service is away; None for never."""
        return OUTAGE_TIMES if self.kind == OUTAGE else None

    @property
    def seconds(self) -> float:
        """How long the simulation runs."""
        return {OUTAGE: 1_200.0, CRON: 600.0, BURSTY: 400.0}.get(self.kind, 300.0)
