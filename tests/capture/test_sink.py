"""Where lines go: redacted, made to fit, handed on."""

from __future__ import annotations

import copy
import itertools
import json
import logging

import pytest

from firehose_logging._capture import sink as module
from firehose_logging._capture.sink import Sink, was_accepted
from firehose_logging._limits import MAX_RECORD_BYTES
from support.captured import Stage

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


def test_records_that_are_remembered_are_bounded(deliverer, monkeypatch):
    """Of a process that logs for ever the newest are known, and memory does not grow."""
    monkeypatch.setattr(module, "MAX_TAKEN", 3)
    sink = Sink(deliverer)
    records = [logging.makeLogRecord({"created": float(n)}) for n in range(5)]
    for record in records:
        sink.note_taken(record)

    assert [sink.was_taken(record) for record in records] == [False, False, True, True, True]


def test_a_copy_of_a_record_is_the_record(deliverer):
    """What a queue hands on was made anew, at the same time, place and thread."""
    sink = Sink(deliverer)
    record = logging.makeLogRecord({"created": 1.5, "thread": 7, "process": 8, "lineno": 9})
    sink.note_taken(record)

    assert sink.was_taken(copy.copy(record))
    assert not sink.was_taken(logging.makeLogRecord({**record.__dict__, "lineno": 10}))


def test_a_record_without_a_time_is_only_itself(deliverer):
    """Where what tells copies apart is missing, no other record is taken for it."""
    sink = Sink(deliverer)
    record = logging.makeLogRecord({"created": None})
    sink.note_taken(record)

    assert sink.was_taken(record)
    assert not sink.was_taken(copy.copy(record))


def test_only_what_the_function_said_is_redacted(deliverer):
    """Of what telemetry brings, the platform's own lines are as they came."""
    sink = Sink(deliverer)
    sink.redact_with(lambda line: {**line, "message": "*"})
    sink.from_platform(HEAD + ',"message":"secret"')
    sink.from_platform(HEAD.replace("function", "platform") + ',"message":"report"')

    assert [line["message"] for line in deliverer.lines()] == ["*", "report"]


def test_a_hook_may_drop_a_line(deliverer):
    """None is no line, and the next is not kept back."""
    sink = Sink(deliverer)
    sink.redact_with(lambda line: None if line["message"] == "secret" else line)
    sink.line(HEAD, "secret")
    sink.line(HEAD, "plain")

    assert [line["message"] for line in deliverer.lines()] == ["plain"]


class Interrupted:
    """A stage whose backlog is interrupted by the function, before or after it has a line.

    Args:
        monkeypatch: of the test.
        at: numbers of the calls that are interrupted, from 0.
        after: whether the backlog has the line by then.
    """

    def __init__(self, monkeypatch, *at: int, after: bool) -> None:
        self.stage = Stage()
        calls = itertools.count()

        def interrupt() -> None:
            if next(calls) in at:
                raise TimeoutError

        backlog = self.stage.delivery.backlog
        if after:
            held = backlog.is_held_here

            def is_held_here() -> bool:
                interrupt()
                return held()

            monkeypatch.setattr(backlog, "is_held_here", is_held_here)
        else:
            add = self.stage.delivery.add

            def before(body: str) -> None:
                interrupt()
                add(body)

            monkeypatch.setattr(self.stage.delivery, "add", before)


@pytest.mark.parametrize("after", [False, True])
def test_a_line_is_delivered_once_wherever_the_function_breaks_in(monkeypatch, after):
    """Before the backlog has it, it comes with the next line; after, it is there already."""
    sink = Interrupted(monkeypatch, 0, after=after).stage
    with pytest.raises(TimeoutError):
        sink.sink.line(HEAD, "one")
    sink.sink.line(HEAD, "two")

    assert sink.messages() == ["one", "two"]


@pytest.mark.parametrize("after", [False, True])
def test_so_is_one_that_came_with_the_next(monkeypatch, after):
    """What was left is interrupted once more while it goes before the next line."""
    stage = Interrupted(monkeypatch, 1, after=after).stage
    stage.sink._left.append([HEAD + f',"message":"{part}"' for part in ("one", "two", "three")])
    with pytest.raises(TimeoutError):
        stage.sink.line(HEAD, "four")
    stage.sink.line(HEAD, "five")

    assert sorted(stage.messages()) == ["five", "four", "one", "three", "two"]
    assert not stage.sink._left


def test_the_last_part_of_what_was_left_is_not_left_twice(monkeypatch):
    """Interrupted when the backlog had it: nothing of it remains."""
    stage = Interrupted(monkeypatch, 0, after=True).stage
    stage.sink._left.append([HEAD + ',"message":"one"'])
    with pytest.raises(TimeoutError):
        stage.sink.line(HEAD, "two")
    stage.sink.line(HEAD, "three")

    assert sorted(stage.messages()) == ["one", "three", "two"]


def test_two_threads_share_what_was_left(deliverer, monkeypatch):
    """Who finds that another thread has taken it meanwhile goes on with its own line."""
    sink = Sink(deliverer)
    sink._left.append([HEAD + ',"message":"one"'])
    sink._left.append([HEAD + ',"message":"two"'])
    add = deliverer.add

    def other_thread(body: str) -> None:
        sink._left.clear()
        add(body)

    monkeypatch.setattr(deliverer, "add", other_thread)
    sink.line(HEAD, "three")

    assert [line["message"] for line in deliverer.lines()] == ["one", "three"]


def test_an_error_that_was_never_near_the_backlog_took_no_line():
    """The line is still to be delivered."""
    with pytest.raises(TimeoutError) as caught:
        signal_handler()

    assert not was_accepted(caught.value)
    assert not was_accepted(TimeoutError())


def signal_handler() -> None:
    """What the function does when its time is up."""
    raise TimeoutError
