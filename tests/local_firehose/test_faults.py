"""Every fault of the local Firehose, as a real boto3 client meets it."""

from __future__ import annotations

import socket
import threading

import pytest
from botocore.config import Config
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    EndpointConnectionError,
    HTTPClientError,
    ReadTimeoutError,
)

from local_firehose import DeliveryStream, Fault, LocalFirehose, fault_names

ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=10)
#: For faults that never answer: long enough for a slow machine to get the request through.
IMPATIENT = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=0.5)


@pytest.fixture
def client(firehose):
    """A boto3 client that tries once."""
    client = firehose.client(config=ONE_TRY)
    yield client
    client.close()


def put(client, *records):
    """Put records in one call."""
    return client.put_record_batch(
        DeliveryStreamName="logs", Records=[{"Data": data} for data in records or (b"x",)]
    )


def failed_indexes(answer):
    """Indexes of the entries that failed."""
    entries = answer["RequestResponses"]
    return [i for i, entry in enumerate(entries) if "ErrorCode" in entry]


@pytest.mark.parametrize(
    ("fault", "code", "status"),
    [
        (Fault.throttling(), "ThrottlingException", 400),
        (Fault.unavailable(), "ServiceUnavailableException", 503),
        (Fault.internal_failure(), "InternalFailure", 500),
        (Fault.expired_token(), "ExpiredTokenException", 400),
        (Fault.access_denied(), "AccessDeniedException", 400),
        (Fault.not_found(), "ResourceNotFoundException", 400),
        (Fault.invalid_argument(), "InvalidArgumentException", 400),
        (Fault.invalid_source(), "InvalidSourceException", 400),
        (Fault.invalid_kms_resource(), "InvalidKMSResourceException", 400),
        (Fault.error_answer("LimitExceededException", "no", 429), "LimitExceededException", 429),
        (Fault.http(500), "500", 500),
        (Fault.http(502), "502", 502),
        (Fault.http(503, b"Service Unavailable"), "503", 503),
        (Fault.http(504, b""), "504", 504),
        (Fault.too_large(), "413", 413),
    ],
)
def test_errors_of_the_whole_call(firehose, client, fault, code, status):
    """The error arrives with its code and status, nothing is stored, the next call works."""
    firehose.faults.add(Fault(**{**vars(fault), "times": 1}))
    with pytest.raises(ClientError) as caught:
        put(client, b"a", b"b")

    response = caught.value.response
    assert code == response["Error"]["Code"]
    assert status == response["ResponseMetadata"]["HTTPStatusCode"]
    assert firehose.ledger.records == 0
    assert firehose.ledger.refused == {fault.name: 2}
    assert firehose.ledger.calls[0].status == status
    assert put(client)["FailedPutCount"] == 0
    assert firehose.faults.active() == []


def test_kms_error_has_its_code(firehose, client):
    """The member `code` of InvalidKMSResourceException holds the error of KMS."""
    firehose.faults.add(Fault.invalid_kms_resource())
    with pytest.raises(client.exceptions.InvalidKMSResourceException) as caught:
        put(client)

    assert caught.value.response["code"] == "KMSDisabledException"


@pytest.mark.parametrize("make", [Fault.unavailable, Fault.internal_failure])
def test_server_error_after_storing(firehose, client, make):
    """With stored=True the records are there though the call failed: a resend duplicates them."""
    firehose.faults.add(make(1, stored=True))
    with pytest.raises(ClientError):
        put(client, b"a")
    put(client, b"a")

    assert firehose.ledger.records == 2
    assert firehose.ledger.refused.total() == 0


@pytest.mark.parametrize("percent", [5, 50, 95])
def test_partial_failure_by_rate(firehose, client, percent):
    """About the share asked for fails, the same records for one seed; the rest is kept."""
    firehose.faults.add(Fault.partial(percent / 100, seed=7))
    first = put(client, *[b"x"] * 500)
    firehose.faults.set(Fault.partial(percent / 100, seed=7))
    second = put(client, *[b"x"] * 500)

    failed = failed_indexes(first)
    assert failed == failed_indexes(second)
    assert abs(len(failed) - 5 * percent) < 60
    assert first["FailedPutCount"] == len(failed)
    assert firehose.ledger.records == 2 * (500 - len(failed))
    assert firehose.ledger.refused == {"ServiceUnavailableException": 2 * len(failed)}


