from __future__ import annotations

from typing import Any

import pytest

from faults import report
from faults.account import settle


def line(instance: str, seq: int, **members: Any) -> dict[str, Any]:
    """A delivered line."""
    return {"instanceId": instance, "seq": seq, **members}


def numbered(instance: str, seq: int, number: int) -> dict[str, Any]:
    """A delivered line of the function."""
    return line(instance, seq, logger="faults", message=f"line {number} xxx")


def test_a_line_that_is_gone_is_seen() -> None:
    """A missing line that nothing tells of is unexplained; a told one is not."""
    lines = [numbered("a", 1, 1), numbered("a", 3, 3)]
    account = settle({1, 2, 3}, lines)

    assert (account.missing, account.gaps, account.unexplained) == (1, 1, 1)
    told = [*lines, line("a", 4, logger="firehose_logging", lost={"buffer_full": 1})]
    assert settle({1, 2, 3}, told).unexplained == 0


def test_a_gap_of_a_line_that_was_never_accepted_is_seen() -> None:
    """A gap in seq is unexplained too, whatever line it was."""
    assert settle({1}, [numbered("a", 1, 1), line("a", 5)]).unexplained == 3


def test_copies_are_told_apart() -> None:
    """The same instance and number twice is a copy; another instance's number is not."""
    account = settle({1, 2}, [numbered("a", 1, 1), numbered("a", 1, 1), numbered("b", 1, 2)])

    assert (account.delivered, account.repeated, account.unexplained) == (2, 1, 0)


def test_the_report_keeps_what_is_around_it(tmp_path: Any) -> None:
    """Only what is between the markers changes; a part that is not there is an error."""
    document = tmp_path / "page.md"
    document.write_text("before\n<!-- a -->\nold\n<!-- /a -->\nafter\n")
    report.write("a", "new", document)

    text = document.read_text()
    assert text.startswith("before\n<!-- a -->\n\nnew\n\nMeasured on ")
    assert text.endswith("<!-- /a -->\nafter\n")
    with pytest.raises(ValueError, match="no part"):
        report.write("b", "new", document)
