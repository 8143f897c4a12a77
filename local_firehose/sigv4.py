"""Signature Version 4, recomputed over the request as it arrived.

botocore's own signer does the arithmetic, so a request that a real SDK signed is accepted and one
that was changed on its way is not.
"""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from http.client import HTTPMessage
from typing import TYPE_CHECKING

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from .errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Largest difference between the clocks of signer and service ("5 min." in the service's message).
MAX_SKEW = timedelta(minutes=5)

_STAMP = "%Y%m%dT%H%M%SZ"
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256\s+Credential=(?P<credential>[^,\s]+)\s*,"
    r"\s*SignedHeaders=(?P<signed>[^,\s]+)\s*,\s*Signature=(?P<signature>[0-9a-f]{64})\s*"
)
_MISMATCH = (
    "The request signature we calculated does not match the signature you provided. Check your AWS "
    "Secret Access Key and signing method. Consult the service documentation for details."
)
_UNKNOWN = "The security token included in the request is invalid."


class _ReceivedSigner(SigV4Auth):  # type: ignore[misc]  # botocore ships no types
    """Signs exactly the headers it is given: the caller's SignedHeaders decide, not a list here."""

    def headers_to_sign(self, request: AWSRequest) -> HTTPMessage:
        headers = HTTPMessage()
        for name, value in request.headers.items():
            headers[name.lower()] = value
        return headers


@dataclass(frozen=True)
class Identity:
    """The credentials that the local service knows.

    Args:
        access_key: access key id.
        secret_key: its secret; not shown in the repr.
        session_token: the token every call must carry, None when none may be sent.
    """

    access_key: str
    secret_key: str
    session_token: str | None = None

    def __repr__(self) -> str:
        return f"Identity(access_key={self.access_key!r})"


def verify(
    identity: Identity,
    *,
    method: str,
    path: str,
    headers: Mapping[str, str],
    body: bytes,
    now: datetime,
) -> str:
    """Check the signature of a request and return the region it was signed for.

    Args:
        identity: the credentials known.
        method: HTTP method.
        path: path with query, as received.
        headers: headers with lower-case names.
        body: the whole body.
        now: the service's time.

    Raises:
        ServiceError: MissingAuthenticationToken, IncompleteSignature, UnrecognizedClient or
            InvalidSignature; all of them with HTTP status 400, as the service answers.
    """
    header = headers.get("authorization")
    if not header:
        raise ServiceError("MissingAuthenticationTokenException", "Missing Authentication Token")
    match = _AUTHORIZATION.fullmatch(header.strip())
    scope = match["credential"].split("/") if match else []
    stamp = headers.get("x-amz-date", "")
    if match is None or len(scope) != 5 or not re.fullmatch(r"\d{8}T\d{6}Z", stamp):
        raise ServiceError(
            "IncompleteSignatureException",
            "Authorization header requires 'Credential' with five parts, 'SignedHeaders', "
            "'Signature', and an X-Amz-Date header.",
        )
    access_key, day, region, service, terminator = scope
    _check_scope(day, service, terminator, stamp)
    if access_key != identity.access_key:
        raise ServiceError("UnrecognizedClientException", _UNKNOWN)
    _check_time(stamp, now)
    if headers.get("x-amz-security-token") != identity.session_token:
        raise ServiceError("UnrecognizedClientException", _UNKNOWN)
    signed = match["signed"].split(";")
    if "host" not in signed or any(name not in headers for name in signed):
        raise ServiceError("InvalidSignatureException", _MISMATCH)
    declared = headers.get("x-amz-content-sha256")
    if declared is not None and declared != hashlib.sha256(body).hexdigest():
        raise ServiceError("InvalidSignatureException", _MISMATCH)
    wanted = _signature(identity, method, path, headers, signed, body, region, stamp)
    if not hmac.compare_digest(wanted, match["signature"]):
        raise ServiceError("InvalidSignatureException", _MISMATCH)
    return region


def _check_scope(day: str, service: str, terminator: str, stamp: str) -> None:
    problem = None
    if service != "firehose":
        problem = "Credential should be scoped to correct service: 'firehose'."
    elif terminator != "aws4_request":
        problem = "Credential should be scoped with a valid terminator: 'aws4_request'."
    elif day != stamp[:8]:
        problem = f"Date in Credential scope does not match YYYYMMDD from ISO-8601: {day} {stamp}"
    if problem:
        raise ServiceError("InvalidSignatureException", problem)


def _check_time(stamp: str, now: datetime) -> None:
    try:
        signed_at = datetime.strptime(stamp, _STAMP).replace(tzinfo=timezone.utc)
    except ValueError:
        raise ServiceError("IncompleteSignatureException", f"No such time: {stamp}") from None
    now = now.replace(microsecond=0)
    now_text = now.strftime(_STAMP)
    if signed_at < now - MAX_SKEW:
        edge = (now - MAX_SKEW).strftime(_STAMP)
        text = f"Signature expired: {stamp} is now earlier than {edge} ({now_text} - 5 min.)"
    elif signed_at > now + MAX_SKEW:
        edge = (now + MAX_SKEW).strftime(_STAMP)
        text = (
            f"Signature not yet current: {stamp} is still later than {edge} ({now_text} + 5 min.)"
        )
    else:
        return
    raise ServiceError("InvalidSignatureException", text)


def _signature(
    identity: Identity,
    method: str,
    path: str,
    headers: Mapping[str, str],
    signed: list[str],
    body: bytes,
    region: str,
    stamp: str,
) -> str:
    request = AWSRequest(
        method=method,
        url=f"http://{headers['host']}{path}",
        data=body,
        headers={name: headers[name] for name in signed},
    )
    request.context["timestamp"] = stamp
    signer = _ReceivedSigner(
        Credentials(identity.access_key, identity.secret_key), "firehose", region
    )
    # The public add_auth would sign with the present time; these are the steps it is made of.
    text = signer.string_to_sign(request, signer.canonical_request(request))
    return str(signer.signature(text, request))
