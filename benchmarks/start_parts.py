"""Where our part of a cold start goes: CPU of reading, unmarshalling, modules and ``install()``.

`python -m benchmarks.start_parts [LAYER]` prints a table, least of 30 processes, of the layer named
or of that in build/layer. The threads' work until the first answer is in none of the parts.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.runtime_api import RuntimeApi
from tools.ports import free_port

CHILD = Path(__file__).resolve().parent / "children" / "start.py"
LAYER = Path(__file__).resolve().parent.parent / "build" / "layer"
ROUNDS = 30
#: Seconds that one child may take.
PATIENCE = 60.0


def measure(layer: Path, rounds: int) -> dict[str, float]:
    """Microseconds of CPU by part, least of the rounds."""
    least: dict[str, float] = {}
    with RuntimeApi() as api, tempfile.TemporaryDirectory() as scratch:
        variables = {
            "PATH": os.environ["PATH"],
            "AWS_LAMBDA_RUNTIME_API": api.address,
            "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_KINESIS_STREAM_NAME": "bench",
            "TMPDIR": scratch,
        }
        for _ in range(rounds):
            done = subprocess.run(
                [sys.executable, str(CHILD), str(layer)],
                env={**variables, "HTTP_LOGS_LISTENER_PORT": str(free_port())},
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
            if done.returncode:
                raise SystemExit(f"bench: the start failed:\n{done.stderr.strip()[-1000:]}")
            for part, taken in json.loads(done.stdout).items():
                least[part] = min(taken, least.get(part, taken))
    return least


def main(arguments: list[str]) -> int:
    """Measure and print."""
    found = measure(Path(arguments[0]) if arguments else LAYER, ROUNDS)
    for part, taken in found.items():
        print(f"{part:10} {taken / 1000:6.2f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
