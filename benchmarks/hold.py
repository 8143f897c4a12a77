"""What comes after the response: the hold, the warm invocation, the shutdown."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

from benchmarks import environments
from benchmarks.candidates import BARE, OURS, STREAM

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.services import Services
    from local_lambda import LocalLambda

_EXTENSION = "extension:firehose-logging-internal"


def holds(
    mode: str, invocations: int, services: Services, say: Callable[[str], None]
) -> list[float]:
    """Milliseconds from the response to the extension's next, warm, one an invocation.

    What the runtime client itself takes to its own next is not ours and not counted.
    """
    say(f"hold, {mode}")
    variables = {"FIREHOSE_LOGGING_FLUSH": mode, "FIREHOSE_LOGGING_INTERVAL": "600"}
    with environments.local(OURS, services, variables) as env:
        for _ in range(invocations + 10):
            env.invoke({})
            env.wait_idle(environments.PATIENCE)
        return _holds(env)[10:]


def _holds(env: LocalLambda) -> list[float]:
    found = []
    responded: float | None = None
    runtime_next: float | None = None
    ours: float | None = None
    for event in env.timeline:
        if event.source == "runtime" and event.what == "response":
            responded, runtime_next, ours = event.at, None, None
        elif event.source == "runtime" and event.what == "next":
            runtime_next = event.at
        elif event.source == _EXTENSION and event.what == "next":
            ours = event.at
        if responded is not None and runtime_next is not None and ours is not None:
            found.append(max(0.0, ours - max(responded, runtime_next)) * 1000)
            responded = None
    return found


def round_trips(calls: int, services: Services) -> list[float]:
    """Milliseconds of one small call on a kept connection to the same Firehose."""
    from firehose_logging._clock import SystemClock
    from firehose_logging._direct import DirectTransport
    from firehose_logging._endpoint import Endpoint
    from firehose_logging._sigv4 import Credentials

    keys = services.credentials()
    transport = DirectTransport(
        STREAM,
        Endpoint("http", "127.0.0.1", services.firehose.port, keys["AWS_REGION"]),
        lambda: Credentials(
            keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"], keys["AWS_SESSION_TOKEN"]
        ),
        SystemClock(),
    )
    times = []
    for _ in range(calls + 2):
        began = time.perf_counter()
        outcome = transport.send([b"x" * 1_500 + b"\n"], 10)
        times.append((time.perf_counter() - began) * 1000)
        if outcome.codes is None:
            raise SystemExit(f"bench: {outcome!r}")
    transport.close()
    return times[2:]


def warm(invocations: int, services: Services, say: Callable[[str], None]) -> dict[str, float]:
    """Milliseconds added to a warm invocation without a flush: to the answer, and of CPU.

    Bare and ours answer in turn, both without lines of their own to send.
    """
    say("warm invocation")
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "600"}
    with (
        environments.local(BARE, services) as bare,
        environments.local(OURS, services, variables) as ours,
    ):
        rows: dict[str, list[tuple[float, float]]] = {"bare": [], "ours": []}
        for number in range(invocations + 10):
            for name, env in (
                (("bare", bare), ("ours", ours))
                if number % 2
                else (
                    ("ours", ours),
                    ("bare", bare),
                )
            ):
                answer = env.invoke({"lines": 0})
                env.wait_idle(environments.PATIENCE)
                rows[name].append((answer.answered_after * 1000, answer.payload["cpu"] * 1000))
    kept = {name: values[10:] for name, values in rows.items()}

    def cpu(name: str) -> float:
        return (kept[name][-1][1] - kept[name][0][1]) / (len(kept[name]) - 1)

    return {
        "answer_ms": statistics.median(
            mine[0] - its[0] for mine, its in zip(kept["ours"], kept["bare"], strict=True)
        ),
        "cpu_ms": cpu("ours") - cpu("bare"),
    }


def shutdowns(count: int, services: Services, say: Callable[[str], None]) -> list[float]:
    """Milliseconds from SIGTERM to the end of the process, 1 MiB pending, all of it delivered."""
    times = []
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "600"}
    lines = 4_000  # of about 270 bytes
    for number in range(count):
        say(f"shutdown {number + 1} of {count}")
        before = services.firehose.ledger.raw_bytes
        with environments.local(OURS, services, variables) as env:
            env.invoke({"lines": lines})
            env.wait_idle(environments.PATIENCE)
            if services.firehose.ledger.raw_bytes != before:
                raise SystemExit("bench: lines were delivered before the shutdown")
            end = env.shutdown()
        delivered = services.firehose.ledger.raw_bytes - before
        if delivered < 1_048_576 or end.runtime is None or not end.runtime.by_itself:
            raise SystemExit(f"bench: {delivered} bytes delivered at the shutdown, {end}")
        times.append(end.runtime.after * 1000)
    return times
