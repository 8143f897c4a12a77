"""Functions as people write them (``tests/cases/functions``), run with the layer and without it.

Each folder holds the function (``app.py``), how it is run (``case.json``: events, variables,
packages, Python, seconds) and what is right (``right.py``). ``right.py`` may set:

* ``LINES``: what must arrive, each line once and nothing else; None when ``check`` says it all.
* ``MORE_EXTRAS``: lines may have columns besides those of ``LINES``.
* ``ANSWERS``: the answers; else those of the function without the layer.
* ``AT_LEAST_ONCE``: True where calls are so large that one may time out on a busy machine, and is
  made again though the service has taken some of it.
* ``SAME_ANSWERS``, ``SAME_OUTPUT``: False where with and without cannot be compared.
* ``TOLD``: True where the package has something to say.
* ``FAILS``: why the case fails today; whoever mends it takes this away.
* ``SOMETIMES``: True where it fails now and then.
* ``FAILS_ON``: Pythons on which it fails; None means all.
* ``TMP_BYTES``: size of the file system under /tmp.
* ``SLOW``: it takes more than a few seconds.
* ``drive(run, events)``: what is done instead of one invocation for each event, then SIGTERM.
* ``check(seen)``: whatever else must be true.
"""

from __future__ import annotations

import importlib.util
import json
import re
import shutil
import signal
import subprocess
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from local_firehose import Fault
from support import packages, versions
from support.e2e_lambda import Run, deployed, layer, masked, open_firehose
from tools import clients

FUNCTIONS = Path(__file__).resolve().parents[1] / "cases" / "functions"

#: Columns that every line may have: what is left are the record's extras.
COLUMNS = frozenset(
    {
        *("timestamp", "type", "level", "logger", "message", "requestId", "tenantId", "traceId"),
        *("functionName", "functionVersion", "instanceId", "seq", "coldStart", "invocationId"),
        *("executionArn", "errorType", "errorMessage", "stackTrace", "stackInfo", "location"),
    }
)

#: From SIGTERM to SIGKILL. The service gives 500, and tests/e2e/test_lifecycle.py as well; here a
#: busy machine runs two environments at a time.
SHUTDOWN_MS = 3_000

_TRACE = re.compile(r"1-[0-9a-f]{8}-[0-9a-f]{24}")
_DATE = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d,\d{3}(\+0000)?")


class Line(NamedTuple):
    """A line as its author knows it; ``logger`` None and a pattern as ``message`` match more.

    ``during`` is the invocation, counted from 1; 0 is before any. ``error`` is the exception's
    type, None without one.
    """

    during: int
    level: str
    logger: str | None
    message: Any
    extras: dict[str, Any]
    error: str | None

    def is_like(self, other: Line, *, more_extras: bool) -> bool:
        """Whether ``other``, which was delivered, is this line."""
        if isinstance(self.message, re.Pattern):
            text = other.message if isinstance(other.message, str) else json.dumps(other.message)
            same = self.message.search(text) is not None
        else:
            same = other.message == self.message
        if more_extras:
            extras = {name: other.extras.get(name) for name in self.extras}
        else:
            extras = other.extras
        return (
            same
            and (other.during, other.level, other.error) == (self.during, self.level, self.error)
            and (self.logger is None or other.logger == self.logger)
            and extras == self.extras
        )


def line(
    message: Any,
    level: str = "INFO",
    logger: str | None = "root",
    *,
    during: int = 1,
    error: str | None = None,
    **extras: Any,
) -> Line:
    """A line that must arrive."""
    return Line(during, level, logger, message, extras, error)


def printed(message: Any, stream: str = "stdout", *, during: int = 1, level: str = "INFO") -> Line:
    """A printed line that must arrive."""
    return line(message, level, stream, during=during)


class Seen(NamedTuple):
    """What came of a case."""

    case: Case
    run: Run
    #: None where the function does not run without the layer.
    without: Run | None
    lines: list[dict[str, Any]]

    @property
    def function(self) -> list[Line]:
        """The function's lines, without what the package says about itself."""
        numbers = {answer.request_id: n for n, answer in enumerate(self.run.answers, 1)}
        return [
            Line(
                numbers[found["requestId"]] if found.get("requestId") else 0,
                found["level"],
                found["logger"],
                found.get("message"),
                {name: value for name, value in found.items() if name not in COLUMNS},
                found.get("errorType"),
            )
            for found in self.lines
            if found["type"] == "function" and not found["logger"].startswith("firehose_logging")
        ]

    def told(self, *words: str) -> bool:
        """Whether the package said something with all these words, on stderr."""
        return any(all(word in text for word in words) for text in self.run.told)


