"""One log call, and lines all the way to Firehose, each in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import HERE, OTHERS, OUR_LAYER, runtime

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.services import Services

#: Seconds a child may take.
PATIENCE = 900.0


def log_calls(rounds: int, calls: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Microseconds a call by threads, record and logger, and their ratios to Lambda's JSON."""
    result = {}
    for threads in (1, 8):
        say(f"log call, {threads} threads")
        result[str(threads)] = _child(
            "log_call.py",
            str(rounds),
            str(calls),
            str(threads),
            layers=[candidate.layer for candidate in OTHERS if candidate.layer],
        )
    return result


def throughput(
    sizes: list[int], services: Services, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """For each number of lines: seconds, CPU and memory, to confirmed delivery."""
    rows = []
    for lines in sizes:
        say(f"throughput, {lines} lines")
        variables = {**services.variables(), **services.credentials()}
        rows.append(_child("throughput.py", str(lines), "20000", variables=variables))
    return rows


def _child(
    program: str,
    *arguments: str,
    layers: list[Any] | None = None,
    variables: dict[str, str] | None = None,
) -> Any:
    path = [OUR_LAYER / "python", *(layer / "python" for layer in layers or [])]
    done = subprocess.run(
        [str(runtime()), str(HERE / "children" / program), *arguments],
        env={
            "PATH": os.environ["PATH"],
            "HOME": os.environ.get("HOME", "/"),
            "PYTHONPATH": os.pathsep.join(map(str, path)),
            "AWS_EC2_METADATA_DISABLED": "true",
            **(variables or {}),
        },
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"bench: {program} failed:\n{done.stderr.strip()[-2000:]}")
    return json.loads(done.stdout.splitlines()[-1])