@pytest.mark.parametrize("code", ["ServiceUnavailableException", "InternalFailure"])
def test_partial_failure_by_mask(firehose, client, code):
    """Exactly the records of the mask fail, with the code asked for; the others are delivered."""
    firehose.faults.add(Fault.partial(mask=[True, False, True], code=code, times=1))
    answer = put(client, b"a", b"b", b"c", b"d")

    entries = answer["RequestResponses"]
    assert failed_indexes(answer) == [0, 2]
    assert {entries[0]["ErrorCode"], entries[2]["ErrorCode"]} == {code}
    assert "RecordId" not in entries[0]
    firehose.flush()
    assert firehose.stream("logs").objects()[0].data() == b"bd"
    assert firehose.ledger.calls[0].outcome == "partial"


def test_partial_failure_that_stored(firehose, client):
    """A failed entry may have been stored nevertheless."""
    firehose.faults.add(Fault.partial(mask=[True], stored=True))
    answer = put(client, b"a", b"b")

    assert failed_indexes(answer) == [0]
    assert firehose.ledger.records == 2


def test_partial_failure_of_put_record(firehose, client):
    """PutRecord has no entries, so the failure is the call's."""
    firehose.faults.add(Fault.partial(1.0))
    with pytest.raises(client.exceptions.ServiceUnavailableException):
        client.put_record(DeliveryStreamName="logs", Record={"Data": b"x"})

    assert firehose.ledger.refused == {"ServiceUnavailableException": 1}


@pytest.mark.parametrize(("more", "wrong"), [(2, 0), (-1, 0), (0, 3), (1, 1)])
def test_wrong_counts(firehose, client, more, wrong):
    """RequestResponses may be longer or shorter than the call, FailedPutCount may be wrong."""
    firehose.faults.add(Fault.wrong_counts(responses=more, failed=wrong))
    answer = put(client, b"a", b"b", b"c")

    assert len(answer["RequestResponses"]) == 3 + more
    assert answer["FailedPutCount"] == wrong
    assert firehose.ledger.records == 3


def test_reset_before_the_body(firehose, client):
    """The connection is reset before the body is read; nothing is stored."""
    firehose.faults.add(Fault.reset_before_body(1))
    with pytest.raises((ConnectionClosedError, EndpointConnectionError, HTTPClientError)):
        put(client, *[b"x" * 1_000_000] * 4)

    call = firehose.ledger.calls[0]
    assert (call.outcome, call.status, call.signature_ok) == ("reset-before-body", None, None)
    assert firehose.ledger.records == 0
    put(client)
    assert firehose.ledger.connections == 2


@pytest.mark.parametrize("stored", [True, False])
def test_reset_after_the_body(firehose, client, stored):
    """The connection is reset once all was read, with the records stored or not."""
    firehose.faults.add(Fault.reset_after_body(1, stored=stored))
    with pytest.raises(ConnectionClosedError):
        put(client, b"a", b"b")

    assert firehose.ledger.records == (2 if stored else 0)
    assert firehose.ledger.refused.total() == (0 if stored else 2)


@pytest.mark.parametrize("stored", [True, False])
def test_hang(firehose, stored):
    """The call is read and never answered, with the records stored or not."""
    client = firehose.client(config=IMPATIENT)
    firehose.faults.add(Fault.hang(1, stored=stored))
    with pytest.raises(ReadTimeoutError):
        put(client)
    client.close()

    assert firehose.ledger.records == (1 if stored else 0)
    assert firehose.ledger.calls[0].status is None


def test_hang_is_released_by_close(tmp_path):
    """A producer held by a hang is let go, with a broken connection, when the server closes."""
    firehose = LocalFirehose([DeliveryStream("logs", tmp_path)])
    firehose.faults.add(Fault.hang())
    client = firehose.client(config=ONE_TRY)
    outcome: list[BaseException] = []

    def produce():
        try:
            put(client)
        except Exception as error:
            outcome.append(error)

    thread = threading.Thread(target=produce)
    thread.start()
    firehose.wait_for(lambda ledger: ledger.calls, deadline=10)
    firehose.close()
    thread.join(10)
    client.close()

    assert not thread.is_alive()
    assert [type(error) for error in outcome] == [ConnectionClosedError]


