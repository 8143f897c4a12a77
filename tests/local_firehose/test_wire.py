"""The local Firehose takes and refuses calls as the service does, driven by a real boto3 client."""

from __future__ import annotations

import base64
import http.client
import json
import socket

import boto3
import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_firehose import DeliveryStream, LocalFirehose, validation
from local_firehose.certificate import NoCertificateToolError
from local_firehose.errors import ServiceError

ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=10)
MIB_4 = 4 * 1024 * 1024


@pytest.fixture
def firehose(tmp_path):
    """A local Firehose with one stream and no quota."""
    stream = DeliveryStream("logs", tmp_path / "bucket", throughput=None)
    with LocalFirehose([stream], bucket_root=tmp_path / "buckets") as firehose:
        yield firehose


@pytest.fixture
def client(firehose):
    """A boto3 client that tries once."""
    client = firehose.client(config=ONE_TRY)
    yield client
    client.close()


def put(client, *records, stream="logs"):
    """Put records in one call."""
    return client.put_record_batch(
        DeliveryStreamName=stream, Records=[{"Data": data} for data in records]
    )


def error_of(caught):
    """Code, HTTP status and message of a ClientError."""
    response = caught.value.response
    status = response["ResponseMetadata"]["HTTPStatusCode"]
    return response["Error"]["Code"], status, response["Error"]["Message"]


def replace_body(client, body):
    """Make the client send this body, signed correctly, whatever the call says."""

    def change(params, **_):
        params["body"] = body if isinstance(body, bytes) else json.dumps(body).encode()

    client.meta.events.register("before-call.firehose", change)


def test_batch_answer(firehose, client):
    """A stored batch answers one long unique RecordId per record, nothing failed or encrypted."""
    answer = put(client, b"a", b"", b"c")

    ids = [entry["RecordId"] for entry in answer["RequestResponses"]]
    assert (answer["FailedPutCount"], answer["Encrypted"]) == (0, False)
    assert [len(record_id) for record_id in ids] == [220, 220, 220]
    assert len(set(ids)) == 3
    assert (firehose.ledger.records, firehose.ledger.raw_bytes) == (3, 2)


def test_put_record(firehose, client):
    """PutRecord stores its record and answers its id."""
    answer = client.put_record(DeliveryStreamName="logs", Record={"Data": b"one\n"})

    firehose.flush()
    assert (len(answer["RecordId"]), answer["Encrypted"]) == (220, False)
    assert firehose.stream("logs").objects()[0].data() == b"one\n"


def test_500_records_are_taken(firehose, client):
    """500 records are a full call."""
    assert len(put(client, *[b"x"] * 500)["RequestResponses"]) == 500
    assert firehose.ledger.records == 500


def test_501_records_are_refused(firehose, client):
    """501 records are refused as a whole with the service's words."""
    with pytest.raises(ClientError) as caught:
        put(client, *[b"x"] * 501)

    code, status, message = error_of(caught)
    assert (code, status) == ("ValidationException", 400)
    assert "at 'records' failed to satisfy constraint: Member must have length less than" in message
    assert (firehose.ledger.records, firehose.ledger.refused["ValidationException"]) == (0, 501)


def test_record_of_1000_kib_is_taken(firehose, client):
    """A record of 1,024,000 raw bytes is taken: base64 makes it 1,365,336 and is not counted."""
    put(client, b"x" * 1_024_000)

    assert firehose.ledger.raw_bytes == 1_024_000
    assert firehose.ledger.wire_bytes > 1_365_336


@pytest.mark.parametrize("operation", ["PutRecord", "PutRecordBatch"])
def test_record_one_byte_over_is_refused(firehose, client, operation):
    """A record of 1,024,001 raw bytes refuses the whole call and names the record."""
    big = b"x" * 1_024_001
    calls = {
        "PutRecord": lambda: client.put_record(DeliveryStreamName="logs", Record={"Data": big}),
        "PutRecordBatch": lambda: put(client, b"fits", big),
    }
    with pytest.raises(ClientError) as caught:
        calls[operation]()

    code, status, message = error_of(caught)
    where = "record.data" if operation == "PutRecord" else "records.2.member.data"
    assert (code, status) == ("ValidationException", 400)
    assert message.startswith("1 validation error detected: Value 'java.nio.HeapByteBuffer[pos=0")
    assert f"at '{where}' failed" in message
    assert message.endswith("length less than or equal to 1024000")
    assert firehose.ledger.records == 0


def test_call_of_4_mib_is_taken(firehose, client):
    """4,194,304 raw bytes are a full call."""
    put(client, *[b"x" * 1_024_000] * 4, b"x" * 98_304)

    assert firehose.ledger.raw_bytes == MIB_4


