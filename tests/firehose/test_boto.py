"""The boto3 transport against the local Firehose: a real client, real sockets, real answers."""

from __future__ import annotations

import gzip

import pytest
from botocore.config import Config

from firehose_logging._delivery.retry import AGAIN, BLOCKED, NEVER, SPLIT, verdict
from firehose_logging._firehose.boto import BotoTransport, make_client, outcome_of
from firehose_logging._firehose.wire import compress
from local_firehose import Fault

#: One try, and impatient where the service never answers.
CONFIG = Config(retries={"total_max_attempts": 1}, connect_timeout=5, read_timeout=0.5)


@pytest.fixture
def transport(firehose):
    """A transport with a client of that Firehose."""
    transport = BotoTransport("logs", firehose.client(config=CONFIG))
    yield transport
    transport.close()


def test_records_arrive(firehose, transport):
    """Every record is stored, byte for byte and in order; the outcome says so."""
    outcome = transport.send([b'{"a":1}\n', bytearray(b'{"b":2}\n{"c":3}\n')], 5.0)

    assert (list(outcome.codes), outcome.status, outcome.sizes) == ([None, None], 200, None)
    firehose.flush()
    assert firehose.stream("logs").lines() == [{"a": 1}, {"b": 2}, {"c": 3}]


def test_largest_call(firehose, transport):
    """A call of the most that we send is one that the service takes."""
    outcome = transport.send([b"x" * 999_999 + b"\n"] * 4, 5.0)
    many = transport.send([b"x\n"] * 500, 5.0)

    assert not any(outcome.codes)
    assert not any(many.codes)
    assert firehose.ledger.records == 504


def test_compressed(firehose):
    """Each record is one gzip member; sizes are those that were sent, and billed."""
    transport = BotoTransport("logs", firehose.client(config=CONFIG), gzip=True)
    record = b'{"message":"hello"}\n' * 5_000
    outcome = transport.send([record, record], 5.0)
    transport.close()

    assert outcome.sizes == [len(compress(record))] * 2
    assert firehose.ledger.raw_bytes == sum(outcome.sizes)
    assert gzip.decompress(compress(record) * 2) == record * 2


def test_partial_failure(firehose, transport):
    """Codes tell record by record what failed."""
    firehose.faults.add(Fault.partial(0.5, times=1))

    outcome = transport.send([b"x\n"] * 40, 5.0)

    failed = [code for code in outcome.codes if code]
    assert 0 < len(failed) < 40
    assert set(failed) <= {"ServiceUnavailableException", "InternalFailure"}
    assert firehose.ledger.records == 40 - len(failed)


