from __future__ import annotations

from collections import Counter
from random import Random

import pytest

from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._firehose.several import AWAY_FOR, THROTTLED_FOR, SeveralStreams, Spread
from firehose_logging.testing import ManualClock

OK = CallOutcome([None])
THROTTLED = CallOutcome(error="ServiceUnavailableException", message="slow down", status=503)
PART = CallOutcome([None, "ServiceUnavailableException"], status=200)
DENIED = CallOutcome(error="AccessDeniedException", message="no", status=400)
MISSING = CallOutcome(error="ResourceNotFoundException", message="no such stream", status=400)
NO_ANSWER = CallOutcome(error="Timeout", message="no answer in time", maybe_stored=True)


class Stream:
    """A stream that answers as it is told to, always; else it stores all."""

    def __init__(self) -> None:
        self.answer = OK
        self.calls = 0
        self.closed = 0

    def send(self, records, timeout):
        self.calls += 1
        return self.answer

    def close(self):
        self.closed += 1


class Fleet:
    """One environment of several streams, at home with the first."""

    def __init__(self, count: int = 3, random=lambda: 0.0) -> None:
        self.clock = ManualClock()
        self.streams = {name: Stream() for name in "abc"[:count]}
        self.made = []
        self.several = SeveralStreams(list(self.streams), self.make, 0, random, self.clock)

    def make(self, name: str) -> Stream:
        self.made.append(name)
        return self.streams[name]

    def send(self) -> CallOutcome:
        """One call of one record."""
        return self.several.send([b"line\n"], 5.0)

    @property
    def calls(self) -> list[int]:
        """Calls of each stream so far."""
        return [stream.calls for stream in self.streams.values()]


def test_environments_are_spread_evenly():
    """By what each is called, and whatever that is; always to the same one."""
    random = Random(1)
    homes = Counter(Spread(3, random.getrandbits(64), random.random).at(0.0) for _ in range(3_000))

    assert set(homes) == {0, 1, 2}
    assert min(homes.values()) > 900


def test_all_goes_to_one_stream_while_it_takes_it():
    """Its transport is made once, no other is made."""
    fleet = Fleet()
    for _ in range(5):
        assert fleet.send().codes == [None]

    assert (fleet.made, fleet.calls) == (["a"], [5, 0, 0])


@pytest.mark.parametrize("refusal", [DENIED, MISSING])
def test_a_stream_that_refuses_is_left_at_once(refusal, capfd):
    """The same call goes to another one; it is told once, and the outcome is the other's."""
    fleet = Fleet()
    fleet.streams["a"].answer = refusal

    assert fleet.send().codes == [None]
    assert fleet.send().codes == [None]
    assert fleet.calls == [1, 2, 0]
    assert fleet.streams["a"].closed == 1
    told = capfd.readouterr().err
    assert told.count("stream a is left for some minutes") == 1
    assert refusal.error in told
    assert "sending to b" in told


def test_when_all_refuse_the_answer_is_theirs():
    """Each is asked once a call, and all again at the next; nothing is stored twice or lost."""
    fleet = Fleet()
    for stream in fleet.streams.values():
        stream.answer = DENIED

    assert fleet.send().error == DENIED.error
    assert fleet.calls == [1, 1, 1]
    fleet.streams["b"].answer = OK
    assert fleet.send().codes == [None]
    assert fleet.calls[0] == 2


@pytest.mark.parametrize("throttled", [THROTTLED, PART])
def test_a_stream_that_throttles_is_left_after_a_while(throttled, capfd):
    """A burst changes nothing. Later the next call goes elsewhere; this one's answer stays."""
    fleet = Fleet()
    fleet.streams["a"].answer = throttled
    fleet.send()
    fleet.clock.advance(THROTTLED_FOR - 1)
    fleet.send()
    assert fleet.calls == [2, 0, 0]

    fleet.clock.advance(2)
    assert fleet.send() is throttled
    assert fleet.send().codes == [None]
    assert fleet.calls == [3, 1, 0]
    assert "throttled for 20 s" in capfd.readouterr().err


def test_a_stored_call_ends_the_patience_anew():
    """Only throttling without a break counts."""
    fleet = Fleet()
    for answer in (THROTTLED, OK, THROTTLED):
        fleet.streams["a"].answer = answer
        fleet.send()
        fleet.clock.advance(THROTTLED_FOR)
    fleet.send()

    assert fleet.calls[0] == 4


def test_no_answer_is_no_reason_to_change():
    """The network is the same for all streams, and the call may have been stored."""
    fleet = Fleet()
    fleet.streams["a"].answer = NO_ANSWER
    for _ in range(3):
        assert fleet.send() is NO_ANSWER
        fleet.clock.advance(THROTTLED_FOR)

    assert fleet.calls == [3, 0, 0]


def test_it_comes_home():
    """After some minutes the first stream is tried again, and kept when it stores."""
    fleet = Fleet()
    fleet.streams["a"].answer = DENIED
    fleet.send()
    fleet.streams["a"].answer = OK
    fleet.clock.advance(AWAY_FOR)
    fleet.send()
    fleet.send()

    assert fleet.calls == [3, 1, 0]


def test_who_leaves_a_stream_is_spread_over_the_others():
    """Not all of them to the next one, and not all back at the same moment."""
    others: Counter[int] = Counter()
    back = set()
    for seed in range(1_000):
        spread = Spread(3, 0, Random(seed).random)
        assert spread.refused(0.0)
        others[spread.at(1.0)] += 1
        back.add(next(at for at in range(1_000) if spread.at(float(at)) == 0))

    assert min(others[1], others[2]) > 400
    assert len(back) > 100


def test_the_time_of_a_call_is_for_all_of_it():
    """A refusal that took all the time is the answer."""
    fleet = Fleet()
    denied = fleet.streams["a"]

    def slow(records, timeout):
        fleet.clock.advance(timeout)
        return DENIED

    denied.send = slow

    assert fleet.send() is DENIED
    assert fleet.calls == [0, 0, 0]
    assert fleet.send().codes == [None]
