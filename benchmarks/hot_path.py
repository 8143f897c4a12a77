"""One log call, and lines all the way to Firehose, each in processes of their own."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING, Any

from benchmarks.candidates import BUILD, HERE, OUR_LAYER, runtime

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from benchmarks.candidates import Candidate
    from benchmarks.services import Services

#: Seconds a child may take.
PATIENCE = 900.0
#: Lines between two flushes: what one long invocation may leave.
BETWEEN = 20_000
#: Lines for the comparison with others, and between their flushes: many usual invocations.
SOME, SOME_BETWEEN = 2_000, 100

OURS = "firehose_logging"
#: What is measured besides threads: the wrapper's capture.
CAPTURED = "captured"


def log_calls(
    rounds: Mapping[int, int], calls: int, say: Callable[[str], None]
) -> dict[str, dict[str, dict[str, dict[str, Any]]]]:
    """Microseconds a call by threads, record and logger, and their ratios to Lambda's JSON.

    Args:
        rounds: by number of threads.
        calls: in each round, of each record and logger.
        say: progress.
    """
    result = {}
    for threads, number in rounds.items():
        say(f"log call, {threads} thread{'s' if threads > 1 else ''}")
        result[str(threads)] = _child(
            "log_call.py",
            *(str(number), str(calls * threads), str(threads)),
            layers=[BUILD / "layers" / name for name in ("powertools", "opentelemetry")],
        )
    return result


def captured(rounds: int, calls: int, say: Callable[[str], None]) -> dict[str, Any]:
    """Microseconds of each round for one log call and one print, bare and captured.

    Args:
        rounds: of each.
        calls: in each round.
        say: progress.
    """
    say("log call and print, without the capture and with it")
    found: dict[str, Any] = _child("captured.py", str(rounds), str(calls))
    return found


def throughput(
    sizes: Sequence[int], services: Services, say: Callable[[str], None]
) -> list[dict[str, Any]]:
    """For each number of lines: seconds, CPU and memory, to confirmed delivery."""
    rows = []
    for lines in sizes:
        say(f"throughput, {lines:,} lines")
        rows.append(_throughput(OURS, [], lines, BETWEEN, services))
    return rows


def throughput_of(candidate: Candidate, services: Services) -> dict[str, Any]:
    """The same for some lines of any sender."""
    layers = [] if candidate.ours or candidate.layer is None else [candidate.layer]
    sender = OURS if candidate.ours else candidate.package or candidate.module
    return _throughput(sender, layers, SOME, SOME_BETWEEN, services, candidate.variables)


def throughput_from(layer: Path, lines: int, services: Services) -> dict[str, Any]:
    """The same for ours out of any layer: seconds, CPU and memory.

    Args:
        layer: its folder for Python.
        lines: how many.
        services: where they go.
    """
    variables = {**services.variables(), **services.credentials()}
    row: dict[str, Any] = _child(
        "throughput.py", *(OURS, str(lines), str(BETWEEN)), variables=variables, ours=layer
    )
    return row


def _throughput(
    sender: str,
    layers: list[Path],
    lines: int,
    between: int,
    services: Services,
    variables: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    ledger = services.firehose.ledger
    before = (ledger.raw_bytes, ledger.billed_bytes)
    row: dict[str, Any] = _child(
        "throughput.py",
        *(sender, str(lines), str(between)),
        layers=layers,
        variables={**services.variables(), **services.credentials(), **(variables or {})},
    )
    row["bytes"] = ledger.raw_bytes - before[0]
    row["billed"] = ledger.billed_bytes - before[1]
    return row


def _child(
    program: str,
    *arguments: str,
    layers: Sequence[Path] = (),
    variables: Mapping[str, str] | None = None,
    ours: Path = OUR_LAYER / "python",
) -> Any:
    path = [ours, *(layer / "python" for layer in layers)]
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
        raise SystemExit(
            f"bench: {program} {' '.join(arguments)} failed:\n{done.stderr.strip()[-2000:]}"
        )
    return json.loads(done.stdout.splitlines()[-1])
