"""Takes out the code of each promise, in a copy of the tree, and sees that its test fails."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

from . import report
from .promises import PROMISES, Promise

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = "firehose_logging"

#: What the tests need of the tree.
PARTS = (
    PACKAGE, "faults", "local_firehose", "local_lambda", "tools", "tests", "wrapper_script",
    "requirements", "sample_function", "pyproject.toml", "setup.cfg", "README.md",
    "template.yaml", "docs",
)  # fmt: skip

#: Copies of the tree, each used by one test run at a time.
WORKERS = 2

#: Seconds. A mutant that makes its test hang is found out as well.
TIMEOUT = 180


def run(*, only: str = "", write: bool = False) -> bool:
    """Break each promise; False when a test does not notice, or fails by itself."""
    chosen = [promise for promise in PROMISES if only in promise.text]
    print(f"{len(chosen)} promises, each with its code taken out")
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        trees: SimpleQueue[Path] = SimpleQueue()
        for number in range(WORKERS):
            trees.put(_copy(Path(folder) / str(number)))
        with ThreadPoolExecutor(WORKERS) as pool:
            results = list(pool.map(lambda promise: _try(promise, trees), chosen))
    if write:
        report.write("promises", table(chosen, [failed for _, failed in results]))
    return all(verdict == "failed" for verdict, _ in results)


def table(promises: Sequence[Promise], failed: Sequence[str]) -> str:
    """In Markdown: the promise, the line taken out, the test that failed."""
    rows = ["| promise | taken out | the test that failed |\n|---|---|---|\n"]
    for promise, test in zip(promises, failed, strict=True):
        line = promise.old.strip().splitlines()[-1].strip().replace("|", "\\|")
        rows.append(f"| {promise.text} | `{promise.file}`: `{line}` | `{test}` |\n")
    return "".join(rows)


def _copy(tree: Path) -> Path:
    tree.mkdir()
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            ignored = shutil.ignore_patterns("__pycache__", ".mypy_cache")
            shutil.copytree(source, tree / part, ignore=ignored)
        else:
            shutil.copy2(source, tree / part)
    (tree / "build").mkdir()
    wheels = ROOT / "build" / "wheels"
    if wheels.is_dir():
        shutil.copytree(wheels, tree / "build" / "wheels")
    return tree


def _try(promise: Promise, trees: SimpleQueue[Path]) -> tuple[str, str]:
    verdict, failed = _verdict(promise, trees)
    print(f"  {promise.text}: {verdict} {failed}", flush=True)
    return verdict, failed


def _verdict(promise: Promise, trees: SimpleQueue[Path]) -> tuple[str, str]:
    """What became of a mutant: ``failed`` and by which test, or what is wrong."""
    tree = trees.get()
    path = tree / PACKAGE / promise.file
    whole = path.read_text()
    try:
        if whole.count(promise.old) != 1:
            return f"the code to take out is there {whole.count(promise.old)} times", ""
        passed, failed = _test(tree, promise)
        if not passed:  # a deadline of real processes may be missed once, beside another test
            passed, failed = _test(tree, promise)
        if not passed:
            return "the test fails without the mutation", failed
        path.write_text(whole.replace(promise.old, promise.new))
        passed, failed = _test(tree, promise)
        return ("the test does not notice", "") if passed else ("failed", failed)
    finally:
        path.write_text(whole)
        trees.put(tree)


def _test(tree: Path, promise: Promise) -> tuple[bool, str]:
    """Whether a promise's tests pass, and the first that does not."""
    nodes, keyword = [], ""
    for node in promise.test.split():
        name, bracket, part = node.partition("[")
        nodes.append(name)
        keyword = part.rstrip(",") if bracket else keyword
    arguments = ["-q", "-x", "-p", "no:cacheprovider", "--timeout", "60", *nodes]
    if keyword and len(nodes) == 1:
        arguments += ["-k", keyword]
    with subprocess.Popen(
        [sys.executable, "-m", "pytest", *arguments],
        cwd=tree, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
        env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
    ) as process:  # fmt: skip
        try:
            output, _ = process.communicate(timeout=TIMEOUT)
        except subprocess.TimeoutExpired:
            process.kill()
            return False, f"{nodes[0]} (hangs)"
    for line in output.splitlines():
        if line.startswith(("FAILED ", "ERROR ")):
            return False, line.split(" ", 1)[1].partition(" - ")[0]
    return process.returncode == 0, nodes[0]
