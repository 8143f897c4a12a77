"""Which endpoint and credentials botocore would use, where that is simple enough to say. Pure.

Everything that is not simple (profiles, config files, proxies, other partitions, assumed roles)
is left to botocore: the answer is then None, with the reason.
"""

from __future__ import annotations

import re

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

# Not compiled here: a process asks for one of them, and each takes a tenth of a millisecond.
_REGION = r"(us|eu|ap|sa|ca|me|af|il|mx)-[a-z]+-\d{1,2}"
_CN_REGION = r"cn-[a-z]+-\d{1,2}"

_URL = r"(https?)://([A-Za-z0-9.-]+)(?::(\d{1,5}))?/?"

#: Settings that change how botocore connects, in ways that only botocore follows.
_FOR_BOTOCORE = (
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CREDENTIAL_EXPIRATION",
    "AWS_DATA_PATH",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "ALL_PROXY",
    "http_proxy",
    "https_proxy",
    "all_proxy",
)


class Endpoint:
    """Where calls go.

    Args:
        scheme: ``https`` or ``http``.
        host: host name.
        port: TCP port.
        region: region the requests are signed for.
    """

    __slots__ = ("host", "port", "region", "scheme")

    def __init__(self, scheme: str, host: str, port: int, region: str) -> None:
        self.scheme = scheme
        self.host = host
        self.port = port
        self.region = region

    @property
    def netloc(self) -> str:
        """Host, with the port where it is not the scheme's own."""
        usual = 443 if self.scheme == "https" else 80
        return self.host if self.port == usual else f"{self.host}:{self.port}"

    @property
    def url(self) -> str:
        """As botocore writes it."""
        return f"{self.scheme}://{self.netloc}"

    def __repr__(self) -> str:
        return f"<Endpoint {self.url} {self.region}>"


def why_not_direct(environ: Mapping[str, str]) -> str | None:
    """What only botocore can honour; None when nothing is.

    Args:
        environ: environment variables; ``~/.aws`` files are the caller's to look for.
    """
    for name in _FOR_BOTOCORE:
        if environ.get(name):
            return f"{name} is set"
    if not (environ.get("AWS_ACCESS_KEY_ID") and environ.get("AWS_SECRET_ACCESS_KEY")):
        full = environ.get("AWS_CONTAINER_CREDENTIALS_FULL_URI", "")
        if environ.get("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") or not container_url(full):
            return "there are no credentials in the environment"
    if isinstance(choose(environ), str):
        return str(choose(environ))
    return None


def region(environ: Mapping[str, str]) -> str | None:
    """The region of the variables; None without one.

    botocore itself reads only the first of the two names; Lambda sets both.
    """
    return environ.get("AWS_DEFAULT_REGION") or environ.get("AWS_REGION") or None


def choose(environ: Mapping[str, str]) -> Endpoint | str:
    """The endpoint of Firehose, or the reason why only botocore can say."""
    name = region(environ)
    if name is None:
        return "no region is set"
    explicit = ""
    if environ.get("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "").lower() != "true":
        explicit = environ.get("AWS_ENDPOINT_URL_FIREHOSE") or environ.get("AWS_ENDPOINT_URL") or ""
    fips = environ.get("AWS_USE_FIPS_ENDPOINT", "").lower() == "true"
    dual = environ.get("AWS_USE_DUALSTACK_ENDPOINT", "").lower() == "true"
    if explicit:
        if fips or dual:
            return "an endpoint URL together with FIPS or dual-stack is refused by botocore"
        found = re.fullmatch(_URL, explicit)
        if found is None:
            return "the endpoint URL is more than scheme, host and port"
        scheme, host, port = found[1], found[2].lower(), found[3]
        number = int(port) if port else (443 if scheme == "https" else 80)
        if not 0 < number < 65_536:
            return "the endpoint URL has a port that does not exist"
        return Endpoint(scheme, host, number, name)
    service = "firehose-fips" if fips else "firehose"
    if re.fullmatch(_REGION, name):
        suffix = "api.aws" if dual else "amazonaws.com"
    elif re.fullmatch(_CN_REGION, name) and not fips:
        suffix = "api.amazonwebservices.com.cn" if dual else "amazonaws.com.cn"
    else:
        return f"the region {name} is of a partition that is left to botocore"
    return Endpoint("https", f"{service}.{name}.{suffix}", 443, name)


def container_url(url: str) -> tuple[str, int, str] | None:
    """Host, port and path of a container credentials URL that may be asked in plain text."""
    found = re.fullmatch(r"http://(127\.0\.0\.1|localhost|169\.254\.170\.2)(?::(\d+))?(/\S*)", url)
    return (found[1], int(found[2] or 80), found[3]) if found else None
