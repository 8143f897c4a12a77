"""Where our part of a cold start goes: CPU of reading, unmarshalling, modules and ``install()``.

`python -m benchmarks.start_parts [LAYER]` prints a table, least of 30 processes, of the layer named
or of that in build/layer. The threads' work until the first answer is in none of the parts.
`--instructions` has valgrind count them, and those inside of ``install()`` each by itself.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from benchmarks.counts import collected
from benchmarks.runtime_api import RuntimeApi
from tools.ports import free_port

CHILD = Path(__file__).resolve().parent / "children" / "start.py"
LAYER = Path(__file__).resolve().parent.parent / "build" / "layer"
ROUNDS = 30
#: Seconds that one child may take.
PATIENCE = 60.0


#: Where a start is stopped to count it, in order, and what comes before that stop.
STOPS = {
    "nothing": "",
    "read": "the bundle is read",
    "unmarshal": "the bundle is unmarshalled",
    "modules": "modules run",
    "settings": "settings are read",
    "before the journal's look": "context and delivery are made",
    "the journal's look": "a look for journals that were left",
    "capture": "capture, and hooks in the runtime client",
    "thread": "the extension and its thread",
    "registration": "registration, on that thread",
    "subscription": "listener and subscription, there",
    "connection": "the question for an event, there",
    "install": "the rest of install()",
    "first line": "the first line, for which the journal is made",
}


@contextmanager
def variables() -> Iterator[dict[str, str]]:
    """The environment of a start, beside as much of Lambda as it takes."""
    with RuntimeApi() as api:
        yield {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_KINESIS_STREAM_NAME": "bench",
            "PYTHONHASHSEED": "0",
        }


def measure(layer: Path, rounds: int) -> dict[str, float]:
    """Microseconds of CPU by part, least of the rounds."""
    least: dict[str, float] = {}
    with variables() as environ:
        for _ in range(rounds):
            for part, taken in json.loads(_run([], layer, environ)).items():
                least[part] = min(taken, least.get(part, taken))
    return least


def count(layer: Path) -> dict[str, int]:
    """Machine instructions by part, counted by valgrind."""
    found: dict[str, int] = {}
    before = 0
    with variables() as environ, tempfile.NamedTemporaryFile(prefix="bench-") as log:
        command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null"]
        for stop, part in STOPS.items():
            _run([], layer, environ, stop)  # all files are compiled, and in memory
            _run([*command, f"--log-file={log.name}"], layer, environ, stop)
            so_far = collected(Path(log.name))
            if part:
                found[part] = so_far - before
            before = so_far
    return found


def _run(before: list[str], layer: Path, environ: dict[str, str], stop: str = "") -> str:
    # An empty folder each time: a process that ends here leaves its journal.
    with tempfile.TemporaryDirectory() as scratch:
        done = subprocess.run(
            [*before, sys.executable, str(CHILD), str(layer), *([stop] if stop else ())],
            env={**environ, "HTTP_LOGS_LISTENER_PORT": str(free_port()), "TMPDIR": scratch},
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )
    if done.returncode:
        raise SystemExit(f"bench: the start failed:\n{done.stderr.strip()[-1000:]}")
    return done.stdout


def main(arguments: list[str]) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.start_parts", description=__doc__)
    parser.add_argument("layer", nargs="?", type=Path, default=LAYER)
    parser.add_argument("--instructions", action="store_true", help="counted, not timed")
    options = parser.parse_args(arguments)
    if options.instructions:
        for part, number in count(options.layer).items():
            print(f"{part:48} {number:12,}")
        return 0
    for part, taken in measure(options.layer, ROUNDS).items():
        print(f"{part:10} {taken / 1000:6.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
