"""The credentials endpoint of SnapStart functions: a snapshot holds no keys, so they ask for them.

Shape and path as in `internal/lambda/core/credentials.go` and `internal/lambda/rapi` of the
aws-lambda-runtime-interface-emulator; SDKs know it as the container credentials provider.
"""

from __future__ import annotations

import hmac
import threading
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from .http_server import Request, Response

if TYPE_CHECKING:
    from .function import Function

PATH = "/2021-04-23/credentials"
#: Seconds that the keys of a role live, at most, on the service: 6 hours.
LIFETIME = 6 * 3600.0


class CredentialsApi:
    """Give keys to who knows `token`.

    `lifetime` is how long keys are said to live from the moment they are given, seconds; `fetches`
    counts how often they were. Both may be used while the environment runs.
    """

    def __init__(self, function: Function, token: str) -> None:
        self._token = token
        self._lock = threading.Lock()
        self._keys = (function.access_key, function.secret_key, function.session_token)
        self.lifetime = LIFETIME
        self.fetches = 0

    def rotate(self, access_key: str, secret_key: str, session_token: str) -> None:
        """Give these keys from now on."""
        with self._lock:
            self._keys = (access_key, secret_key, session_token)

    def handle(self, request: Request) -> Response:
        """Answer a call of the endpoint."""
        if request.method != "GET":
            return Response.error(405, "MethodNotAllowed", "ask with GET")
        if not hmac.compare_digest(request.headers.get("authorization", ""), self._token):
            return Response.error(404, "InvalidAuthorization", "not this function's token")
        with self._lock:
            self.fetches += 1
            access_key, secret_key, session_token = self._keys
        expires = datetime.now(timezone.utc) + timedelta(seconds=self.lifetime)
        return Response.of_json(
            200,
            {
                "AccessKeyId": access_key,
                "SecretAccessKey": secret_key,
                "Token": session_token,
                "Expiration": expires.isoformat(timespec="seconds").replace("+00:00", "Z"),
            },
        )
