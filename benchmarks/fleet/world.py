"""What is simulated: how many environments, what they log, and where to."""

from __future__ import annotations

from dataclasses import dataclass

#: Bytes that one byte of the simulation stands for. The packing is the real one, with limits cut
#: by this: what 10,000 environments keep back in ten minutes would else be 7 GB.
GRAIN = 100

#: Bytes of the platform's lines: of an invocation (start, runtimeDone, report), and of a cold
#: start; as in the simulation of flush policies.
PLATFORM_BYTES = 1_941
COLD_BYTES = 1_500
PLATFORM_LINES = 3


@dataclass(frozen=True)
class World:
    """One run.

    Args:
        environments: of the whole fleet.
        kind: how invocations come, one of ``arrivals.ARRIVALS``.
        gap: seconds between two invocations of an environment, in the mean.
        lines: of an invocation; ``line_bytes`` each.
        duration: seconds of an invocation.
        region: class of region, one of ``service.REGIONS``.
        streams: how many the fleet is spread over.
        flush: ``FIREHOSE_LOGGING_FLUSH``.
        interval: ``FIREHOSE_LOGGING_INTERVAL``.
        learns: whether throttling makes calls rarer, as ``adaptive`` does; False is how it was.
        refused: how many of the streams refuse every call.
        compressed: bytes sent for each byte logged.
        buffer_bytes: ``FIREHOSE_LOGGING_BUFFER_BYTES``.
        round_trip: seconds of a call; ``bandwidth`` bytes a second, of base64.
        lifetime: seconds after which an environment is ended, in the mean.
        shutdown: seconds from SIGTERM to SIGKILL.
        seconds: how long the simulation runs; 0 for as long as its kind needs.
        quota_share: of the region's quota, that the stream has.
        most: environments that are really simulated; where there are more, these stand for all
            and the quota is cut to their share.
        seed: of all that is random.
    """

    environments: int
    kind: str = "steady"
    gap: float = 10.0
    lines: int = 10
    line_bytes: int = 400
    duration: float = 0.1
    region: str = "large"
    streams: int = 1
    flush: str = "adaptive"
    interval: float = 10.0
    learns: bool = True
    refused: int = 0
    compressed: float = 1.0
    buffer_bytes: int = 16_777_216
    round_trip: float = 0.020
    bandwidth: float = 25e6
    lifetime: float = 7_200.0
    shutdown: float = 0.3
    timeout: float = 30.0
    seconds: float = 0.0
    quota_share: float = 1.0
    most: int = 2_000
    seed: int = 1

    @property
    def simulated(self) -> int:
        """Environments that are simulated."""
        return min(self.environments, self.most)

    @property
    def share(self) -> float:
        """Their share of the fleet."""
        return self.simulated / self.environments
