from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._limits import MAX_RECORD_BYTES
from firehose_logging._line import line as _line
from tools.strategies import texts


@pytest.fixture(autouse=True)
def _caches_emptied():
    """No name cached by another test, nor left for one."""
    yield
    _line.names.clear()


HEAD = _line.start("2026-01-02T03:04:05.000006Z", "function", "INFO", "app")


def parse(body: str, seq: int = 1) -> dict[str, object]:
    """A finished line, which must be a legal record, as a dict."""
    line = _line.finish(body, seq)

    assert len(line) <= MAX_RECORD_BYTES
    assert line.endswith(b"\n")
    assert line.count(b"\n") == 1
    found = json.loads(line)
    assert found["seq"] == seq
    return found


@given(st.floats(0, 4_000_000_000))
def test_timestamp_is_utc_with_microseconds(epoch):
    """RFC 3339, six digits, Z; never off by more than a microsecond."""
    text = _line.timestamp(epoch)

    assert len(text) == 27
    assert text.endswith("Z")
    read = datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=timezone.utc)
    assert abs(read.timestamp() - epoch) < 2e-6


def test_timestamps_of_one_second_share_their_text():
    """The cached second is left when the second ends, in both directions."""
    assert [_line.timestamp(at) for at in (5.25, 5.5, 6.0, 5.75)] == [
        "1970-01-01T00:00:05.250000Z",
        "1970-01-01T00:00:05.500000Z",
        "1970-01-01T00:00:06.000000Z",
        "1970-01-01T00:00:05.750000Z",
    ]


def test_line_is_numbered_last():
    """The finished line is one JSON object with its number and one line end."""
    assert parse(f'{HEAD},"message":"a\\nb"', 7) == {
        "timestamp": "2026-01-02T03:04:05.000006Z",
        "type": "function",
        "level": "INFO",
        "logger": "app",
        "message": "a\nb",
        "seq": 7,
    }


@pytest.mark.parametrize("letter", ["x", "é", "😀", "\x00", "\ud800", '"'])
@pytest.mark.parametrize("size", [1_023_700, 1_024_000, 2_500_000])
def test_long_message_is_split_and_reassembles(letter, size):
    """Parts are numbered, legal records each, carry the head, and joined give the message."""
    message = letter * (size // len(letter.encode("utf-8", "surrogatepass")))
    tail = ',"customer":"c-1"'

    parts = [parse(body) for body in _line.split(HEAD, message, tail)]

    assert [p["part"] for p in parts] == list(range(1, len(parts) + 1))
    assert {p["parts"] for p in parts} == {len(parts)}
    assert {p["logger"] for p in parts} == {"app"}
    assert [p.get("customer") for p in parts] == ["c-1"] + [None] * (len(parts) - 1)
    assert "".join(p["message"] for p in parts) == message.replace("\ud800", "\ufffd")


def test_tail_that_fills_a_record_gets_its_own():
    """Members that leave little room for the message stand alone in the first part."""
    tail = f',"big":"{"x" * 1_000_000}"'

    parts = [parse(body) for body in _line.split(HEAD, "m" * 2_000_000, tail)]

    assert len(parts[0]["big"]) == 1_000_000
    assert "".join(p["message"] for p in parts) == "m" * 2_000_000
    assert len(parts) == 4


def test_tail_over_a_record_is_cut_as_json():
    """Members that are too long themselves travel as fragments of the line's own JSON."""
    tail = f',"big":"{"é" * 1_000_000}"'

    parts = [parse(body) for body in _line.split(HEAD, "m", tail)]

    whole = json.loads("".join(p["fragment"] for p in parts))
    assert (whole["message"], len(whole["big"]), whole["logger"]) == ("m", 1_000_000, "app")
    assert [p["part"] for p in parts] == list(range(1, len(parts) + 1))


@given(st.integers(1_023_000, 1_024_100))
def test_fits_is_never_wrong(length):
    """A body that fits is a legal record with any number; one that does not is near the limit."""
    body = HEAD + "x" * (length - len(HEAD))

    if _line.fits(body):
        assert len(_line.finish(body, 2**63)) <= MAX_RECORD_BYTES
    else:
        assert len(body) > MAX_RECORD_BYTES - 100


def test_names_are_bounded():
    """Type, level and logger are repeated on every part, so that they cannot be endless."""
    head = _line.start("t", "k" * 3_000_000, "L" * 3_000_000, "n" * 3_000_000)
    named = _line.function_start(1.0, 25, "L" * 3_000_000, "n" * 3_000_000)

    assert len(head) < 2_000
    assert len(named) < 2_000


def test_head_without_room_still_splits():
    """A head of nearly a record makes small parts, not an endless loop."""
    head = HEAD + f',"requestId":"{"r" * 1_023_000}"'

    bodies = _line.split(head, "m" * 5_000, "")

    assert "".join(json.loads(b + "}")["message"] for b in bodies) == "m" * 5_000


def test_head_over_a_record_is_refused():
    """A head that fills a record cannot be split; that is told, not tried for ever."""
    head = HEAD + f',"requestId":"{"r" * 1_100_000}"'

    with pytest.raises(ValueError, match="no room for the text"):
        _line.split(head, "m", "")


def test_caches_are_bounded():
    """Endless different names do not fill the memory."""
    for number in range(2_500):
        _line.function_start(1.0, 20, "INFO", f"logger{number}")

    assert len(_line.names) <= 1_000


@given(texts, texts)
def test_cached_names_are_the_same_as_new_ones(level, logger):
    """The second line of a logger begins like the first."""
    first = _line.function_start(1.0, 25, level, logger)

    assert _line.function_start(1.0, 25, level, logger) == first
    found = json.loads(_line.to_bytes(first + "}"))
    assert set(found) == {"timestamp", "type", "level", "logger"}


@pytest.mark.parametrize(
    ("number", "name", "column"),
    [
        (30, "\x1b[33mWARNING\x1b[0m", "WARNING"),
        (30, "WARN", "WARNING"),
        (40, "err", "ERROR"),
        (25, "NOTICE", "NOTICE"),
        (25, "\x1b[1;34mNOTICE\x1b[0m", "NOTICE"),
        (35, "Level 35", "Level 35"),
        (5, "trace", "trace"),
        (25, "\x1b[0m", "\x1b[0m"),
    ],
)
def test_level_names(number, name, column):
    """The levels of logging have its names; a level of the user's own keeps its name."""
    start = _line.function_start(1.0, number, name, "app")

    assert json.loads(start + "}")["level"] == column


@given(texts)
def test_colours_are_taken_out_of_any_text(text):
    """What a terminal does not show is gone, and something is left of a name that is not empty."""
    kept = _line.without_colours(f"\x1b[1;31m{text}\x1b[0m")

    assert len(kept) >= len(text.strip()) or "\x1b" in text
    assert _line.without_colours("plain") == "plain"
