"""The only file that talks to Lambda: Extensions API and telemetry subscriptions.

Over the interpreter's own ``_socket`` module: ``socket`` wraps it in enumerations that cost 2 to
4 ms of every cold start, and nothing of them is used here.
"""

from __future__ import annotations

import _socket
import json
import time

from firehose_logging import _http
from firehose_logging._limits import (
    TELEMETRY_MAX_BYTES,
    TELEMETRY_MAX_ITEMS,
    TELEMETRY_TIMEOUT_MS,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

EXTENSION_PATH = "/2020-01-01/extension"
TELEMETRY_PATH = "/2022-07-01/telemetry"
LOGS_PATH = "/2020-08-15/logs"

#: Seconds for a call that Lambda answers at once.
CALL_TIMEOUT = 2.0

_MAX_ANSWER_BYTES = 1_048_576


class LambdaApiError(Exception):
    """Lambda refused, or did not answer.

    Args:
        status: HTTP status; 0 when there was no answer.
        kind: ``errorType`` of the answer, or the name of the failure.
    """

    def __init__(self, status: int, kind: str, message: str) -> None:
        super().__init__(f"{kind} ({status}): {message}" if status else f"{kind}: {message}")
        self.status = status
        self.kind = kind


class LambdaApi:
    """One connection to the Runtime API's address, kept open.

    Args:
        address: ``AWS_LAMBDA_RUNTIME_API``, host and port.
    """

    def __init__(self, address: str) -> None:
        self._address = address
        host, _, port = address.rpartition(":")
        self._peer = (host or address, int(port) if host and port.isdigit() else 80)
        # All mutable state.
        self._socket: _socket.socket | None = None
        self._parser = _http.Parser(_MAX_ANSWER_BYTES)
        self.identifier = ""

    # -- calls answered at once -------------------------------------------------------------

    def register(
        self, name: str, events: Sequence[str], *, with_account: bool = False
    ) -> str | None:
        """Register as an internal extension; only possible before the first invocation.

        Args:
            name: of the extension.
            events: that it wants.
            with_account: whether to ask for the id of the account.

        Returns the id of the account; None when it was not asked for, or Lambda does not tell.

        Raises:
            LambdaApiError: refused (status 403: too late, or the name is taken) or no answer.
        """
        answer = self._call(
            "POST",
            f"{EXTENSION_PATH}/register",
            {
                "Lambda-Extension-Name": name,
                "Content-Type": "application/json",
                **({"Lambda-Extension-Accept-Feature": "accountId"} if with_account else {}),
            },
            {"events": list(events)},
        )
        self.identifier = answer.headers.get("lambda-extension-identifier", "")
        if not self.identifier:
            raise LambdaApiError(answer.status, "NoIdentifier", "the answer names no identifier")
        return _account_id(answer.body) if with_account else None

    def subscribe(
        self,
        api: str,
        types: Sequence[str],
        port: int,
        *,
        schema: str,
        timeout_ms: int = TELEMETRY_TIMEOUT_MS,
    ) -> bool:
        """Have events of these types posted to our listener.

        Args:
            api: ``telemetry`` or ``logs``.
            types: any of ``platform``, ``function``, ``extension``.
            port: where our listener is.
            schema: ``schemaVersion`` of the events.
            timeout_ms: milliseconds that an event may wait for others.

        Returns False when the platform says that no events will come (202, as emulators do).
        """
        path = TELEMETRY_PATH if api == "telemetry" else LOGS_PATH
        answer = self._call(
            "PUT",
            path,
            {"Content-Type": "application/json"},
            {
                "schemaVersion": schema,
                "types": list(types),
                "buffering": {
                    "maxItems": TELEMETRY_MAX_ITEMS,
                    "maxBytes": TELEMETRY_MAX_BYTES,
                    "timeoutMs": timeout_ms,
                },
                "destination": {"protocol": "HTTP", "URI": f"http://sandbox.localdomain:{port}"},
            },
        )
        return answer.status != 202

    def _call(self, method: str, path: str, headers: dict[str, str], body: object) -> _http.Message:
        try:
            self._send(method, path, headers, json.dumps(body).encode(), CALL_TIMEOUT)
            ends = time.monotonic() + CALL_TIMEOUT
            answer = self._receive()
            while answer is None:
                if time.monotonic() > ends:  # one that comes byte by byte would never be late
                    raise TimeoutError("the answer is not whole")
                answer = self._receive()
        except (OSError, _http.HttpError) as error:
            self.close()
            raise LambdaApiError(0, type(error).__name__, str(error)) from None
        if answer.status >= 300:
            raise _refusal(answer)
        return answer

    # -- the long poll ----------------------------------------------------------------------

    def ask_next(self) -> None:
        """Ask for the next event and return; the answer comes when there is one.

        Raises:
            LambdaApiError: there is no connection to be had.
        """
        try:
            self._send("GET", f"{EXTENSION_PATH}/event/next", {}, b"", CALL_TIMEOUT)
            assert self._socket is not None
            # No time-out: the environment may be frozen for hours while it waits.
            self._socket.setblocking(False)
        except OSError as error:
            self.close()
            raise LambdaApiError(0, type(error).__name__, str(error)) from None

    def fileno(self) -> int:
        """Descriptor to poll for the answer; -1 without a connection."""
        return self._socket.fileno() if self._socket is not None else -1

    def has_answer(self) -> bool:
        """Whether something has come, if only the end of the connection; reads nothing."""
        if self._socket is None:
            return True
        try:
            self._socket.recv(1, _socket.MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            pass  # whoever reads will see
        return True

    def read_next(self) -> dict[str, Any] | None:
        """The event asked for; None while it is incomplete.

        Raises:
            LambdaApiError: refused, or the connection is gone; ask again.
        """
        try:
            answer = self._receive()
        except BlockingIOError:
            return None
        except (OSError, _http.HttpError) as error:
            self.close()
            raise LambdaApiError(0, type(error).__name__, str(error)) from None
        if answer is None:
            return None
        if answer.status >= 300:
            raise _refusal(answer)
        try:
            event = json.loads(answer.body)
        except ValueError as error:
            raise LambdaApiError(answer.status, "BadEvent", str(error)) from None
        return event if isinstance(event, dict) else {}

    @property
    def peer_host(self) -> str | None:
        """The address that the API answers from; None without a connection."""
        if self._socket is None:
            return None
        try:
            host: str = self._socket.getpeername()[0]
        except OSError:
            return None  # it has gone
        return host

    # -- the connection ---------------------------------------------------------------------

    def _send(
        self, method: str, path: str, headers: dict[str, str], body: bytes, timeout: float
    ) -> None:
        if self.identifier:
            headers = {**headers, "Lambda-Extension-Identifier": self.identifier}
        data = _http.request(method, path, self._address, headers, body)
        if self._socket is not None:
            try:
                self._socket.settimeout(timeout)
                self._socket.sendall(data)
            except OSError:
                self.close()  # kept open too long; one new connection, below
            else:
                return
        self._socket = _socket.socket(_socket.AF_INET, _socket.SOCK_STREAM)
        self._parser = _http.Parser(_MAX_ANSWER_BYTES)
        self._socket.settimeout(timeout)
        self._socket.connect(self._peer)
        self._socket.sendall(data)

    def _receive(self) -> _http.Message | None:
        if self._socket is None:
            raise ConnectionError("not connected")
        data = self._socket.recv(65_536)
        if not data:
            raise ConnectionError("Lambda closed the connection")
        messages = self._parser.feed(data)
        return messages[0] if messages else None

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None


def _refusal(answer: _http.Message) -> LambdaApiError:
    kind, message = "Refused", answer.body[:200].decode("utf-8", "replace")
    try:
        detail = json.loads(answer.body)
        kind, message = str(detail["errorType"]), str(detail.get("errorMessage", ""))
    except (ValueError, KeyError, TypeError):
        pass  # not Lambda's usual error body; the text says what there is
    return LambdaApiError(answer.status, kind, message)


def _account_id(body: bytes) -> str | None:
    try:
        account = json.loads(body).get("accountId")
    except (ValueError, AttributeError):
        return None
    return account if isinstance(account, str) and account else None