def test_call_one_byte_over_4_mib_is_refused(firehose, client):
    """4,194,305 raw bytes are refused with InvalidArgumentException; nothing is stored."""
    with pytest.raises(ClientError) as caught:
        put(client, *[b"x" * 1_024_000] * 4, b"x" * 98_305)

    assert error_of(caught) == (
        "InvalidArgumentException",
        400,
        "Records size exceeds 4 MB limit",
    )
    assert firehose.ledger.records == 0
    assert firehose.ledger.calls[0].raw_bytes == MIB_4 + 1


def test_modelled_errors_arrive_as_their_classes(client):
    """Botocore maps the answer to the exception class of the service model."""
    with pytest.raises(client.exceptions.InvalidArgumentException):
        put(client, *[b"x" * 1_024_000] * 5)
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        put(client, b"x", stream="other")


@pytest.mark.parametrize("data", ["abc", "a===", "%%%%", "YQ==YQ=", "YWJj\n"])
def test_invalid_base64_is_refused(firehose, client, data):
    """Data that is no base64 is a SerializationException."""
    replace_body(client, {"DeliveryStreamName": "logs", "Records": [{"Data": data}]})
    with pytest.raises(ClientError) as caught:
        put(client, b"x")

    assert error_of(caught)[:2] == ("SerializationException", 400)
    assert firehose.ledger.records == 0


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"\xff",
        {"DeliveryStreamName": 5, "Records": [{"Data": ""}]},
        {"DeliveryStreamName": "logs", "Records": {}},
        {"DeliveryStreamName": "logs", "Records": ["x"]},
        {"DeliveryStreamName": "logs", "Records": [{"Data": 5}]},
    ],
)
def test_wrong_types_are_refused(client, body):
    """A body that does not fit the model's types is a SerializationException."""
    replace_body(client, body)
    with pytest.raises(ClientError) as caught:
        put(client, b"x")

    assert error_of(caught)[:2] == ("SerializationException", 400)


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"Records": [{"Data": ""}]}, "'deliveryStreamName'"),
        ({"DeliveryStreamName": "logs"}, "'records'"),
        ({"DeliveryStreamName": "logs", "Records": []}, "'records'"),
        ({"DeliveryStreamName": "logs", "Records": [{}]}, "'records.1.member.data'"),
        ({"DeliveryStreamName": "logs", "Records": [None]}, "'records.1.member'"),
    ],
)
def test_missing_members_are_refused(client, body, where):
    """A required member that is missing or empty is a ValidationException that names it."""
    replace_body(client, body)
    with pytest.raises(ClientError) as caught:
        put(client, b"x")

    code, status, message = error_of(caught)
    assert (code, status) == ("ValidationException", 400)
    assert f"at {where} failed" in message


@pytest.mark.parametrize("name", ["x" * 65, "a b", "ä", "a/b"])
def test_stream_name_rules(client, name):
    """A name over 64 characters or with others than letters, digits and _.- is refused."""
    with pytest.raises(ClientError) as caught:
        put(client, b"x", stream=name)

    code, _, message = error_of(caught)
    assert code == "ValidationException"
    assert "at 'deliveryStreamName'" in message


def test_every_problem_is_named(client):
    """Several broken rules are told in one message with their number."""
    with pytest.raises(ClientError) as caught:
        put(client, *[b"x"] * 501, stream="a b")

    assert error_of(caught)[2].startswith("2 validation errors detected: ")


def test_unknown_stream(client):
    """A stream that does not exist is a ResourceNotFoundException."""
    with pytest.raises(ClientError) as caught:
        put(client, b"x", stream="other")

    assert error_of(caught) == (
        "ResourceNotFoundException",
        400,
        "Firehose other under account 123456789012 not found.",
    )


def test_wrong_region(firehose):
    """A call signed for another region does not find the stream."""
    client = firehose.client(config=ONE_TRY, region_name="eu-west-1")
    with pytest.raises(ClientError) as caught:
        put(client, b"x")

    assert error_of(caught)[0] == "ResourceNotFoundException"
    assert firehose.ledger.calls[0].region == "eu-west-1"
    client.close()


def test_stream_that_is_not_active(firehose, client, tmp_path):
    """A stream that is not ACTIVE yet takes nothing."""
    firehose.add_stream(DeliveryStream("new", tmp_path, active=False))
    with pytest.raises(ClientError) as caught:
        put(client, b"x", stream="new")

    assert error_of(caught)[0] == "ResourceNotFoundException"


def test_unknown_operation(firehose, client):
    """An operation that is not served is an UnknownOperationException."""
    with pytest.raises(ClientError) as caught:
        client.list_tags_for_delivery_stream(DeliveryStreamName="logs")

    assert error_of(caught)[:2] == ("UnknownOperationException", 400)
    assert firehose.ledger.calls[0].signature_ok is True