@pytest.mark.parametrize(
    ("fault", "what", "maybe"),
    [
        (Fault.throttling(times=1), AGAIN, False),
        (Fault.unavailable(times=1), AGAIN, True),
        (Fault.internal_failure(times=1), AGAIN, True),
        (Fault.expired_token(times=1), AGAIN, False),
        (Fault.http(500, times=1), AGAIN, True),
        (Fault.http(502, times=1), AGAIN, True),
        (Fault.http(503, b"busy", times=1), AGAIN, True),
        (Fault.http(504, b"", times=1), AGAIN, True),
        (Fault.reset_before_body(times=1), AGAIN, True),
        (Fault.reset_after_body(times=1), AGAIN, True),
        (Fault.reset_after_body(times=1, stored=True), AGAIN, True),
        (Fault.hang(times=1), AGAIN, True),
        (Fault.truncated(times=1), AGAIN, True),
        (Fault.not_json(times=1), AGAIN, True),
        (Fault.wrong_counts(failed=1, times=1), AGAIN, True),
        (Fault.access_denied(times=1), BLOCKED, False),
        (Fault.not_found(times=1), BLOCKED, False),
        (Fault.invalid_kms_resource(times=1), BLOCKED, False),
        (Fault.invalid_argument(times=1), SPLIT, False),
        (Fault.too_large(times=1), SPLIT, False),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
def test_failures_of_the_whole_call(firehose, transport, fault, what, maybe):
    """Every fault is an outcome, never an exception, and the next call works."""
    firehose.faults.add(fault)

    outcome = transport.send([b"x\n", b"y\n"], 5.0)

    assert outcome.codes is None
    assert verdict(outcome, 2) == what
    assert outcome.maybe_stored is maybe
    assert list(transport.send([b"x\n"], 5.0).codes) == [None]


def test_wrong_number_of_entries(firehose, transport):
    """An answer with too many or too few entries is handed up as it is; the delivery compares."""
    firehose.faults.add(Fault.wrong_counts(responses=-1, times=1))

    outcome = transport.send([b"x\n", b"y\n"], 5.0)

    assert outcome.codes is not None
    assert len(outcome.codes) == 1


def test_refused_connection(firehose, transport):
    """Nobody listening is told as such, and nothing can have been stored."""
    firehose.faults.add(Fault.refuse())

    outcome = transport.send([b"x\n"], 5.0)

    assert (outcome.error, outcome.status, outcome.maybe_stored) == ("Connect", 0, False)


def test_unknown_stream(firehose):
    """A stream that does not exist blocks, and the words name it."""
    outcome = BotoTransport("other", firehose.client(config=CONFIG)).send([b"x\n"], 5.0)

    assert verdict(outcome, 1) == BLOCKED
    assert outcome.error == "ResourceNotFoundException"
    assert "other" in outcome.message


def test_record_too_large_alone(firehose, transport):
    """A record that the service can never take is given up when it stands alone."""
    outcome = transport.send([b"x" * 1_024_001], 5.0)

    assert verdict(outcome, 1) == NEVER


def test_wrong_key(firehose):
    """A signature that is not accepted blocks, and no secret is in the words."""
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYWRONGKEYXXXX"
    client = firehose.client(config=CONFIG, aws_secret_access_key=secret)

    outcome = BotoTransport("logs", client).send([b"x\n"], 5.0)

    assert verdict(outcome, 1) == BLOCKED
    assert secret not in outcome.message
    assert "AKIAIOSFODNN7EXAMPLE" not in outcome.message


def test_name_that_does_not_resolve():
    """A host that cannot be found is like one that refuses."""
    import botocore.session

    client = botocore.session.Session().create_client(
        "firehose", region_name="us-east-1", endpoint_url="http://firehose.invalid",
        aws_access_key_id="a", aws_secret_access_key="b", config=CONFIG,
    )  # fmt: skip

    outcome = BotoTransport("logs", client).send([b"x\n"], 5.0)

    assert (outcome.error, outcome.maybe_stored) == ("Connect", False)


@pytest.mark.parametrize(
    ("variables", "error"),
    [
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, "NoRegion"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "NoCredentials"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "NoCredentials"),
    ],
)
def test_nothing_configured(firehose, monkeypatch, variables, error):
    """Without region or credentials the outcome blocks until somebody changes that."""
    for name, value in {**firehose.environment(), **variables}.items():
        if value:
            monkeypatch.setenv(name, value)
        else:
            monkeypatch.delenv(name, raising=False)

    outcome = BotoTransport("logs").send([b"x\n"], 5.0)

    assert (outcome.error, verdict(outcome, 1)) == (error, BLOCKED)


def test_own_client(firehose, monkeypatch):
    """The client made from the environment tries once, has short time-outs, and says who it is."""
    for name, value in firehose.environment().items():
        monkeypatch.setenv(name, value)
    client = make_client()
    config = client.meta.config
    firehose.faults.add(Fault.unavailable(times=1))

    transport = BotoTransport("logs", client)
    first, second = transport.send([b"x\n"], 5.0), transport.send([b"x\n"], 5.0)
    transport.close()

    assert (first.codes, list(second.codes)) == (None, [None])
    assert [call.attempt for call in firehose.ledger.calls] == [1, 1]
    assert (config.connect_timeout, config.read_timeout) == (2.0, 5.0)
    assert "firehose-logging" in config.user_agent_extra


def test_any_exception_is_an_outcome():
    """What botocore never documented is told by its name, and may have been stored."""

    class Odd:
        def put_record_batch(self, **call):
            raise RuntimeError("aws_secret_access_key=abcdef")

    outcome = BotoTransport("logs", Odd()).send([b"x\n"], 5.0)

    assert (outcome.error, outcome.maybe_stored) == ("RuntimeError", True)
    assert "abcdef" not in outcome.message
    BotoTransport("logs", Odd()).close()


def test_codes_with_a_namespace():
    """A code such as "ns#Code" is taken for its last part."""
    error = Exception("x")
    error.response = {"Error": {"Code": "com.amazon#AccessDenied"}, "ResponseMetadata": {}}

    assert outcome_of(error).error == "AccessDenied"