def test_black_hole(firehose):
    """Connecting works, nothing is ever answered, and closing the server ends it."""
    client = firehose.client(config=IMPATIENT)
    firehose.faults.add(Fault.black_hole(1))
    with pytest.raises(ReadTimeoutError):
        put(client)
    put(client)
    client.close()

    assert [call.outcome for call in firehose.ledger.calls] == ["black-hole", "ok"]


def test_refused_connections_and_back(firehose, client):
    """While refusing, kept connections are broken and new ones refused; clearing serves again."""
    put(client)
    port = firehose.port
    firehose.faults.add(Fault.refuse())
    for _ in range(2):
        with pytest.raises((EndpointConnectionError, ConnectionClosedError)):
            put(client)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", port), timeout=10)
    firehose.faults.clear()
    put(client)

    assert firehose.port == port
    assert firehose.ledger.records == 2


def test_refusing_breaks_idle_connections(firehose):
    """A connection that waits for nothing is broken as well when the server begins to refuse."""
    with socket.create_connection(("127.0.0.1", firehose.port), timeout=10) as sock:
        firehose.wait_for(lambda ledger: ledger.connections == 1)
        firehose.faults.add(Fault.refuse())

        assert sock.recv(1) == b""


def test_close_leaves_no_thread(tmp_path):
    """Closing ends every thread of the server, those held by faults included."""
    firehose = LocalFirehose([DeliveryStream("logs", tmp_path)])
    firehose.faults.add(Fault.black_hole())
    with socket.create_connection(("127.0.0.1", firehose.port), timeout=10) as sock:
        sock.sendall(b"POST")
        firehose.wait_for(lambda ledger: ledger.calls)
        firehose.close()

    left = [thread.name for thread in threading.enumerate() if "local-firehose" in thread.name]
    assert left == []


def test_refusing_server_can_be_closed(tmp_path):
    """A server that refuses connections closes like any other."""
    with LocalFirehose([DeliveryStream("logs", tmp_path)]) as firehose:
        firehose.faults.add(Fault.refuse())


def test_drip(firehose, client):
    """An answer that comes byte by byte is whole in the end."""
    firehose.faults.add(Fault.drip(0.1))

    assert put(client)["FailedPutCount"] == 0


def test_not_json(firehose, client):
    """HTTP 200 with a body that is no JSON is an empty answer to botocore, not an error."""
    firehose.faults.add(Fault.not_json(1))
    answer = put(client)

    assert set(answer) == {"ResponseMetadata"}
    assert firehose.ledger.records == 1
    assert firehose.ledger.calls[0].outcome == "not-json"


def test_truncated(firehose, client):
    """Half an answer, its connection closed early, is an empty answer to botocore as well."""
    firehose.faults.add(Fault.truncated(1))
    answer = put(client, b"a", b"b")

    assert set(answer) == {"ResponseMetadata"}
    assert int(answer["ResponseMetadata"]["HTTPHeaders"]["content-length"]) > 0
    assert firehose.ledger.records == 2
    put(client)
    assert firehose.ledger.connections == 2


def test_close_on_every_answer(firehose, client):
    """With `Connection: close` on every answer each call takes a new connection."""
    firehose.faults.add(Fault.close_connection())
    for _ in range(3):
        put(client)

    assert firehose.ledger.connections == 3


def test_latency(firehose, client):
    """Half of the round trip passes before the records are stored, half before the answer."""
    seen = []

    class Recorder(threading.Event):
        def wait(self, timeout=None):
            seen.append((timeout, firehose.ledger.records))
            return False

    firehose._conversation._closing = Recorder()
    firehose.faults.add(Fault.latency(60, times=1))
    put(client)
    put(client)

    assert seen == [(0.03, 0), (0.03, 1)]


def test_faults_of_the_wire_add_up(firehose, client):
    """Latency, a failed record and a closed connection can hit one call together."""
    firehose.faults.add(Fault.latency(1), Fault.close_connection(), Fault.partial(mask=[True]))

    assert put(client)["FailedPutCount"] == 1
    put(client)
    assert firehose.ledger.connections == 2


def test_first_fault_wins_and_the_other_waits(firehose, client):
    """Of two faults for the answer the first is used up before the second acts."""
    firehose.faults.add(Fault.throttling(1), Fault.unavailable(1))
    codes = []
    for _ in range(2):
        with pytest.raises(ClientError) as caught:
            put(client)
        codes.append(caught.value.response["Error"]["Code"])

    assert codes == ["ThrottlingException", "ServiceUnavailableException"]
    assert put(client)["FailedPutCount"] == 0


