"""Where the direct transport's credentials come from: variables, or Lambda's local endpoint.

On demand, Lambda sets keys in the environment. SnapStart environments have an endpoint on the
loopback instead (``AWS_CONTAINER_CREDENTIALS_FULL_URI``), since a snapshot must hold no keys.
"""

from __future__ import annotations

import json

from firehose_logging import _http
from firehose_logging._diagnostics import keep_secret
from firehose_logging._firehose.endpoint import container_url
from firehose_logging._firehose.sigv4 import Credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from firehose_logging._clock import Clock

#: Seconds before they expire at which credentials are fetched anew.
REFRESH_BEFORE = 300.0

#: Seconds for the endpoint to answer.
FETCH_TIMEOUT = 2.0


class CredentialSource:
    """Gives credentials, fetched again before they expire.

    Args:
        environ: environment variables.
        clock: the clock seam.
    """

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._environ = environ
        self._clock = clock
        self._current: Credentials | None = None

    def __call__(self) -> Credentials:
        """The credentials for a call made now.

        Raises:
            OSError, ValueError, KeyError: the endpoint does not give any.
        """
        environ = self._environ
        if environ.get("AWS_ACCESS_KEY_ID"):
            return Credentials(
                environ["AWS_ACCESS_KEY_ID"],
                environ["AWS_SECRET_ACCESS_KEY"],
                environ.get("AWS_SESSION_TOKEN") or environ.get("AWS_SECURITY_TOKEN") or None,
            )
        current = self._current
        now = self._clock.epoch()
        if current is None or (current.expires or 0.0) - now < REFRESH_BEFORE:
            try:
                self._current = current = self._fetch()
            except (OSError, ValueError, KeyError):
                if current is None or (current.expires or 0.0) <= now:
                    raise
        return current

    def _fetch(self) -> Credentials:
        url = container_url(self._environ["AWS_CONTAINER_CREDENTIALS_FULL_URI"])
        if url is None:
            raise ValueError("AWS_CONTAINER_CREDENTIALS_FULL_URI is no local http URL")
        host, port, path = url
        headers = {"Accept": "application/json"}
        token = self._token()
        if token:
            headers["Authorization"] = token
        # As bytes: see ``direct``.
        address: Any = (host.encode(), port)
        import socket  # only where there are no credentials in the variables

        with socket.create_connection(address, timeout=FETCH_TIMEOUT) as sock:
            sock.sendall(_http.request("GET", path, f"{host}:{port}", headers, b""))
            parser = _http.Parser(65_536)
            deadline = self._clock.now() + FETCH_TIMEOUT
            while True:
                # Anew for each part: an answer may come byte by byte.
                left = deadline - self._clock.now()
                if left <= 0:
                    raise TimeoutError("the credentials endpoint does not answer in time")
                sock.settimeout(left)
                data = sock.recv(65_536)
                if not data:
                    raise ConnectionResetError("the credentials endpoint closed the connection")
                messages = parser.feed(data)
                if messages:
                    break
        if messages[0].status != 200:
            raise ValueError(f"the credentials endpoint answered {messages[0].status}")
        answer = json.loads(messages[0].body)
        keep_secret(answer["AccessKeyId"], answer["SecretAccessKey"], answer.get("Token"), token)
        return Credentials(
            answer["AccessKeyId"],
            answer["SecretAccessKey"],
            answer.get("Token"),
            _epoch(answer["Expiration"]),
        )

    def _token(self) -> str:
        path = self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE")
        if path:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123 - pathlib costs an import
                return file.read().strip()
        return self._environ.get("AWS_CONTAINER_AUTHORIZATION_TOKEN", "")


def _epoch(text: str) -> float:
    from datetime import datetime, timezone

    at = datetime.fromisoformat(text.replace("Z", "+00:00"))
    return (at if at.tzinfo else at.replace(tzinfo=timezone.utc)).timestamp()