def test_connection_is_kept(firehose, client):
    """Twenty calls of one client use one connection."""
    for _ in range(20):
        put(client, b"x")

    assert (len(firehose.ledger.calls), firehose.ledger.connections) == (20, 1)


def test_call_summary(firehose, client):
    """The ledger holds what a test may want to know of a call."""
    put(client, b"abc", b"de")

    call = firehose.ledger.calls[0]
    assert (
        call.operation,
        call.stream,
        call.records,
        call.raw_bytes,
        call.stored,
    ) == ("PutRecordBatch", "logs", 2, 5, 2)
    assert (
        call.outcome,
        call.status,
        call.signature_ok,
        call.region,
        call.attempt,
        call.connection,
    ) == ("ok", 200, True, "us-east-1", 1, 1)
    assert call.invocation_id
    assert call.wire_bytes == firehose.ledger.wire_bytes


def test_billed_bytes(firehose, client):
    """Each record is billed rounded up to 5,120 bytes, an empty one not at all."""
    put(client, b"", b"x", b"x" * 5_120, b"x" * 5_121)

    assert firehose.ledger.billed_bytes == 0 + 5_120 + 5_120 + 10_240


def test_describe_and_list(firehose, client):
    """Describe and List answer in the shapes that botocore's model reads."""
    description = client.describe_delivery_stream(DeliveryStreamName="logs")
    stream = description["DeliveryStreamDescription"]
    s3 = stream["Destinations"][0]["ExtendedS3DestinationDescription"]

    assert stream["DeliveryStreamARN"] == (
        "arn:aws:firehose:us-east-1:123456789012:deliverystream/logs"
    )
    assert (
        stream["DeliveryStreamStatus"],
        stream["DeliveryStreamType"],
        stream["VersionId"],
    ) == ("ACTIVE", "DirectPut", "1")
    assert s3["BufferingHints"] == {"SizeInMBs": 5, "IntervalInSeconds": 300}
    listed = client.list_delivery_streams()
    assert (listed["DeliveryStreamNames"], listed["HasMoreDeliveryStreams"]) == (["logs"], False)


def test_list_in_pages(firehose, client, tmp_path):
    """List answers at most `Limit` names and goes on after a given one."""
    firehose.add_stream(DeliveryStream("other", tmp_path))

    first = client.list_delivery_streams(Limit=1)
    second = client.list_delivery_streams(Limit=1, ExclusiveStartDeliveryStreamName="logs")

    assert (first["DeliveryStreamNames"], first["HasMoreDeliveryStreams"]) == (["logs"], True)
    assert (second["DeliveryStreamNames"], second["HasMoreDeliveryStreams"]) == (["other"], False)


def test_create_put_delete(firehose, client, tmp_path):
    """A stream made by API delivers under `bucket_root` as configured, and can be deleted."""
    created = client.create_delivery_stream(
        DeliveryStreamName="made",
        DeliveryStreamType="DirectPut",
        ExtendedS3DestinationConfiguration={
            "RoleARN": "arn:aws:iam::123456789012:role/firehose",
            "BucketARN": "arn:aws:s3:::store",
            "Prefix": "p/!{timestamp:yyyy}/",
            "ErrorOutputPrefix": "e/!{firehose:error-output-type}/",
            "CompressionFormat": "GZIP",
            "BufferingHints": {"SizeInMBs": 1, "IntervalInSeconds": 60},
            "ProcessingConfiguration": {
                "Enabled": True,
                "Processors": [
                    {
                        "Type": "AppendDelimiterToRecord",
                        "Parameters": [{"ParameterName": "Delimiter", "ParameterValue": "\\n"}],
                    }
                ],
            },
        },
    )
    put(client, b'{"a":1}', b'{"a":2}', stream="made")
    client.delete_delivery_stream(DeliveryStreamName="made")

    assert created["DeliveryStreamARN"].endswith(":deliverystream/made")
    (written,) = (tmp_path / "buckets" / "store" / "p").glob("*/made-1-*.gz")
    assert written.is_file()
    with pytest.raises(client.exceptions.ResourceNotFoundException):
        put(client, b"x", stream="made")


def test_create_refuses_what_is_wrong(client):
    """Creating a stream twice, or with a prefix that breaks a rule, is refused."""
    s3 = {
        "RoleARN": "arn:aws:iam::123456789012:role/firehose",
        "BucketARN": "arn:aws:s3:::store",
    }
    with pytest.raises(client.exceptions.ResourceInUseException):
        client.create_delivery_stream(
            DeliveryStreamName="logs", ExtendedS3DestinationConfiguration=s3
        )
    with pytest.raises(client.exceptions.InvalidArgumentException, match="error_prefix"):
        client.create_delivery_stream(
            DeliveryStreamName="made",
            ExtendedS3DestinationConfiguration={**s3, "Prefix": "!{timestamp:yyyy}/"},
        )


