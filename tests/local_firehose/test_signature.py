"""The local Firehose accepts what botocore signed and nothing that was changed since."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone

import pytest
from botocore.config import Config
from botocore.exceptions import ClientError

from local_firehose import DeliveryStream, LocalFirehose, ManualClock, ServiceError, sigv4

ONE_TRY = Config(retries={"total_max_attempts": 1}, connect_timeout=10, read_timeout=10)


@pytest.fixture
def clock():
    """A clock that starts at the real time, in whole seconds, and stands still."""
    return ManualClock(datetime.now(timezone.utc).replace(microsecond=0))


@pytest.fixture
def firehose(tmp_path, clock):
    """A local Firehose whose clock the test moves."""
    with LocalFirehose([DeliveryStream("logs", tmp_path)], clock=clock) as firehose:
        yield firehose


def call(firehose, change=None, **options):
    """Put one record, with a change of the signed request on its way; return error code or None."""
    client = firehose.client(config=ONE_TRY, **options)
    if change is not None:
        client.meta.events.register("before-send.firehose", lambda request, **_: change(request))
    try:
        client.put_record_batch(DeliveryStreamName="logs", Records=[{"Data": b"x"}])
    except ClientError as error:
        response = error.response
        call.message = response["Error"]["Message"]
        return response["Error"]["Code"]
    finally:
        client.close()
    return None


def edit_authorization(request, old, new):
    """Change the Authorization header of a signed request."""
    header = request.headers["Authorization"]
    text = header.decode() if isinstance(header, bytes) else header
    assert old in text
    del request.headers["Authorization"]
    request.headers["Authorization"] = text.replace(old, new)


def refused_before_storing(firehose):
    """Nothing was stored and the ledger says that the signature was not good."""
    last = firehose.ledger.calls[-1]
    return firehose.ledger.records == 0 and last.signature_ok is False and last.status == 400


def test_good_signature(firehose):
    """An untouched request is accepted."""
    assert call(firehose) is None
    assert firehose.ledger.calls[0].signature_ok is True


def test_tampered_body(firehose):
    """A body changed after signing is refused, even when it is as long as before."""

    def change(request):
        request.body = request.body.replace(b'"Data": "eA=="', b'"Data": "eQ=="')

    assert call(firehose, change) == "InvalidSignatureException"
    assert refused_before_storing(firehose)


@pytest.mark.parametrize("header", ["X-Amz-Target", "Content-Type"])
def test_tampered_header(firehose, header):
    """A signed header changed after signing is refused."""

    def change(request):
        del request.headers[header]
        request.headers[header] = "Firehose_20150804.PutRecord"

    assert call(firehose, change) == "InvalidSignatureException"


def test_missing_signed_header(firehose):
    """A signed header that is gone is refused."""

    def change(request):
        edit_authorization(request, "SignedHeaders=", "SignedHeaders=absent;")

    assert call(firehose, change) == "InvalidSignatureException"


def test_host_must_be_signed():
    """A signature that is good but leaves out the host is refused."""
    now = datetime.now(timezone.utc)
    stamp = now.strftime("%Y%m%dT%H%M%SZ")
    identity = sigv4.Identity("AKID", "secret")
    headers = {"host": "127.0.0.1", "x-amz-date": stamp}
    answers = []
    for signed in (["host", "x-amz-date"], ["x-amz-date"]):
        signature = sigv4._signature(
            identity, "POST", "/", headers, signed, b"", "us-east-1", stamp
        )
        authorization = (
            f"AWS4-HMAC-SHA256 Credential=AKID/{stamp[:8]}/us-east-1/firehose/aws4_request, "
            f"SignedHeaders={';'.join(signed)}, Signature={signature}"
        )
        try:
            answers.append(
                sigv4.verify(
                    identity,
                    method="POST",
                    path="/",
                    headers={**headers, "authorization": authorization},
                    body=b"",
                    now=now,
                )
            )
        except ServiceError as error:
            answers.append(error.code)

    assert answers == ["us-east-1", "InvalidSignatureException"]


def test_declared_hash_must_be_the_bodys(firehose):
    """A hash in x-amz-content-sha256 that is not the body's is refused."""

    def change(request):
        request.headers["X-Amz-Content-SHA256"] = "UNSIGNED-PAYLOAD"

    assert call(firehose, change) == "InvalidSignatureException"


