"""Did a change make anything dearer? This tree beside a commit, counted, in the same run.

`python -m benchmarks.against COMMIT` builds the layer of both, counts machine instructions of each
step with valgrind, prints a table and fails where a step takes more than the tolerance allows.
`--bytecode` needs no valgrind. `python -m benchmarks.against --store` writes the bytecode counts of
this tree into `benchmarks/counts.json`, which a test compares with; `--alarms RUNS` shows how often
that comparison says something of an unchanged tree.
"""

from __future__ import annotations

import argparse
import io
import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.counts import BYTECODE, ROOT, STEPS, Counter, has_valgrind
from benchmarks.stored import store
from tools.interpreters import find_interpreters

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

STORED = Path(__file__).resolve().parent / "counts.json"
ALARMS = Path(__file__).resolve().parent / "results" / "alarms.json"
BUILD = ROOT / "build" / "against"

#: Most that a step may take, as a multiple of what it took. Repeated counts of machine
#: instructions differ by up to half a percent, where threads meet; those of bytecode not at all.
TOLERANCE = 1.03
#: The same for the stored counts, which another patch release of Python may change a little.
STORED_TOLERANCE = 1.05


def tree_of(commit: str) -> tuple[Path, str]:
    """The files of a commit, and its full name.

    Raises:
        SystemExit: there is no such commit here.
    """
    full = _git("rev-parse", "--verify", "--quiet", f"{commit}^{{commit}}").decode().strip()
    folder = BUILD / full[:12]
    if not (folder / "setup.cfg").exists():
        with tarfile.open(fileobj=io.BytesIO(_git("archive", full))) as archive:
            archive.extractall(folder)
    return folder, full


def _git(*arguments: str) -> bytes:
    done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, check=False)
    if done.returncode:
        raise SystemExit(f"bench: no such commit here: git {' '.join(arguments)}")
    return done.stdout


def layer_of(tree: Path, name: str) -> Path:
    """The tree's layer as it is built there, as far as Python sees it."""
    target = BUILD / f"layer-{name}"
    module = "tools" if (tree / "tools" / "build_layer.py").exists() else "scripts"
    done = subprocess.run(
        [sys.executable, "-m", f"{module}.build_layer", str(target)],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree)},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise SystemExit(f"bench: the layer of {tree} cannot be built:\n{done.stderr[-2000:]}")
    return target / "python"


def count(counter: Counter, layer: Path, *, bytecode: bool) -> dict[str, float]:
    """Every step of a tree."""
    if bytecode:
        return {step: counter.bytecode(layer, step) for step in BYTECODE}
    found = {}
    for step in STEPS:
        found[step] = counter.instructions(layer, step)
        print(f"  {step}: {found[step]:,.0f}", file=sys.stderr, flush=True)
    return found


def dearer(now: Mapping[str, float], then: Mapping[str, float], tolerance: float) -> list[str]:
    """The steps that take more than they may."""
    return [step for step, value in now.items() if value > then[step] * tolerance]


def table(now: Mapping[str, float], then: Mapping[str, float], tolerance: float) -> str:
    """Both, and their ratios, as Markdown."""
    over = dearer(now, then, tolerance)
    lines = ["| step | then | now | ratio | |", "|---|---:|---:|---:|---|"]
    for step, value in now.items():
        word = "dearer" if step in over else ""
        lines.append(
            f"| {step} | {then[step]:,.0f} | {value:,.0f} | {value / then[step]:.3f} | {word} |"
        )
    return "\n".join(lines)


def version() -> str:
    """Of the interpreter, as far as its bytecode depends on it."""
    return f"{sys.version_info.major}.{sys.version_info.minor}"


def stored() -> dict[str, dict[str, float]]:
    """The stored bytecode counts, by version of Python and step."""
    found: dict[str, dict[str, float]] = json.loads(STORED.read_text(encoding="ascii"))
    return found


def _store() -> None:
    kept = {}
    for version, python in find_interpreters().items():
        with Counter(str(python)) as counter:
            found = count(counter, ROOT, bytecode=True)
        if all(found.values()):  # Python 3.12 traces no instruction of a frame that has begun
            kept[version] = found
    STORED.write_text(json.dumps(kept, indent=1) + "\n", encoding="ascii")


def _alarms(runs: int, tolerance: float) -> None:
    """Count the same tree again and again; whoever wants noise makes some meanwhile."""
    known = stored()[version()]
    most: dict[str, float] = {}
    alarms = 0
    load = []
    with Counter() as counter:
        for _ in range(runs):
            found = count(counter, ROOT, bytecode=True)
            alarms += bool(dearer(found, known, tolerance))
            load.append(os.getloadavg()[0])
            for step, value in found.items():
                most[step] = max(most.get(step, 0.0), abs(value / known[step] - 1))
    result = {
        "runs": runs,
        "alarms": alarms,
        "tolerance": tolerance,
        "python": version(),
        "load": [round(min(load), 1), round(max(load), 1)],
        "cores": os.cpu_count(),
        "largest difference": {step: round(value, 5) for step, value in most.items()},
    }
    store(ALARMS, result)
    print(json.dumps(result, indent=1))


def _compare(commit: str, tolerance: float, *, bytecode: bool) -> int:
    if not bytecode and not has_valgrind():
        raise SystemExit("bench: no valgrind here: install it, or count bytecode (--bytecode)")
    tree, full = tree_of(commit)
    layers = {"then": layer_of(tree, full[:12]), "now": layer_of(ROOT, "now")}
    with Counter() as counter:
        then, now = (count(counter, layers[when], bytecode=bytecode) for when in ("then", "now"))
    what = "bytecode instructions" if bytecode else "machine instructions"
    print(f"{what}, this tree beside {full[:12]}, Python {version()}\n")
    print(table(now, then, tolerance))
    over = dearer(now, then, tolerance)
    if over:
        print(f"\nmore than {tolerance:g} times what it was: {', '.join(over)}")
    return 1 if over else 0


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.against", description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("commit", nargs="?", help="what this tree is compared with")
    parser.add_argument("--bytecode", action="store_true", help="count bytecode, not instructions")
    parser.add_argument("--store", action="store_true", help="write benchmarks/counts.json")
    parser.add_argument("--alarms", type=int, metavar="RUNS", help="false alarms of so many runs")
    parser.add_argument("--tolerance", type=float, default=TOLERANCE, help=f"{TOLERANCE}")
    options = parser.parse_args(arguments)
    if options.store:
        _store()
        return 0
    if options.alarms:
        _alarms(options.alarms, STORED_TOLERANCE)
        return 0
    if not options.commit:
        parser.error("name a commit, as in: make bench-against COMMIT=main~1")
    return _compare(options.commit, options.tolerance, bytecode=options.bytecode)


if __name__ == "__main__":
    sys.exit(main())
