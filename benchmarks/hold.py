"""What comes with and after the response: warm invocations, the hold, the shutdown.

Environments that are compared run at the same time and answer in turn.
"""

from __future__ import annotations

import time
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

from benchmarks import environments
from benchmarks.candidates import BARE, OURS, STREAM, Candidate
from local_firehose import Fault
from tools.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from benchmarks.services import Services
    from local_lambda import LocalLambda, TimelineEvent

#: Invocations before any that counts: connections are made, policies have seen some traffic.
WARM_UP = 10
#: Lines that make a MiB: about 400 bytes each.
_MIB = 2_650
_END = {"FIREHOSE_LOGGING_FLUSH": "end"}
_NEVER = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "600"}


def holds(
    mode: str, invocations: int, services: Services, say: Callable[[str], None]
) -> dict[str, list[float]]:
    """Milliseconds from the response until nobody holds the environment: ours, and bare.

    The bare function's is what the runtime client itself takes to ask for its next event.
    """
    say(f"hold, {mode}")
    with (
        environments.local(BARE, services) as bare,
        environments.local(OURS, services, {"FIREHOSE_LOGGING_FLUSH": mode}) as ours,
    ):
        both = (bare, ours)
        for number in range(invocations + WARM_UP):
            for env in both if number % 2 else reversed(both):
                env.invoke({})
                if not env.wait_idle(environments.PATIENCE):
                    raise SystemExit(f"bench: hold, {mode}: no rest after an invocation")
        return {
            "bare": response_to_rest(bare.timeline)[WARM_UP:],
            "ours": response_to_rest(ours.timeline)[WARM_UP:],
        }


def response_to_rest(timeline: Sequence[TimelineEvent]) -> list[float]:
    """Milliseconds from each response to the last next, whoever asked for it."""
    found: list[float] = []
    responded: float | None = None
    last: float | None = None
    for event in timeline:
        if event.what == "response" and event.source == "runtime":
            responded = last = event.at
        elif event.what == "next":
            last = event.at
        elif event.what == "invoke" and responded is not None and last is not None:
            found.append((last - responded) * 1000)
            responded = None
    if responded is not None and last is not None:
        found.append((last - responded) * 1000)
    return found


def round_trips(calls: int, services: Services) -> list[float]:
    """Milliseconds of one small call on a kept connection to the same Firehose."""
    from firehose_logging._clock import SystemClock
    from firehose_logging._firehose.direct import DirectTransport
    from firehose_logging._firehose.endpoint import Endpoint
    from firehose_logging._firehose.sigv4 import Credentials

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


def without_flush(
    invocations: int, services: Services, say: Callable[[str], None]
) -> dict[str, dict[str, list[float]]]:
    """Warm invocations of bare and ours, without lines of their own and without a flush."""
    say("warm invocation without a flush")
    return _warm({BARE: {}, OURS: _NEVER}, {"lines": 0}, invocations, services)


def with_lines(
    candidates: Sequence[Candidate],
    invocations: int,
    services: Services,
    say: Callable[[str], None],
) -> dict[str, dict[str, list[float]]]:
    """Warm invocations of three lines each; ours flushes after every one."""
    say("warm invocation with three lines")
    variables = {candidate: _END if candidate.ours else {} for candidate in candidates}
    return _warm(variables, {}, invocations, services)


def _warm(
    candidates: Mapping[Candidate, Mapping[str, str]],
    event: Mapping[str, Any],
    invocations: int,
    services: Services,
) -> dict[str, dict[str, list[float]]]:
    """By name: milliseconds to the answer, one an invocation, and of CPU, one mean."""
    rows: dict[str, list[tuple[float, float]]] = {c.name: [] for c in candidates}
    with ExitStack() as stack:
        envs: dict[str, LocalLambda] = {
            candidate.name: stack.enter_context(environments.local(candidate, services, variables))
            for candidate, variables in candidates.items()
        }
        for number in range(invocations + WARM_UP):
            names = list(envs)
            for name in names if number % 2 else reversed(names):
                answer = envs[name].invoke(event)
                envs[name].wait_idle(environments.PATIENCE)
                cpu = answer.payload["cpu"] * 1000
                rows[name].append((answer.answered_after * 1000, cpu))
    result = {}
    for name, values in rows.items():
        kept = values[WARM_UP:]
        result[name] = {
            "ms": [row[0] for row in kept],
            "cpu_ms": [(kept[-1][1] - kept[0][1]) / (len(kept) - 1)],
        }
    return result


def shutdowns(
    count: int, services: Services, say: Callable[[str], None], *, hung: bool = False
) -> list[float]:
    """Milliseconds from SIGTERM to the end of the process, 1 MiB pending, all of it delivered.

    Args:
        count: how many.
        services: where lines go.
        say: progress.
        hung: whether the 1 MiB are in a call already, which Firehose will never answer.
    """
    times = []
    say(f"shutdown{', a call hangs' if hung else ''}: {count}")
    ledger = services.firehose.ledger
    for _ in range(count):
        with environments.local(OURS, services, _END if hung else _NEVER) as env:
            before = (_hang if hung else _rest)(env, services)
            if ledger.raw_bytes != before:
                raise SystemExit("bench: lines were delivered before the shutdown")
            end = env.shutdown()
        delivered = ledger.raw_bytes - before
        if delivered < 1_048_576 or end.runtime is None or not end.runtime.by_itself:
            raise SystemExit(f"bench: {delivered} bytes delivered at the shutdown, {end}")
        times.append(end.runtime.after * 1000)
    return times


def _rest(env: LocalLambda, services: Services) -> int:
    """Lines that nobody has sent; the bytes delivered before them."""
    before = services.firehose.ledger.raw_bytes
    env.invoke({"lines": _MIB})
    env.wait_idle(environments.PATIENCE)
    return before


def _hang(env: LocalLambda, services: Services) -> int:
    """Lines in a call that is under way and will never be answered; the bytes before them."""
    env.invoke({})
    env.wait_idle(environments.PATIENCE)
    ledger = services.firehose.ledger
    before, calls = ledger.raw_bytes, len(ledger.calls)
    services.firehose.faults.add(Fault.hang(times=1))
    env.invoke({"lines": _MIB})
    wait_until(lambda: len(ledger.calls) > calls, environments.PATIENCE, "a call that hangs")
    # The hold has an end; the call has none.
    env.wait_idle(environments.PATIENCE)
    return before
