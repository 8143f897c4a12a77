"""A candidate's function in an environment: a local Lambda, or AWS's emulator."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import rie
from benchmarks.candidates import FUNCTIONS, STREAM, Candidate, runtime
from local_lambda import Function, LocalLambda

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.services import Services

#: Seconds for everything that has to happen at all.
PATIENCE = 30.0


@contextmanager
def local(
    candidate: Candidate,
    services: Services,
    variables: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[LocalLambda]:
    """A local Lambda with the candidate's function; ``options`` are those of ``Function``."""
    values = {**services.variables(), **candidate.variables, **(variables or {})}
    if candidate.ours:
        values["AWS_LAMBDA_EXEC_WRAPPER"] = "/opt/firehose_wrapper"
    function = Function(
        FUNCTIONS,
        f"{candidate.module}.handler",
        layers=[candidate.layer] if candidate.layer else [],
        environment=values,
        python=runtime(),
        log_format=candidate.log_format,
        **{"timeout": 30.0, **options},
    )
    with LocalLambda(function) as env:
        yield env


def cold_start_local(candidate: Candidate, services: Services) -> dict[str, float]:
    """Milliseconds and MiB at the first answer, in a new local Lambda."""
    with local(candidate, services) as env:
        began = time.monotonic()
        answer = env.invoke({})
        caller = time.monotonic()
        return _cold(candidate, answer.payload, began, caller)


def cold_start_rie(candidate: Candidate, services: Services) -> dict[str, float]:
    """The same in AWS's emulator, where Init is part of the first invocation.

    It holds the caller's answer back until extensions are done, so that only the handler's own
    clock can say when the answer was ready.
    """
    values = {
        **services.variables(),
        **services.credentials(),
        **candidate.variables,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
    }
    if candidate.layer is not None and not candidate.ours:
        values["PYTHONPATH"] = str(candidate.layer / "python")
    with (
        tempfile.TemporaryDirectory(prefix="bench-") as scratch,
        rie.Rie(
            FUNCTIONS,
            f"{candidate.module}.handler",
            Path(scratch),
            python=runtime(),
            layer=candidate.layer if candidate.ours else None,
            environment={**values, "TMPDIR": scratch},
            log_level="error",
        ) as env,
    ):
        began = time.monotonic()
        answer = env.invoke({})
        return _cold(candidate, answer.body, began, time.monotonic())


def _cold(candidate: Candidate, answer: Any, began: float, caller: float) -> dict[str, float]:
    if not isinstance(answer, dict) or "at" not in answer:
        raise SystemExit(f"bench: {candidate.name} answered {answer!r}")
    return {
        "ms": (answer["at"] - began) * 1000,
        "caller_ms": (caller - began) * 1000,
        "cpu_ms": answer["cpu"] * 1000,
        "mib": answer["high_water_mib"],
        "modules": answer["modules"],
    }


def first_delivery(candidate: Candidate, services: Services) -> dict[str, float]:
    """CPU and memory when the first batch is delivered, seen at the start of the second invocation.

    The bare function's second invocation is what the others are compared with.
    """
    before = services.firehose.ledger.records
    with local(candidate, services) as env:
        env.invoke({})
        if not env.wait_idle(PATIENCE):
            raise SystemExit(f"bench: {candidate.name} did not come to rest")
        sends = candidate.ours or candidate.module in ("boto3_by_hand", "firefighter_logs")
        if sends and services.firehose.ledger.records == before:
            raise SystemExit(f"bench: {candidate.name} has delivered nothing to {STREAM}")
        answer = env.invoke({"lines": 0}).payload
        return {"cpu_ms": answer["cpu"] * 1000, "mib": answer["high_water_mib"]}


def processor() -> str:
    """What this machine calls its processor."""
    try:
        with open("/proc/cpuinfo", encoding="utf-8") as info:
            names = [line.partition(":")[2].strip() for line in info if "model name" in line]
    except OSError:
        names = []
    return f"{names[0] if names else 'unknown'}, {os.cpu_count()} of them"
