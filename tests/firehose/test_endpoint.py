from __future__ import annotations

import itertools
import os

import botocore.endpoint_provider
import botocore.loaders
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from firehose_logging._firehose.boto import make_client
from firehose_logging._firehose.endpoint import Endpoint, choose, container_url, why_not_direct

_loader = botocore.loaders.create_loader()
_partitions = _loader.load_data("partitions")
_provider = botocore.endpoint_provider.EndpointProvider(
    _loader.load_service_model("firehose", "endpoint-rule-set-1"), _partitions
)
REGIONS = sorted(
    {region for partition in _partitions["partitions"] for region in partition["regions"]}
    | {"us-future-1", "eu-isoe-north-9", "mx-south-12", "global", "us-east-1-fips", "no region"}
)
KEYS = {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": "secret"}


def by_botocore(region: str, *, fips: bool, dual: bool, url: str | None = None) -> str | None:
    """The endpoint of botocore's own rules for Firehose; None where they refuse."""
    parameters = {"Region": region, "UseFIPS": fips, "UseDualStack": dual}
    if url is not None:
        parameters["Endpoint"] = url
    try:
        return _provider.resolve_endpoint(**parameters).url
    except botocore.endpoint_provider.EndpointProviderError:
        return None


def variables(region: str, *, fips: bool = False, dual: bool = False, url: str = "") -> dict:
    """The variables that say so."""
    values = {**KEYS, "AWS_DEFAULT_REGION": region}
    if fips:
        values["AWS_USE_FIPS_ENDPOINT"] = "true"
    if dual:
        values["AWS_USE_DUALSTACK_ENDPOINT"] = "True"
    if url:
        values["AWS_ENDPOINT_URL_FIREHOSE"] = url
    return values


@pytest.mark.parametrize("url", ["", "http://127.0.0.1:4566", "https://firehose.example.com"])
@pytest.mark.parametrize(("fips", "dual"), list(itertools.product([False, True], repeat=2)))
def test_endpoint_is_that_of_botocores_rules_or_left_to_it(fips, dual, url):
    """Over every region of every partition: the same URL, or no answer of ours at all."""
    chosen = 0
    for region in REGIONS:
        mine = choose(variables(region, fips=fips, dual=dual, url=url))
        if isinstance(mine, Endpoint):
            chosen += 1
            assert by_botocore(region, fips=fips, dual=dual, url=url or None) == mine.url, region
            assert mine.region == region
        else:
            assert why_not_direct(variables(region, fips=fips, dual=dual, url=url)) == mine

    # Most functions run in the standard partition: it must not be left out without a notice.
    assert chosen >= (0 if url and (fips or dual) else 35)


def by_client(environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> tuple[str, str] | None:
    """URL and region of a client that botocore makes with these variables; None where it fails."""
    with monkeypatch.context() as patched:
        for name in list(os.environ):
            if name.startswith("AWS_"):
                patched.delenv(name)
        # The files of whoever runs the tests say nothing here.
        patched.setenv("AWS_CONFIG_FILE", os.devnull)
        patched.setenv("AWS_SHARED_CREDENTIALS_FILE", os.devnull)
        for name, value in environ.items():
            patched.setenv(name, value)
        try:
            client = make_client()
            return client.meta.endpoint_url, client.meta.region_name
        except Exception:
            return None


@pytest.mark.parametrize(
    "environ",
    [
        {"AWS_DEFAULT_REGION": "eu-west-1"},
        {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "eu-west-1"},
        {"AWS_REGION": "eu-west-1"},
        {"AWS_DEFAULT_REGION": "cn-north-1"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "TRUE"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_USE_FIPS_ENDPOINT": "1"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_USE_DUALSTACK_ENDPOINT": "true"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": "http://127.0.0.1:1"},
        {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
            "AWS_ENDPOINT_URL_FIREHOSE": "http://127.0.0.1:2",
        },
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_FIREHOSE": "https://h.example:443"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_FIREHOSE": "https://H.Example/"},
        {"AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL_FIREHOSE": "https://h.example/path"},
        {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_FIREHOSE": "http://127.0.0.1:2",
            "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
        },
        {
            "AWS_DEFAULT_REGION": "eu-west-1",
            "AWS_ENDPOINT_URL_FIREHOSE": "http://127.0.0.1:2",
            "AWS_USE_FIPS_ENDPOINT": "true",
        },
    ],
)
def test_variables_mean_what_they_mean_to_a_client(environ, monkeypatch):
    """A client made of the same variables goes to the same place, or the choice is left to it."""
    mine = choose({**KEYS, **environ})

    if isinstance(mine, Endpoint):
        client = by_client({**KEYS, **environ}, monkeypatch)
        assert client is not None
        url, region = client
        # A client keeps the URL as it was written; what goes over the wire is the same.
        canonical = url.rstrip("/").lower().removesuffix(":443" if "https" in url else ":80")
        assert canonical == mine.url
        assert region == mine.region


@settings(max_examples=300)
@given(
    st.one_of(
        st.text(max_size=60),
        st.from_regex(
            r"https?://[A-Za-z0-9.-]{1,30}(:[0-9]{1,6})?/?[a-z?#@%]{0,5}", fullmatch=True
        ),
    )
)
def test_only_plain_urls_are_taken(url):
    """Whatever an endpoint variable holds: host and port are those of the URL, or it is left."""
    from urllib.parse import urlsplit

    mine = choose({**KEYS, "AWS_DEFAULT_REGION": "eu-west-1", "AWS_ENDPOINT_URL": url})

    if isinstance(mine, Endpoint) and url:
        parts = urlsplit(url)
        assert (parts.hostname, parts.scheme) == (mine.host, mine.scheme)
        assert (parts.port or {"http": 80, "https": 443}[parts.scheme]) == mine.port
        assert (parts.path.strip("/"), parts.query, parts.username) == ("", "", None)


@pytest.mark.parametrize(
    "name",
    [
        "AWS_PROFILE", "AWS_DEFAULT_PROFILE", "AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_ROLE_ARN", "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CREDENTIAL_EXPIRATION",
        "AWS_DATA_PATH", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "ALL_PROXY",
    ],
)  # fmt: skip
def test_what_only_botocore_follows_is_left_to_it(name):
    """Profiles, files, roles and proxies: the reason names the variable."""
    environ = {**KEYS, "AWS_DEFAULT_REGION": "eu-west-1"}
    assert why_not_direct(environ) is None

    assert name in (why_not_direct({**environ, name: "x"}) or "")


@pytest.mark.parametrize(
    "environ",
    [
        {},
        {"AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"},
        {"AWS_SECRET_ACCESS_KEY": "secret"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1.example.com/x"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "https://127.0.0.1/x"},
        {"AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://user@127.0.0.1/x"},
        {
            "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI": "/x",
            "AWS_CONTAINER_CREDENTIALS_FULL_URI": "http://127.0.0.1/x",
        },
    ],
)
def test_without_credentials_of_its_own_kind_it_is_left_to_botocore(environ):
    """Half a key pair, no keys, a credentials URL that is not local: botocore knows what to do."""
    environ = {**environ, "AWS_DEFAULT_REGION": "eu-west-1"}

    assert why_not_direct(environ) == "there are no credentials in the environment"


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "http://127.0.0.1:9001/2021-04-23/credentials",
            ("127.0.0.1", 9001, "/2021-04-23/credentials"),
        ),
        ("http://localhost/x", ("localhost", 80, "/x")),
        ("http://169.254.170.2/v2/a-b", ("169.254.170.2", 80, "/v2/a-b")),
        ("http://169.254.170.23/v1/credentials", None),
        ("http://127.0.0.1", None),
        ("http://127.0.0.1/a b", None),
        ("", None),
    ],
)
def test_container_url(url, expected):
    """Only loopback and the container agent's address, in plain text, are asked."""
    assert container_url(url) == expected


def test_no_region_is_left_to_botocore():
    """Without a region there is no endpoint; botocore may find one where we do not look."""
    assert choose(KEYS) == "no region is set"
    assert why_not_direct(KEYS) == "no region is set"