class Case:
    """One folder of ``tests/cases/functions``."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.folder = FUNCTIONS / name
        given = self.folder / "case.json"
        self.how: dict[str, Any] = json.loads(given.read_text()) if given.exists() else {}
        self.events: list[Any] = self.how.get("events", [{}])
        self.right = _module(self.folder / "right.py", f"right_{name.replace('-', '_')}")

    def of(self, name: str, default: Any = None) -> Any:
        """What ``right.py`` says of this."""
        return getattr(self.right, name, default)

    def runtime(self, python: str) -> dict[str, Any]:
        """The Python that it runs on, and the runtime client, as options of ``Function``."""
        wanted = self.how.get("python", python)
        if _minor(python) >= _minor(wanted):
            wanted = python
        if wanted == versions.RUNNING:
            return {}
        return versions.runtime((wanted, clients.NEWEST))

    def code(self, scratch: Path, python: str) -> Path:
        """The function in a folder of its own, with its packages as people bundle them."""
        code = scratch / "function"
        code.mkdir()
        shutil.copy(self.folder / "app.py", code)
        if _minor(self.how.get("python", python)) > _minor(python):
            python = self.how["python"]
        packages.add(code, *self.how.get("packages", ()), python=python)
        return code

    def try_out(self, code: Path, python: str) -> Seen:
        """Run it with the layer, and beside it without, where it can be."""
        needs_us = "firehose_logging" in (self.folder / "app.py").read_text()
        compares = self.of("SAME_ANSWERS", True) or self.of("SAME_OUTPUT", True)
        with ThreadPoolExecutor(1) as other:
            bare = None
            if compares and not needs_us:
                bare = other.submit(self._run, code, python, with_layer=False)
            run, lines = self._run(code, python, with_layer=True)
            return Seen(self, run, bare.result()[0] if bare else None, lines)

    def _run(
        self, code: Path, python: str, *, with_layer: bool
    ) -> tuple[Run, list[dict[str, Any]]]:
        environment = dict(self.how.get("env", {}))
        with ExitStack() as stack:
            firehose = stack.enter_context(open_firehose())
            if self.of("TMP_BYTES"):
                folder = stack.enter_context(_small_folder(code.parent, self.of("TMP_BYTES")))
                environment["TMPDIR"] = str(folder)
            with deployed(
                code,
                environment,
                with_layer=with_layer,
                firehose=firehose,
                timeout=self.how.get("timeout", 10),
                copy_code=not self.how.get("packages"),
                lambda_options={"shutdown_ms": SHUTDOWN_MS},
                layers=(layer(),) if with_layer else (),
                **self.runtime(python),
            ) as run:
                drive = self.of("drive", _drive)
                drive(run, self.events)
            # The stream outlives the environment: what its end delivered counts.
            return run, run.lines if with_layer else []

    def verify(self, seen: Seen) -> None:
        """AssertionError where something is not right."""
        self._verify_callers(seen)
        if self.of("LINES") is not None:
            assert_arrived(
                self.of("LINES"), seen.function, more_extras=self.of("MORE_EXTRAS", False)
            )
        assert_numbered(seen.lines, at_least_once=self.of("AT_LEAST_ONCE", False))
        if not self.of("TOLD", False):
            assert not seen.run.told
        check = self.of("check")
        if check is not None:
            check(seen)

    def _verify_callers(self, seen: Seen) -> None:
        answers = [answer.payload for answer in seen.run.answers]
        if self.of("ANSWERS") is not None:
            assert answers == self.of("ANSWERS")
        if seen.without is None:
            return
        if self.of("ANSWERS") is None and self.of("SAME_ANSWERS", True):
            assert _plain(answers) == _plain([answer.payload for answer in seen.without.answers])
        if self.of("SAME_OUTPUT", True):
            output = {stream: _theirs(texts) for stream, texts in seen.run.output.items()}
            output.pop("extension", None)
            without = {stream: _theirs(texts) for stream, texts in seen.without.output.items()}
            assert output == without


def names() -> list[str]:
    """Every case that is a function."""
    return sorted(path.parent.name for path in FUNCTIONS.glob("*/app.py"))


def parameters() -> list[Any]:
    """Every case on every Python that is asked for, with its marks."""
    found = []
    for python in versions.chosen_pythons():
        for name in names():
            case = Case(name)
            marks = [pytest.mark.slow] if case.of("SLOW", False) else []
            on = case.of("FAILS_ON")
            if case.of("FAILS") and (on is None or python in on):
                marks.append(
                    pytest.mark.xfail(
                        reason=case.of("FAILS"), strict=not case.of("SOMETIMES", False)
                    )
                )
            found.append(pytest.param(name, python, marks=marks, id=f"{name}-{python}"))
    return found


def assert_arrived(wanted: Sequence[Line], got: Iterable[Line], *, more_extras: bool) -> None:
    """Each line that is wanted arrived exactly once, and nothing else did."""
    left = list(got)
    missing = []
    for each in wanted:
        for at, found in enumerate(left):
            if each.is_like(found, more_extras=more_extras):
                del left[at]
                break
        else:
            missing.append(each)
    report = [f"missing: {tuple(each)}" for each in missing[:20]]
    report += [f"not expected: {tuple(each)}" for each in left[:20]]
    assert not report, "\n" + "\n".join(report)


def assert_numbered(lines: Iterable[dict[str, Any]], *, at_least_once: bool = False) -> None:
    """No number comes twice, and none is missing unless a loss is told."""
    numbers: dict[str, list[int]] = {}
    told = 0
    for found in lines:
        numbers.setdefault(found["instanceId"], []).append(found["seq"])
        lost = found.get("lost")
        told += sum(lost.values()) if isinstance(lost, dict) else int(lost or 0)
    missing = 0
    for instance, seen in numbers.items():
        different = len(set(seen))
        assert at_least_once or len(seen) == different, f"instance {instance}: a number came twice"
        missing += max(seen) - different
    assert missing <= told, f"{missing} numbers are missing, {told} told"


def kill_before_delivery(run: Run, events: Sequence[Any]) -> None:
    """Kill the runtime after the third invocation, of which nothing was delivered, and go on.

    The fourth is the one that finds it gone.
    """
    for event in events[:2]:
        run.invoke(event)
    run.firehose.faults.set(Fault.unavailable())
    run.invoke(events[2])
    run.env.kill(signal.SIGKILL)
    run.firehose.faults.clear()
    for event in events[3:]:
        run.invoke(event)
    run.shutdown()


@contextmanager
def _small_folder(scratch: Path, size: int) -> Iterator[Path]:
    """A folder on a file system of so many bytes; a skip where nothing can be mounted."""
    folder = scratch / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False)
    except FileNotFoundError:
        pytest.skip("no mount command here")
    if done.returncode:
        pytest.skip("mounting needs more rights than the tests have here")
    try:
        yield folder
    finally:
        subprocess.run(["umount", "--lazy", str(folder)], check=True)


def _drive(run: Run, events: Iterable[Any]) -> None:
    for event in events:
        run.invoke(event)
    run.shutdown()


def _theirs(texts: Iterable[str]) -> list[str]:
    """Output without what the package says, and without its frames in a stack that is shown.

    A stack is the whole process's: the wrapper's start-up is under it.
    """
    found = []
    ours = False
    for text in texts:
        if text.startswith("firehose_logging: "):
            continue
        if text.startswith("  File "):
            ours = "/python/firehose_logging/" in text
        elif not text.startswith("    "):
            ours = False
        if not ours:
            found.append(_TRACE.sub("<trace>", _DATE.sub("<time>", text)))
    return found


def _plain(answers: Iterable[Any]) -> list[Any]:
    """Answers without what differs from run to run."""
    return [
        {
            name: masked(value) if isinstance(value, str) else value
            for name, value in answer.items()
            if name not in ("requestId", "stackTrace")
        }
        if isinstance(answer, dict)
        else answer
        for answer in answers
    ]


def _minor(version: str) -> int:
    return int(version.partition(".")[2])


def _module(path: Path, name: str) -> Any:
    spec = importlib.util.spec_from_file_location(name, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
