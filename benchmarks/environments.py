"""A candidate's function in an environment: a local Lambda, or AWS's emulator."""

from __future__ import annotations

import json
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import FUNCTIONS, STAMP, STREAM, Candidate, runtime
from local_lambda import Function, LocalLambda
from tools import rie
from tools.waiting import wait_until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from benchmarks.services import Services

#: Seconds for everything that has to happen at all.
PATIENCE = 30.0
_WRAPPER = "/opt/firehose_wrapper"


@contextmanager
def local(
    candidate: Candidate,
    services: Services,
    variables: Mapping[str, str] | None = None,
    **options: Any,
) -> Iterator[LocalLambda]:
    """A local Lambda with the candidate's function; ``options`` are those of ``Function``."""
    values = {**services.variables(), **candidate.variables}
    if candidate.ours:
        values["AWS_LAMBDA_EXEC_WRAPPER"] = _WRAPPER
    values |= variables or {}
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
    """Time, CPU and memory from the start of the process to the first answer posted."""
    variables = {"AWS_LAMBDA_EXEC_WRAPPER": str(STAMP)}
    if candidate.ours:
        variables["BENCH_WRAPPER"] = _WRAPPER
    with local(candidate, services, variables) as env:
        env.invoke({})
        return _first_answer(candidate, env.tmp)


def cold_start_rie(
    candidate: Candidate, services: Services, group: Path | None = None
) -> dict[str, float]:
    """The same in AWS's emulator, where Init is part of the first invocation.

    Args:
        candidate: whose function.
        services: what it talks to.
        group: the control group that it runs in; None for that of this process.
    """
    values = {
        **services.variables(),
        **services.credentials(),
        **candidate.variables,
        "AWS_LAMBDA_FUNCTION_NAME": "bench",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "30",
        "AWS_LAMBDA_LOG_FORMAT": candidate.log_format,
    }
    if group is not None:
        values["BENCH_GROUP"] = str(group)
    if candidate.layer is not None and not candidate.ours:
        values["PYTHONPATH"] = str(candidate.layer / "python")
    with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
        emulator = rie.Rie(
            FUNCTIONS,
            f"{candidate.module}.handler",
            Path(scratch),
            python=runtime(),
            layer=candidate.layer if candidate.ours else None,
            environment={**values, "TMPDIR": scratch},
            log_level="error",
        )
        # The note of the time comes before the program, whatever that is.
        program = emulator.command.index(str(runtime()))
        if candidate.ours:
            program -= 1
        emulator.command.insert(program, str(STAMP))
        with emulator as env:
            env.invoke({})
            return _first_answer(candidate, Path(scratch))


def _first_answer(candidate: Candidate, folder: Path) -> dict[str, float]:
    file = folder / "first-answer.json"
    wait_until(file.exists, PATIENCE, f"the first answer of {candidate.name}")
    facts = json.loads(file.read_text(encoding="ascii"))
    return {
        "ms": facts["ms"],
        "cpu_ms": facts["cpu_ms"],
        "mib": facts["high_water_mib"],
        "modules": facts["modules"],
    }


def first_delivery(candidate: Candidate, services: Services) -> dict[str, float]:
    """CPU and memory when the first batch is delivered, seen at the start of the second invocation.

    The bare function's second invocation is what the others are compared with.
    """
    before = services.received(candidate)
    with local(candidate, services) as env:
        env.invoke({})
        if not env.wait_idle(PATIENCE):
            raise SystemExit(f"bench: {candidate.name} did not come to rest")
        if candidate.delivers_to and services.received(candidate) == before:
            raise SystemExit(f"bench: {candidate.name} has delivered nothing to {STREAM}")
        answer = env.invoke({"lines": 0}).payload
        return {"cpu_ms": answer["cpu"] * 1000, "mib": answer["high_water_mib"]}
