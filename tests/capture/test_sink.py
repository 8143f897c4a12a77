"""Where lines go: redacted, made to fit, handed on."""

from __future__ import annotations

import json

import pytest

from firehose_logging._capture.sink import Sink
from firehose_logging._limits import MAX_RECORD_BYTES

HEAD = '{"timestamp":"2026-01-01T00:00:00.000000Z","type":"function","level":"INFO","logger":"a"'


class Deliverer:
    """Keeps bodies and losses; raises what it is told to, once."""

    def __init__(self, raises: BaseException | None = None) -> None:
        self.bodies: list[str] = []
        self.lost: list[tuple[str, int]] = []
        self._raises = raises

    def add(self, body: str) -> None:
        """Take a body."""
        raises, self._raises = self._raises, None
        if raises is not None:
            raise raises
        self.bodies.append(body)

    def lose(self, reason: str = "unencodable", lines: int = 1) -> None:
        """Count a loss."""
        self.lost.append((reason, lines))

    def lines(self):
        """What was taken, parsed."""
        return [json.loads(body + "}") for body in self.bodies]


@pytest.fixture
def deliverer():
    """One that takes everything."""
    return Deliverer()


def test_a_line(deliverer):
    """A text is quoted, anything else is JSON; members follow."""
    sink = Sink(deliverer)
    sink.line(HEAD, 'say "hi"', ',"n":1')
    sink.line(HEAD, {"a": [1]})

    assert [(x["message"], x.get("n")) for x in deliverer.lines()] == [
        ('say "hi"', 1),
        ({"a": [1]}, None),
    ]


def test_a_long_line_is_split(deliverer):
    """No body is longer than a record may be, and no text is lost."""
    Sink(deliverer).line(HEAD, "x" * 2_500_000)

    lines = deliverer.lines()
    assert "".join(line["message"] for line in lines) == "x" * 2_500_000
    assert all(len(body) < MAX_RECORD_BYTES for body in deliverer.bodies)


@pytest.mark.parametrize("redacts", [True, False])
def test_members_without_a_message(deliverer, redacts):
    """What is too long without a message comes in fragments, redacted or not."""
    sink = Sink(deliverer)
    if redacts:
        sink.redact_with(lambda line: line)
    sink.members(HEAD, ',"n":1')
    sink.members(HEAD, f',"long":"{"x" * 2_000_000}"')

    lines = deliverer.lines()
    assert lines[0]["n"] == 1
    assert len(lines) > 2
    assert all("fragment" in line for line in lines[1:])


def test_hooks_run_in_order(deliverer):
    """Each hook sees what the one before it left; one given twice runs once."""
    sink = Sink(deliverer)

    def first(line):
        return {**line, "message": line["message"] + "1"}

    sink.redact_with(first)
    sink.redact_with(lambda line: {**line, "message": line["message"] + "2"})
    sink.redact_with(first)
    assert sink.redacts
    sink.line(HEAD, "m")
    sink.add(HEAD + ',"message":"n"')

    assert [line["message"] for line in deliverer.lines()] == ["m12", "n12"]


def test_what_a_hook_logs_is_not_redacted_again(deliverer):
    """A hook that logs does not call itself for ever; its line goes as it is."""
    sink = Sink(deliverer)
    inside = []

    def hook(line):
        inside.append(sink.in_hook())
        sink.line(HEAD, "from the hook")
        sink.add(HEAD + ',"message":"whole"')
        return {**line, "message": "*"}

    sink.redact_with(hook)
    sink.line(HEAD, "secret")

    assert [line["message"] for line in deliverer.lines()] == ["from the hook", "whole", "*"]
    assert inside == [True]
    assert not sink.in_hook()


def test_an_exception_of_the_functions_own_costs_no_line():
    """What a signal handler raises comes out; the line that was not taken goes with the next."""
    deliverer = Deliverer(raises=TimeoutError())
    sink = Sink(deliverer)
    with pytest.raises(TimeoutError):
        sink.line(HEAD, "interrupted")
    assert deliverer.bodies == []
    sink.line(HEAD, "next")

    assert [line["message"] for line in deliverer.lines()] == ["interrupted", "next"]


def test_a_used_up_stack_is_the_functions_to_hear_of():
    """RecursionError stays inside: the function's own next call raises it."""
    deliverer = Deliverer(raises=RecursionError())
    sink = Sink(deliverer)
    sink.line(HEAD, "deep")
    sink.line(HEAD, "next")

    assert [line["message"] for line in deliverer.lines()] == ["deep", "next"]


def test_losses_are_passed_on(deliverer):
    """Lines that never became lines are counted where lines are."""
    Sink(deliverer).lose("unencodable", 3)

    assert deliverer.lost == [("unencodable", 3)]
