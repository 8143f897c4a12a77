"""Other people's libraries, installed for a test, beside us in one function."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_lambda import InvocationResult
from support import versions
from support.e2e_lambda import FUNCTIONS, ROOT, Run, deployed
from tools import clients
from tools.libraries import REQUIREMENTS

FOLDER = ROOT / "build" / "neighbours"
#: What each neighbour needs, by the first part of its name.
#: Small and quickly installed, so a part of `make test`.
QUICK = ("powertools", "structlog", "loguru")

#: What is said in each invocation; the last one fails.
SAID = (("apple", "berry"), ("cherry",), ("damson",))


def installed(neighbour: str) -> Path:
    """The packages that a neighbour needs, installed once; or a skip with its reason."""
    name = neighbour.partition("-")[0]
    if name not in QUICK and not versions.WHOLE:
        pytest.skip(f"{name} is large: in `make conformance` only")
    try:
        python = versions.RUNNING
        folder = f"{name}-py{python}"
        return clients.packages(folder, python, *REQUIREMENTS[name], folder=FOLDER)
    except clients.UnavailableError as error:
        pytest.skip(str(error))


@contextmanager
def beside(
    neighbour: str, scratch: Path, environment: Mapping[str, str | None], **options: Any
) -> Iterator[Run]:
    """The function with the neighbour's packages in its own folder, as people bundle them."""
    packages = installed(neighbour)
    code = scratch / "function"
    code.mkdir()
    for source in (FUNCTIONS / "neighbours").glob("*.py"):
        (code / source.name).write_bytes(source.read_bytes())
    for package in packages.iterdir():
        (code / package.name).symlink_to(package)
    with deployed(code, environment, copy_code=False, **options) as run:
        yield run


def talk(run: Run, **how: Any) -> list[InvocationResult]:
    """Invoke the function for all that is to be said, then end the environment."""
    for number, say in enumerate(SAID, 1):
        run.invoke({"say": say, "raise": "wrong" if number == len(SAID) else None}, **how)
    run.shutdown()
    return run.answers


def outcome(answers: list[InvocationResult]) -> list[Any]:
    """What the callers got, without what differs from run to run."""
    return [
        {k: v for k, v in answer.payload.items() if k != "requestId"}
        if isinstance(answer.payload, dict)
        else answer.payload
        for answer in answers
    ]


def words(lines: list[dict[str, Any]]) -> Counter[tuple[str, str | None]]:
    """How often each thing was said in the function's lines, with its request id.

    Libraries put what they are told into texts of their own, so it is looked for in the whole
    message. The error counts too, as what the runtime reports of it.
    """
    found: Counter[tuple[str, str | None]] = Counter()
    for line in lines:
        if line["type"] != "function":
            continue
        text = json.dumps(line.get("message"))
        if "errorType" in line and line["logger"] == "awslambdaric":
            found[f"{line['errorType']}: {line['errorMessage']}", line.get("requestId")] += 1
            continue
        for word in ("in init", *(word for said in SAID for word in said)):
            if word in text:
                how = "printed " if "printed" in text else ""
                found[how + word, line.get("requestId")] += 1
    return found


def expected(answers: list[InvocationResult]) -> Counter[tuple[str, str | None]]:
    """What ``words`` finds when everything arrived once, in its invocation."""
    wanted: Counter[tuple[str, str | None]] = Counter({("in init", None): 1})
    for answer, said in zip(answers, SAID, strict=True):
        wanted.update((word, answer.request_id) for word in (*said, f"printed {said[0]}"))
    wanted["ValueError: wrong", answers[-1].request_id] += 1
    return wanted