def test_times(firehose, client):
    """A fault with times=2 hits two calls."""
    firehose.faults.add(Fault.partial(1.0, 2))

    assert [put(client)["FailedPutCount"] for _ in range(4)] == [1, 1, 0, 0]


def test_flap(firehose, client):
    """A flapping fault is on for n calls, off for m, and so on."""
    firehose.faults.add(Fault.partial(1.0).when(flap=(2, 1)))

    assert [put(client)["FailedPutCount"] for _ in range(7)] == [1, 1, 0, 1, 1, 0, 1]


def test_probability_is_seeded(firehose, client):
    """A fault by chance hits the same calls for the same seed, and not all of them."""
    runs = []
    for _ in range(2):
        firehose.faults.set(Fault.partial(1.0).when(probability=0.5, seed=3))
        runs.append([put(client)["FailedPutCount"] for _ in range(20)])

    assert runs[0] == runs[1]
    assert 3 < sum(runs[0]) < 17


def test_predicate(firehose, client):
    """A fault may look at the call: here only calls that hold a poisoned record fail."""
    poison = Fault.throttling().when(predicate=lambda call: b"poison" in call.records)
    firehose.faults.add(poison)

    put(client, b"good")
    with pytest.raises(ClientError):
        put(client, b"good", b"poison")


def test_attempts_of_the_sdk_are_seen(firehose):
    """The SDK's own retries arrive as attempts 1, 2, 3 of one invocation id."""
    config = Config(retries={"total_max_attempts": 3, "mode": "standard"})
    client = firehose.client(config=config)
    firehose.faults.add(Fault.internal_failure(2))
    put(client)
    client.close()

    calls = firehose.ledger.calls
    assert [call.attempt for call in calls] == [1, 2, 3]
    assert len({call.invocation_id for call in calls}) == 1


def test_limits_hold_while_throttled(firehose, client):
    """A call that breaks a limit is told so, not throttled, so that tests see the mistake."""
    firehose.faults.add(Fault.throttling())
    with pytest.raises(ClientError, match="ValidationException"):
        put(client, *[b"x"] * 501)


def test_control_calls_are_spared(firehose, client):
    """Faults of the answer hit puts only."""
    firehose.faults.add(Fault.throttling())

    client.describe_delivery_stream(DeliveryStreamName="logs")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Fault.partial(1.5),
        lambda: Fault.partial(-0.1),
        Fault.partial,
        lambda: Fault.partial(0.5, mask=[True]),
        lambda: Fault.throttling(0),
        lambda: Fault.latency(-1),
        lambda: Fault.hang().when(probability=2),
        lambda: Fault.hang().when(flap=(0, 0)),
        lambda: Fault.hang().when(flap=(-1, 2)),
    ],
)
def test_numbers_are_checked(make):
    """A fault that cannot be is refused when it is made."""
    with pytest.raises(ValueError, match=r"needed|or more|give either"):
        make()


def test_names_of_the_command_line():
    """Every name makes the fault of that name; numbers and times are read."""
    for name in fault_names.BY_NAME:
        fault = fault_names.parse(f"{name}*2")
        assert fault.times == 2
        assert name in (fault.name, _kebab(fault.name))
    partial = fault_names.parse("partial:0.25*3")
    assert (partial.name, partial.rate, partial.times) == ("partial", 0.25, 3)
    assert fault_names.parse("http:502") == Fault.http(502)
    assert fault_names.parse("latency:20").seconds == 0.02
    assert fault_names.parse("drip:5").seconds == 0.005


def _kebab(code):
    """`access-denied` for `AccessDeniedException`."""
    spaced = "".join(f"-{c.lower()}" if c.isupper() else c for c in code.replace("KMS", "Kms"))
    short = spaced.strip("-").removesuffix("-exception")
    names = {"resource-not-found": "not-found", "service-unavailable": "unavailable"}
    names["http-413"] = "too-large"
    return names.get(short, short)


@pytest.mark.parametrize(
    "text", ["", "nope", "partial", "partial:x", "partial:2", "throttling:3", "hang*x", "hang*0"]
)
def test_wrong_names_are_told(text):
    """A fault that cannot be read is told with its text."""
    with pytest.raises(ValueError, match="fault"):
        fault_names.parse(text)
