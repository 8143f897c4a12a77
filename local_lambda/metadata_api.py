"""The metadata endpoint: in which availability zone the environment runs.

Path, variables and answer as AWS's documentation of March 2026 has them; which status a wrong token
gets is not documented: ours is 401.
"""

from __future__ import annotations

import hmac
from typing import TYPE_CHECKING

from .http_server import Request, Response

if TYPE_CHECKING:
    from .function import Function

PATH = "/2026-01-15/metadata/execution-environment"
#: The answer never changes: clients may keep it for 12 hours.
CACHE_CONTROL = "private, max-age=43200, immutable"


class MetadataApi:
    """Answer who knows `token`."""

    def __init__(self, function: Function, token: str) -> None:
        self._zone = function.availability_zone
        self._token = token

    def handle(self, request: Request) -> Response:
        """Answer a call of the endpoint."""
        if request.method != "GET":
            return Response.error(405, "MethodNotAllowed", "ask with GET")
        given = request.headers.get("authorization", "")
        if not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            return Response.error(401, "InvalidAuthorization", "not this environment's token")
        headers = {"Cache-Control": CACHE_CONTROL}
        return Response.of_json(200, {"AvailabilityZoneID": self._zone}, headers)
