"""The throughput quota of a stream, on a clock moved by hand."""

from __future__ import annotations

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_firehose import DeliveryStream, LocalFirehose, ManualClock, Throughput
from local_firehose.throughput import Meter

ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=10)
MIB = 1024 * 1024


@pytest.fixture
def clock():
    """A clock that stands still."""
    return ManualClock()


def serve(tmp_path, clock, quota, region="us-east-1"):
    """A local Firehose with one stream of this quota."""
    stream = DeliveryStream("logs", tmp_path, throughput=quota)
    return LocalFirehose([stream], clock=clock, region=region)


def put(client, *sizes):
    """Put records of these sizes; the indexes that failed."""
    answer = client.put_record_batch(
        DeliveryStreamName="logs", Records=[{"Data": b"x" * size} for size in sizes]
    )
    failed = [i for i, entry in enumerate(answer["RequestResponses"]) if "ErrorCode" in entry]
    assert len(failed) == answer["FailedPutCount"]
    for i in failed:
        entry = answer["RequestResponses"][i]
        assert (
            entry["ErrorCode"],
            entry["ErrorMessage"],
        ) == ("ServiceUnavailableException", "Slow down.")
    return failed


def test_numbers_of_the_regions():
    """The three large regions get five times the records and bytes of the others."""
    large = Throughput(500_000, 2_000, 5 * MIB)

    assert large == Throughput() == Throughput.for_region("eu-west-1")
    assert Throughput(100_000, 1_000, MIB) == Throughput.for_region("eu-central-1")


def test_bytes_beyond_the_quota_fail_record_by_record(tmp_path, clock):
    """In a 1 MiB/s region a call of 2 MiB answers HTTP 200 with the records over it failed."""
    with serve(tmp_path, clock, "region", "eu-central-1") as firehose:
        client = firehose.client(config=ONE_TRY)

        assert put(client, *[MIB // 2] * 4) == [2, 3]
        assert put(client, 1) == [0]
        clock.advance(0.5)
        assert put(client, MIB // 2, 1) == [1]
        client.close()

        assert firehose.ledger.records == 3
        assert firehose.ledger.refused["ServiceUnavailableException"] == 4
        assert firehose.ledger.balance()["outcomes"] == {"partial": 3}
        firehose.flush()
        assert len(firehose.stream("logs").objects()[0].data()) == 3 * MIB // 2


def test_a_smaller_record_fits_after_a_larger_failed(tmp_path, clock):
    """Failures need not be a tail: one too large leaves room for a smaller one."""
    with serve(tmp_path, clock, Throughput(bytes_per_second=100)) as firehose:
        client = firehose.client(config=ONE_TRY)

        assert put(client, 60, 60, 40) == [1]
        client.close()


def test_records_beyond_the_quota_fail(tmp_path, clock):
    """Records a second are counted whatever their size, and refill with time."""
    with serve(tmp_path, clock, Throughput(records_per_second=10)) as firehose:
        client = firehose.client(config=ONE_TRY)

        assert put(client, *[0] * 12) == [10, 11]
        clock.advance(0.2)
        assert put(client, *[0] * 3) == [2]
        client.close()


def test_calls_beyond_the_quota_are_refused_whole(tmp_path, clock):
    """Over the requests a second the call itself is refused with HTTP 503."""
    with serve(tmp_path, clock, Throughput(requests_per_second=2)) as firehose:
        client = firehose.client(config=ONE_TRY)
        assert put(client, 1) + put(client, 1) == []
        with pytest.raises(client.exceptions.ServiceUnavailableException) as caught:
            put(client, 1)

        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 503
        clock.advance(1)
        assert put(client, 1) == []
        client.close()
        assert firehose.ledger.refused["ServiceUnavailableException"] == 1


def test_put_record_is_refused_whole(tmp_path, clock):
    """PutRecord has no entries, so a record over the quota refuses the call."""
    with serve(tmp_path, clock, Throughput(bytes_per_second=10)) as firehose:
        client = firehose.client(config=ONE_TRY)
        with pytest.raises(client.exceptions.ServiceUnavailableException):
            client.put_record(DeliveryStreamName="logs", Record={"Data": b"x" * 11})
        client.close()

        ledger = firehose.ledger
        assert (ledger.records, ledger.refused.total()) == (0, 1)
        assert ledger.calls[0].outcome == "ServiceUnavailableException"


def test_idle_time_saves_one_second_only(tmp_path, clock):
    """A stream that was idle for a minute takes one second of its quota at once, not more."""
    with serve(tmp_path, clock, Throughput(bytes_per_second=100)) as firehose:
        client = firehose.client(config=ONE_TRY)
        clock.advance(60)

        assert put(client, 100, 1) == [1]
        client.close()


def test_no_quota(tmp_path, clock):
    """With throughput=None nothing is refused while the clock stands."""
    with serve(tmp_path, clock, None) as firehose:
        client = firehose.client(config=ONE_TRY)

        assert [i for _ in range(3) for i in put(client, *[1_000_000] * 4)] == []
        client.close()


def test_streams_do_not_share_a_quota(clock):
    """Each meter has its own buckets."""
    first, second = (Meter(Throughput(records_per_second=1), clock) for _ in range(2))

    assert first.admit([1]) == [True]
    assert first.admit([1]) == [False]
    assert second.admit([1]) == [True]


def test_control_calls_are_five_a_second(tmp_path, clock):
    """A producer that describes its stream before every put is throttled."""
    with serve(tmp_path, clock, None) as firehose:
        client = firehose.client(config=ONE_TRY)
        for _ in range(5):
            client.describe_delivery_stream(DeliveryStreamName="logs")
        with pytest.raises(ClientError, match="ThrottlingException"):
            client.describe_delivery_stream(DeliveryStreamName="logs")
        clock.advance(0.2)
        client.describe_delivery_stream(DeliveryStreamName="logs")
        client.close()


@pytest.mark.parametrize("value", [0, -1, True, "5"])
def test_a_quota_must_be_a_positive_number(value):
    """A wrong number is refused with its name, and the way to switch the quota off."""
    with pytest.raises(ValueError, match=r"requests_per_second=.*throughput=None"):
        Throughput(requests_per_second=value)
