"""Signature Version 4 of one kind of request: a JSON POST to ``/``. Pure.

The steps and their names are those of the AWS General Reference, "Create a signed AWS API
request"; that the result equals botocore's is tested over generated requests.
"""

from __future__ import annotations

import time

try:  # OpenSSL's own, without the modules around it, which are no part of a good cold start
    from _hashlib import hmac_digest as digest
    from _hashlib import openssl_sha256 as sha256
except ImportError:
    from hashlib import sha256
    from hmac import digest  # type: ignore[assignment]

__all__ = ["Credentials", "Signer", "sha256"]

ALGORITHM = "AWS4-HMAC-SHA256"
SERVICE = "firehose"
CONTENT_TYPE = "application/x-amz-json-1.1"


class Credentials:
    """What a request is signed with.

    Args:
        access_key: access key id.
        secret_key: secret access key.
        token: session token; None for long-term keys.
        expires: seconds since the epoch after which they are void; None for never.
    """

    __slots__ = ("access_key", "expires", "secret_key", "token")

    def __init__(
        self,
        access_key: str,
        secret_key: str,
        token: str | None = None,
        expires: float | None = None,
    ) -> None:
        self.access_key = access_key
        self.secret_key = secret_key
        self.token = token
        self.expires = expires

    def __repr__(self) -> str:
        return "<Credentials>"


class Signer:
    """Signs requests; keeps the day's key, which is four of the six hashes of a signature.

    Args:
        region: the endpoint's.
    """

    def __init__(self, region: str) -> None:
        self._region = region
        self._key_of: tuple[str, str] = ("", "")
        self._key = b""

    def headers(
        self, credentials: Credentials, host: str, target: str, digest_of_body: str, now: float
    ) -> dict[str, str]:
        """The headers of a signed POST to ``/``, without Content-Length.

        Args:
            credentials: the caller's.
            host: with its port, where that is not the scheme's own.
            target: ``X-Amz-Target``.
            digest_of_body: SHA-256 of the request's body, in hexadecimal.
            now: seconds since the epoch.
        """
        at = time.gmtime(now)
        date = time.strftime("%Y%m%dT%H%M%SZ", at)
        headers = {
            "Content-Type": CONTENT_TYPE,
            "Host": host,
            "X-Amz-Date": date,
            "X-Amz-Target": target,
        }
        if credentials.token:
            headers["X-Amz-Security-Token"] = credentials.token
        signed = sorted((name.lower(), value) for name, value in headers.items())
        names = ";".join(name for name, _ in signed)
        lines = [f"{name}:{value.strip()}" for name, value in signed]
        canonical = "\n".join(["POST", "/", "", *lines, "", names, digest_of_body])
        day = date[:8]
        scope = f"{day}/{self._region}/{SERVICE}/aws4_request"
        to_sign = f"{ALGORITHM}\n{date}\n{scope}\n{sha256(canonical.encode()).hexdigest()}"
        signature = digest(self._signing_key(credentials, day), to_sign.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"{ALGORITHM} Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )
        return headers

    def _signing_key(self, credentials: Credentials, day: str) -> bytes:
        if self._key_of != (credentials.secret_key, day):
            key = f"AWS4{credentials.secret_key}".encode()
            for part in (day, self._region, SERVICE, "aws4_request"):
                key = digest(key, part.encode(), "sha256")
            self._key = key
            self._key_of = (credentials.secret_key, day)
        return self._key