def test_environment_reaches_the_server(firehose, monkeypatch):
    """The variables of `environment()` are all that a client process needs."""
    for name, value in firehose.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("firehose", config=ONE_TRY)
    put(client, b"x")
    client.close()

    assert firehose.ledger.records == 1


def test_tls_is_verified_against_its_authority(tmp_path):
    """With tls=True a client that trusts `ca_file` gets through, one that does not refuses."""
    try:
        firehose = LocalFirehose([DeliveryStream("logs", tmp_path)], tls=True)
    except NoCertificateToolError as error:
        pytest.skip(str(error))
    with firehose:
        assert firehose.environment()["AWS_CA_BUNDLE"] == str(firehose.ca_file)
        client = firehose.client(config=ONE_TRY)
        put(client, b"x" * 1_000_000)
        client.close()
        stranger = firehose.client(config=ONE_TRY, verify=True)
        with pytest.raises(Exception, match=r"(?i)certificate"):
            put(stranger, b"y")
        stranger.close()

        assert (firehose.ledger.records, firehose.ledger.raw_bytes) == (1, 1_000_000)


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nno colon\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nX: " + b"x" * 70_000, 431),
    ],
)
def test_malformed_requests(firehose, raw, status):
    """What is no HTTP request gets an HTTP error and a closed connection; the server lives on."""
    with socket.create_connection(("127.0.0.1", firehose.port), timeout=10) as sock:
        sock.sendall(raw)
        answer = http.client.HTTPResponse(sock)
        answer.begin()
        answer.read()
        assert status == answer.status
        assert answer.getheader("Connection") == "close"
        answer.close()


def test_expect_continue(firehose):
    """A client that waits for 100 Continue before it sends the body gets it."""
    head = b"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n"
    with socket.create_connection(("127.0.0.1", firehose.port), timeout=10) as sock:
        sock.sendall(head)
        assert sock.recv(64) == b"HTTP/1.1 100 Continue\r\n\r\n"
        sock.sendall(b"{}")
        assert sock.recv(64).startswith(b"HTTP/1.1 400 ")


def test_close_is_idempotent_and_flushes(tmp_path):
    """Closing writes what is buffered; closing again does nothing."""
    firehose = LocalFirehose([DeliveryStream("logs", tmp_path)])
    client = firehose.client(config=ONE_TRY)
    put(client, b"x\n")
    client.close()

    firehose.close()
    firehose.close()

    assert len(list(tmp_path.rglob("logs-1-*"))) == 1
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", firehose.port), timeout=10)


def test_port_that_is_taken(firehose):
    """A port in use is told in words."""
    with pytest.raises(OSError, match=rf"port {firehose.port} on 127\.0\.0\.1 cannot be used"):
        LocalFirehose(port=firehose.port)


def test_wait_for_returns_once_true_or_tells_the_balance(firehose, client):
    """Waiting ends when the predicate holds; a passed deadline raises with the ledger in words."""
    put(client, b"x")

    firehose.wait_for(lambda ledger: ledger.records == 1, deadline=10)
    with pytest.raises(TimeoutError, match="'records': 1"):
        firehose.wait_for(lambda ledger: ledger.records == 2, deadline=0)


def test_accepted_and_refused_make_all(firehose, client):
    """Every record of a readable call is either stored or refused with a reason."""
    put(client, *[b"x"] * 3)
    with pytest.raises(ClientError):
        put(client, *[b"x"] * 501)
    with pytest.raises(ClientError):
        put(client, b"x", b"y", stream="other")

    ledger = firehose.ledger
    assert dict(ledger.refused) == {"ValidationException": 501, "ResourceNotFoundException": 2}
    assert sum(call.records for call in ledger.calls) == ledger.records + ledger.refused.total()


def test_base64_may_be_padded_only_at_its_end(client):
    """Concatenated base64 strings are refused, as the API reference warns."""
    two = (base64.b64encode(b"a") * 2).decode()
    replace_body(client, {"DeliveryStreamName": "logs", "Records": [{"Data": two}]})
    with pytest.raises(ClientError) as caught:
        put(client, b"x")

    assert error_of(caught)[0] == "SerializationException"


def test_a_body_nested_too_deeply():
    """More than can be read is a SerializationException too, not the end of the connection."""
    with pytest.raises(ServiceError, match="SerializationException"):
        validation.parse_json(b'{"a":' * 100_000)
