from __future__ import annotations

import base64
import gzip
import hashlib
import json

import pytest

from firehose_logging import _http
from firehose_logging._firehose.sigv4 import Credentials
from firehose_logging._firehose.wire import TARGET, Requests, compress, read_answer


def answer(status: int, body: bytes, **headers: str) -> _http.Message:
    """An HTTP answer as the parser gives it."""
    lines = [f"HTTP/1.1 {status} X", f"Content-Length: {len(body)}"]
    lines += [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    (message,) = _http.Parser(1_000_000).feed("\r\n".join([*lines, "", ""]).encode() + body)
    return message


@pytest.mark.parametrize(
    "records",
    [
        [],
        [b"one\n", bytearray(b"two\n")],
        [b"large\n" * 20_000],
        [b"small\n", b"large\n" * 20_000, bytearray(b"large\n" * 30_000), b"small\n"],
        [b"many\n" * 100] * 500,
    ],
    ids=["none", "small", "large", "mixed", "many"],
)
def test_a_request_holds_every_record(records):
    """Base64 in the order of the call, the stream's name, a signature of the moment."""
    requests = Requests("logs", "firehose.example", "eu-west-1")
    body = requests.body(records)
    request = b"".join(requests.signed(body, Credentials("A" * 20, "S"), 1_700_000_000.0))

    whole = b"".join(body.parts)
    parsed = json.loads(whole)
    assert parsed["DeliveryStreamName"] == "logs"
    assert [base64.b64decode(r["Data"]) for r in parsed["Records"]] == records
    assert request.endswith(b"\r\n\r\n" + whole)
    assert body.size == len(whole)
    assert body.digest == hashlib.sha256(whole).hexdigest()
    assert f"Content-Length: {len(whole)}\r\n".encode() in request
    assert request.count(b"Host:") == 1
    assert TARGET.encode() in request
    assert b"20231114" in request


def test_a_small_request_goes_out_in_one_write():
    """One packet, where it fits; large records are not copied into one."""
    requests = Requests("logs", "firehose.example", "eu-west-1")
    keys = Credentials("A" * 20, "S")

    assert len(requests.signed(requests.body([b"line\n"] * 3), keys, 1.0e9)) == 1
    large = requests.signed(requests.body([b"large\n" * 80_000] * 3), keys, 1.0e9)
    assert max(map(len, large)) == len(base64.b64encode(b"large\n" * 80_000))


def test_another_moment_is_another_signature():
    """What is sent again later is signed anew."""
    requests = Requests("logs", "firehose.example", "eu-west-1")
    keys = Credentials("A" * 20, "S")
    body = requests.body([])

    assert requests.signed(body, keys, 1.0e9) != requests.signed(body, keys, 1.0e9 + 600)


def test_one_gzip_member():
    """Members after one another are one file."""
    assert gzip.decompress(compress(b"a\n") + compress(bytearray(b"b\n"))) == b"a\nb\n"


@pytest.mark.parametrize(
    ("message", "error", "maybe"),
    [
        (answer(200, b"no"), "BadResponse", True),
        (answer(502, b""), "HTTP502", True),
        (answer(400, b"[]"), "HTTP400", False),
        (answer(400, b'{"__type":"com.amazon#Nope"}'), "Nope", False),
        (answer(400, b'{"message":"m"}', x_amzn_errortype="Typed:http://x"), "Typed", False),
        (answer(500, b'{"__type":"InternalFailure"}'), "InternalFailure", True),
        (answer(200, b"{}"), "BadResponse", True),
    ],
)
def test_what_an_answer_says(message, error, maybe):
    """The code of a refusal, and whether it may have been stored."""
    outcome = read_answer(message)

    assert (outcome.codes, outcome.error, outcome.maybe_stored) == (None, error, maybe)


def test_a_good_answer_has_a_code_for_each_record():
    """None for stored."""
    body = b'{"FailedPutCount":1,"RequestResponses":[{"RecordId":"r"},{"ErrorCode":"E"}]}'

    assert list(read_answer(answer(200, body), [1, 2]).codes or []) == [None, "E"]
