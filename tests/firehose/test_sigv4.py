from __future__ import annotations

from datetime import datetime, timezone
from unittest import mock

import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest
from hypothesis import given
from hypothesis import strategies as st

from firehose_logging._firehose.sigv4 import CONTENT_TYPE, Credentials, Signer, sha256

TARGET = "Firehose_20150804.PutRecordBatch"

hosts = st.one_of(
    st.sampled_from(
        (
            "firehose.eu-west-1.amazonaws.com",
            "firehose-fips.us-east-1.api.aws",
            "firehose.cn-north-1.amazonaws.com.cn",
            "127.0.0.1:4566",
            "localhost:80",
        )
    ),
    st.from_regex(r"[a-z0-9]([a-z0-9-]{0,20}[a-z0-9])?(\.[a-z0-9]{1,8}){1,3}", fullmatch=True),
)
regions = st.from_regex(r"[a-z]{2}-[a-z]{4,9}-[0-9]{1,2}", fullmatch=True)
keys = st.text(st.sampled_from("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"), min_size=16, max_size=24)
secrets = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=60)
tokens = st.one_of(
    st.none(), st.text(st.sampled_from("ABCdef0189+/=|_-"), min_size=1, max_size=400)
)
#: 2000 to 2099.
times = st.floats(946_684_800, 4_070_908_799, allow_nan=False)


def by_botocore(
    credentials: Credentials, region: str, host: str, body: bytes, now: float
) -> dict[str, str]:
    """The headers that botocore's own signer adds to the same request."""
    # A port that is the scheme's own is not part of the signed name.
    scheme = "http" if host.endswith(":443") else "https"
    request = botocore.awsrequest.AWSRequest(
        "POST",
        f"{scheme}://{host}/",
        headers={"Content-Type": CONTENT_TYPE, "X-Amz-Target": TARGET},
        data=body,
    )
    signer = botocore.auth.SigV4Auth(
        botocore.credentials.Credentials(
            credentials.access_key, credentials.secret_key, credentials.token
        ),
        "firehose",
        region,
    )
    at = datetime.fromtimestamp(int(now), timezone.utc)
    with mock.patch.object(botocore.auth, "get_current_datetime", return_value=at):
        signer.add_auth(request)
    return {name.lower(): value for name, value in request.headers.items()}


def ours(signer: Signer, credentials: Credentials, host: str, body: bytes, now: float):
    """The headers that we would send, names in lower case."""
    headers = signer.headers(credentials, host, TARGET, sha256(body).hexdigest(), now)
    return {name.lower(): value for name, value in headers.items()}


@given(
    host=hosts, region=regions, key=keys, secret=secrets, token=tokens, body=st.binary(), now=times
)
def test_signature_is_botocores(host, region, key, secret, token, body, now):
    """Every header that is signed, and the signature, equal those of botocore's signer."""
    credentials = Credentials(key, secret, token)

    headers = ours(Signer(region), credentials, host, body, now)

    host_header = headers.pop("host")
    assert host_header == host
    assert by_botocore(credentials, region, host, body, now) == headers


@given(
    changes=st.lists(
        st.tuples(st.sampled_from(("first", "second")), st.integers(0, 3)), min_size=1, max_size=8
    ),
    now=times,
)
def test_one_signer_over_days_and_credentials(changes, now):
    """The kept key is never that of another day or of other credentials."""
    signer = Signer("eu-west-1")

    for secret, days in changes:
        credentials = Credentials("AKIDEXAMPLE", secret, None)
        at = now + days * 86_400
        headers = ours(signer, credentials, "h.example", b"{}", at)

        expected = by_botocore(credentials, "eu-west-1", "h.example", b"{}", at)
        assert expected["authorization"] == headers["authorization"]


def test_a_real_call_of_botocore_has_the_same_headers():
    """A client's own PutRecordBatch, caught before it is sent, is signed as ours is."""
    import botocore.session

    client = botocore.session.Session().create_client(
        "firehose",
        region_name="eu-west-1",
        aws_access_key_id="AKIDEXAMPLE",
        aws_secret_access_key="secret",
        aws_session_token="token",
    )
    caught = []

    def catch(request, **_):
        caught.append(request)
        return botocore.awsrequest.AWSResponse(
            request.url, 200, {}, mock.Mock(stream=lambda: [b"{}"])
        )

    client.meta.events.register("before-send.firehose.PutRecordBatch", catch)
    client.put_record_batch(DeliveryStreamName="logs", Records=[{"Data": b"line\n"}])
    sent = {
        name.lower(): value.decode() if isinstance(value, bytes) else value
        for name, value in caught[0].headers.items()
    }
    at = datetime.strptime(sent["x-amz-date"], "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)

    headers = ours(
        Signer("eu-west-1"),
        Credentials("AKIDEXAMPLE", "secret", "token"),
        "firehose.eu-west-1.amazonaws.com",
        caught[0].body,
        at.timestamp(),
    )

    for name in ("content-type", "x-amz-date", "x-amz-target", "x-amz-security-token"):
        assert sent[name] == headers[name]
    assert sent["authorization"] == headers["authorization"]


@pytest.mark.parametrize("what", [repr, str])
def test_credentials_do_not_show(what):
    """Neither repr nor str of credentials gives them away."""
    assert what(Credentials("AKIDEXAMPLE", "secret", "token")) == "<Credentials>"