def test_wrong_secret(firehose):
    """A signature made with another secret is refused."""
    assert call(firehose, aws_secret_access_key="wrong") == "InvalidSignatureException"
    assert call.message.startswith("The request signature we calculated does not match")
    assert refused_before_storing(firehose)


def test_unknown_access_key(firehose):
    """An access key that does not exist is an UnrecognizedClientException."""
    assert call(firehose, aws_access_key_id="AKIDUNKNOWN") == "UnrecognizedClientException"
    assert call.message == "The security token included in the request is invalid."
    assert refused_before_storing(firehose)


def test_missing_signature(firehose):
    """A request without Authorization is a MissingAuthenticationTokenException."""

    def change(request):
        del request.headers["Authorization"]

    assert call(firehose, change) == "MissingAuthenticationTokenException"
    assert refused_before_storing(firehose)


@pytest.mark.parametrize(
    "header",
    [
        "AWS4-HMAC-SHA256 nonsense",
        "Bearer x",
        f"AWS4-HMAC-SHA256 Credential=a/b, SignedHeaders=host, Signature={'0' * 64}",
    ],
)
def test_malformed_signature(firehose, header):
    """An Authorization header that cannot be read is an IncompleteSignatureException."""

    def change(request):
        del request.headers["Authorization"]
        request.headers["Authorization"] = header

    assert call(firehose, change) == "IncompleteSignatureException"


@pytest.mark.parametrize(
    ("old", "new"),
    [("/firehose/", "/kinesis/"), ("/aws4_request", "/aws5_request")],
)
def test_scope_of_another_service(firehose, old, new):
    """A credential scope for another service or terminator is refused."""

    def change(request):
        edit_authorization(request, old, new)

    assert call(firehose, change) == "InvalidSignatureException"


def test_region_in_scope_cannot_be_swapped(firehose):
    """A region changed after signing fails the signature, it does not just miss the stream."""

    def change(request):
        edit_authorization(request, "us-east-1", "eu-west-1")

    assert call(firehose, change) == "InvalidSignatureException"


def sign_at(monkeypatch, moment):
    """Let botocore sign with this time."""
    monkeypatch.setattr("botocore.auth.get_current_datetime", lambda: moment.replace(tzinfo=None))


@pytest.mark.parametrize("minutes", [-5, 5])
def test_clock_skew_of_five_minutes_is_accepted(firehose, clock, monkeypatch, minutes):
    """A signature five minutes old, or from five minutes ahead, is good."""
    sign_at(monkeypatch, clock.now() + timedelta(minutes=minutes))

    assert call(firehose) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(-301, "Signature expired: "), (301, "Signature not yet current: ")],
)
def test_more_clock_skew_is_refused(firehose, clock, monkeypatch, seconds, words):
    """One second more is refused with the service's words."""
    sign_at(monkeypatch, clock.now() + timedelta(seconds=seconds))

    assert call(firehose) == "InvalidSignatureException"
    assert call.message.startswith(words)


def test_session_token_must_be_the_one_known(tmp_path):
    """With temporary credentials the token must be sent and must match."""
    stream = DeliveryStream("logs", tmp_path)
    with LocalFirehose([stream], session_token="the-token") as firehose:
        assert firehose.environment()["AWS_SESSION_TOKEN"] == "the-token"
        assert call(firehose) is None
        assert call(firehose, aws_session_token="another") == "UnrecognizedClientException"
        assert call(firehose, aws_session_token="") == "UnrecognizedClientException"


def test_token_without_need_is_refused(firehose):
    """With long-term credentials a session token is not known and refused."""
    assert call(firehose, aws_session_token="another") == "UnrecognizedClientException"


def test_secrets_are_not_shown(firehose):
    """The repr of the server and the ledger hold no secret."""
    call(firehose)
    secret = firehose.environment()["AWS_SECRET_ACCESS_KEY"]

    shown = f"{firehose!r} {firehose.ledger!r} {firehose._identity!r} {firehose.ledger.calls}"
    assert secret not in shown
    assert secret not in json.dumps(firehose.ledger.balance())
