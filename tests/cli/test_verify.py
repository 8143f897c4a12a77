"""By its numbers: what is missing, twice, on its way, told as lost."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest

OLD = datetime(2026, 11, 28, 10, tzinfo=timezone.utc)


def line(seq, at=OLD, **more):
    """One line of one environment."""
    stamp = (at + timedelta(milliseconds=seq)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    head = {"timestamp": stamp, "type": "function", "level": "INFO", "logger": "user"}
    return {**head, "functionName": "shop", "instanceId": "i", "seq": seq, **more}


def own(seq, **more):
    """What the package tells of itself."""
    return line(seq, type="extension", logger="firehose_logging", **more)


@pytest.fixture
def verify(tmp_path, command):
    """Verify lines: status, what is said of the one environment, and the summary."""

    def run(lines, *arguments):
        (tmp_path / "lines").write_text("".join(json.dumps(each) + "\n" for each in lines))
        ran = command("verify", "--from", tmp_path, "--format", "json", *arguments)
        assert ran.err == ""
        return ran.status, [json.loads(each) for each in ran.out.splitlines()]

    return run


@pytest.mark.e2e
def test_a_real_run_is_whole(bucket, command):
    """Everything the local Lambda's function said has arrived, once."""
    ran = command("verify", "--from", bucket.folder)

    assert ran.status == 0
    assert "2 environments; none missing; none told as lost; none came twice" in ran.out


def test_a_gap_is_a_loss(verify):
    """Numbers that are not there, in the middle and at the beginning."""
    status, found = verify([line(n) for n in (2, 3, 5, 8)])

    assert status == 1
    assert (found[0]["missing"], found[0]["pending"]) == (4, 0)
    assert sorted(found[0]["gaps"]) == [[1, 1], [4, 4], [6, 7]]


def test_a_window_begins_anywhere(verify):
    """With --since the numbers before the first line are none of its business."""
    status, found = verify([line(n) for n in (7, 8)], "--since", "2026-11-28T09:00:00Z")

    assert (status, found[0]["missing"]) == (0, 0)


def test_a_window_cuts_no_gap(verify):
    """An event of the platform that is older than the line before it is no missing number."""
    late = OLD - timedelta(seconds=1)
    lines = [line(1, at=late), line(2), line(3, at=late, type="platform.start"), line(4)]
    status, found = verify(lines, "--since", "2026-11-28T10:00:00Z")

    assert (status, found[0]["missing"]) == (0, 0)


def test_a_young_gap_may_be_on_its_way(verify):
    """A later object may still bring what is missing before a line of just now."""
    now = datetime.now(timezone.utc)
    status, found = verify([line(1), line(2), line(4, at=now)])

    assert (status, found[0]["missing"], found[0]["pending"]) == (0, 0, 1)
    assert verify([line(1), line(2), line(4, at=now)], "--grace", "0")[0] == 1


def test_copies_are_counted(verify):
    """What was sent twice harms nobody, but with --strict."""
    lines = [line(1), line(2), line(2), line(2)]
    status, found = verify(lines)

    assert (status, found[0]["duplicates"]) == (0, 2)
    assert verify(lines, "--strict")[0] == 1


def test_told_losses_and_diverted_lines(verify):
    """By reason, as the environment itself told them."""
    status, found = verify(
        [
            own(1, lost={"refused": 2, "buffer_full": 1}),
            own(2, lost={"refused": 1}),
            own(3, diverted=4),
        ]
    )

    assert status == 1
    assert found[0]["lost"] == {"refused": 3, "buffer_full": 1}
    assert found[0]["diverted"] == 4


def test_diverted_lines_are_no_loss(verify):
    """They left a gap, and are in the function's own output."""
    status, found = verify([line(1), line(4), own(5, diverted=2)])

    assert (status, found[0]["missing"], found[0]["whole"]) == (0, 2, True)
    assert verify([line(1), line(4), own(5, diverted=1)])[0] == 1


def test_what_a_function_has_lost_or_diverted_is_no_line(verify):
    """An extra of that name tells nothing of lines, and hides no gap."""
    status, found = verify([line(1, lost={"refused": 2}), line(2, lost=3), line(3, diverted=9)])

    assert (status, found[0]["lost"], found[0]["diverted"]) == (0, {}, 0)
    assert verify([line(1), line(4, diverted=2)])[0] == 1


def test_the_clock_of_the_functions_lines(verify):
    """Lines that are older than the one before are counted; it is no loss."""
    status, found = verify([line(1), line(2, at=OLD - timedelta(seconds=1)), line(3)])

    assert (status, found[0]["unordered"], found[0]["backwards_ms"]) == (0, 1, 999.0)


def test_lines_of_others(tmp_path, command):
    """Lines without a number are said to be no lines of ours."""
    (tmp_path / "lines").write_text(json.dumps(line(1)) + '\n{"message":"other"}\n')
    ran = command("verify", "--from", tmp_path)

    assert ran.status == 0
    assert "1 lines without a number" in ran.out
