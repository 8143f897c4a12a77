"""``FIREHOSE_LOGGING_CAPTURE=...,descriptors``: native code and children are heard, once."""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pytest

from support.e2e_lambda import Run, deployed
from support.e2e_lines import assert_whole

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.conformance(table="Descriptors", columns=["capture"], rows=[]),
]

#: A piece without a line end is joined to whatever comes next.
_JOINED = re.compile(r"(without an end \d)(?=[a-z])")
CAPTURES = ["logging,stdout,stderr,errors,descriptors", "descriptors"]


def said(run: Run) -> Counter[tuple[int, str, str]]:
    """The function's lines: invocation, logger, text."""
    numbers = {answer.request_id: n for n, answer in enumerate(run.answers, 1)}
    return Counter(
        (numbers[line["requestId"]], line["logger"], line["message"])
        for line in run.lines
        if line["type"] == "function"
    )


def texts(run: Run) -> Any:
    """The runtime's own output, whatever came first."""
    return {
        stream: Counter(_JOINED.sub(r"\1\n", "\n".join(lines)).splitlines())
        for stream, lines in run.output.items()
    }


@pytest.mark.parametrize("capture", CAPTURES)
def test_each_line_arrives_once_and_in_its_invocation(capture: str) -> None:
    """Native output, children's, Python's own; the runtime's own output has them all as before."""
    with deployed("below", {"FIREHOSE_LOGGING_CAPTURE": capture}) as run:
        for n in (1, 2):
            assert run.invoke({"n": n}).payload == n
        run.shutdown()
        found = said(run)
        assert_whole(run.lines)
    with deployed("below", with_layer=False) as bare:
        for n in (1, 2):
            bare.invoke({"n": n})
        bare.shutdown()

    stderr = ["shop" if "logging" in capture else "stderr"]
    assert found == Counter(
        line
        for n in (1, 2)
        for line in (
            (n, "stdout", f"written {n}"),
            (n, "stdout", f"child {n}"),
            (n, "stderr", f"error of child {n}"),
            (n, "stdout", f"given {n}"),
            (n, "stdout", f"printed {n}"),
            (n, "stderr", f"printed to stderr {n}"),
            (n, stderr[0], f"logged {n}"),
            (n, "stdout", f"without an end {n}"),
        )
    )
    assert texts(run) == texts(bare)
    assert not run.told


def test_what_was_written_before_a_timeout_arrives() -> None:
    """The companion looks a few times a second, whatever the function does."""
    with deployed("below", {"FIREHOSE_LOGGING_CAPTURE": CAPTURES[0]}, timeout=2.0) as run:
        run.invoke({"n": 1, "wait": True})
        run.invoke({"n": 2})
        run.shutdown()
        assert said(run)[1, "stdout", "without an end 1"] == 1


def test_it_is_off_unless_asked_for() -> None:
    """Nothing stands over the descriptors by default."""
    with deployed("below") as run:
        run.invoke({"n": 1})
        run.shutdown()
        assert (1, "stdout", "written 1") not in said(run)
