"""Functions as people write them, on AWS's emulator: every line once, with what it knows."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from support.cases import COLUMNS, Case, Line, assert_arrived, assert_numbered
from support.e2e_lambda import deployed_on_rie, lines_of
from tools import rie

#: Those that need nothing but a runtime: who hands records on, who prints them, and when.
CASES = (
    *("bytes-in-pieces", "config-in-handler", "context-log", "error-with-cause"),
    *("every-root-handler-formatter", "filter-on-first-handler", "handlers-behind-a-queue"),
    *("hooks-of-its-own", "join-all-threads", "json-formatter-not-ascii", "level-names-in-colour"),
    *("logging-error-report", "logging-reloaded", "patched-like-a-tracer", "print-in-log-handler"),
    *("print-in-str", "printed-in-pieces", "record-class-getmessage", "records-of-their-own-kind"),
    *("root-handler-first-formatter", "root-handler-first-level", "root-handler-keeps-format"),
    *("root-handlers-removed", "stdout-wrapped-anew", "streams-reconfigured", "tasks-that-fail"),
    "warnings-into-logging",
)

pytestmark = [
    pytest.mark.rie,
    pytest.mark.e2e,
    pytest.mark.skipif(not rie.BINARY.exists(), reason="no emulator: run `make rie`"),
]


@pytest.mark.parametrize("name", CASES)
def test_every_line_arrives_on_the_emulator(name: str, tmp_path: Path) -> None:
    """Each line that the case wants arrives once, in its own invocation."""
    case = Case(name)
    code = tmp_path / "function"
    code.mkdir()
    shutil.copy(case.folder / "app.py", code)
    (tmp_path / "tmp").mkdir()
    variables = {**case.how.get("env", {}), "TMPDIR": str(tmp_path / "tmp")}
    with deployed_on_rie(code, tmp_path, variables) as (env, firehose):
        for event in case.events:
            env.invoke(event)
        assert env.stop() == 0
        lines = sorted(lines_of(firehose), key=lambda line: line["seq"])

    assert_arrived(
        case.of("LINES"), of_the_function(lines), more_extras=case.of("MORE_EXTRAS", False)
    )
    assert_numbered(lines)


def of_the_function(lines: list[dict[str, Any]]) -> list[Line]:
    """The function's lines, with invocations numbered in the order of their first lines."""
    numbers: dict[str, int] = {}
    found = []
    for line in lines:
        request_id = line.get("requestId")
        if line["type"] != "function" or line["logger"].startswith("firehose_logging"):
            continue
        during = numbers.setdefault(request_id, len(numbers) + 1) if request_id else 0
        extras = {name: value for name, value in line.items() if name not in COLUMNS}
        error = line.get("errorType")
        found.append(
            Line(during, line["level"], line["logger"], line.get("message"), extras, error)
        )
    return found
