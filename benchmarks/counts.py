"""What a step takes, counted and not timed: the same on a busy machine as on a quiet one.

Machine instructions, counted by valgrind, are what a step costs, and repeat to some thousandths.
Bytecode instructions of the thread that logs need no tool and repeat exactly; they miss what C
does, and see what a change of ours most often does: one more call, one more look.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.runtime_api import RuntimeApi
from benchmarks.services import Services
from tools.ports import free_port

if TYPE_CHECKING:
    from types import TracebackType

CHILD = Path(__file__).resolve().parent / "children" / "steps.py"
ROOT = Path(__file__).resolve().parent.parent

#: How often a step is done for the smaller and for the larger count; the difference is what so
#: many more of it take. None: once, and what an interpreter takes without us is taken off.
STEPS: dict[str, tuple[int, int] | None] = {
    "import": None,
    "cold start": None,
    "log call": (200, 600),
    "exception": (100, 200),
    "print": (200, 600),
    "handler": (200, 600),
    "delivery": (1_000, 5_000),
    "first delivery": (1, 1),
}
#: Those whose bytecode is counted: what runs in the function's own thread.
BYTECODE = ("log call", "exception", "print", "handler")

#: Seconds that one child may take.
PATIENCE = 300.0


class Counter:
    """Counts steps of a tree of this package; a context manager.

    Args:
        python: the interpreter that runs them.
    """

    def __init__(self, python: str = sys.executable) -> None:
        self._python = python
        self._services = Services(tls=True)
        self._api = RuntimeApi()

    def __enter__(self) -> Counter:
        """Start what the steps talk to."""
        self._services.__enter__()
        self._api.__enter__()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop it."""
        self._api.__exit__(kind, error, trace)
        self._services.__exit__(kind, error, trace)

    def instructions(self, tree: Path, step: str) -> float:
        """Machine instructions of a step, or of one of it where it is done many times."""
        times = STEPS[step]
        if step == "first delivery":
            # What the line itself takes is taken off.
            return self._valgrind(tree, step, 1) - self._valgrind(tree, "handler", 1)
        if times is None:
            return self._valgrind(tree, step, 1) - self._valgrind(tree, "nothing", 1)
        few, many = times
        return (self._valgrind(tree, step, many) - self._valgrind(tree, step, few)) / (many - few)

    def bytecode(self, tree: Path, step: str) -> float:
        """Bytecode instructions of one of a step, in the thread that does it."""
        few, many = 20, 60
        counted = [self._run(tree, [], step, times, "bytecode") for times in (few, many)]
        return (counted[1] - counted[0]) / (many - few)

    def _valgrind(self, tree: Path, step: str, times: int) -> int:
        self._run(tree, [], step, times, "none")  # all files are compiled, and in memory
        with tempfile.NamedTemporaryFile(prefix="bench-") as log:
            command = ["valgrind", "--tool=callgrind"]
            command += ["--callgrind-out-file=/dev/null", f"--log-file={log.name}"]
            self._run(tree, command, step, times, "none")
            return collected(Path(log.name))

    def _run(self, tree: Path, before: list[str], step: str, times: int, counter: str) -> int:
        with tempfile.TemporaryDirectory(prefix="bench-") as scratch:
            done = subprocess.run(
                [*before, self._python, str(CHILD), step, str(times), counter],
                env={
                    **self._services.variables(),
                    **self._services.credentials(),
                    "PATH": os.environ["PATH"],
                    "HOME": scratch,
                    "TMPDIR": scratch,
                    "PYTHONPATH": str(tree),
                    "PYTHONHASHSEED": "0",
                    "AWS_LAMBDA_RUNTIME_API": self._api.address,
                    "AWS_LAMBDA_FUNCTION_NAME": "bench",
                    "AWS_LAMBDA_FUNCTION_VERSION": "1",
                    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128",
                    "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
                    "HTTP_LOGS_LISTENER_PORT": str(free_port()),
                },
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                text=True,
                timeout=PATIENCE,
                check=False,
            )
        if done.returncode:
            raise SystemExit(f"bench: {step} failed in {tree}:\n{done.stderr[-2000:]}")
        return int(done.stderr.split()[-1])


def collected(log: Path) -> int:
    """The machine instructions that valgrind has counted, from its log."""
    text = log.read_text(encoding="utf-8", errors="replace")
    found = [line for line in text.splitlines() if "Collected" in line]
    if not found:
        raise SystemExit(f"bench: valgrind has counted nothing:\n{text[-1000:]}")
    return int(found[-1].rpartition(":")[2])


def has_valgrind() -> bool:
    """Whether machine instructions can be counted here."""
    return shutil.which("valgrind") is not None
