"""The calls of a connection: read, broken off where a fault says so, answered."""

from __future__ import annotations

import itertools
import json
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING

from .connection import BadRequestError, Connection, Head
from .exchange import Answer, Send, call_of
from .fault import Call, Moment

if TYPE_CHECKING:
    import ssl
    import threading

    from .clock import Clock
    from .faults import Faults
    from .ledger import Ledger
    from .service import Service

#: Largest body that is read at all. Bodies well over the service's 4 MiB (6 MB as base64) must be
#: read to be refused with the service's own error; this only protects the machine.
MAX_BODY_BYTES = 64 * 1024 * 1024


class Conversation:
    """Talks HTTP on connections; every connection has a thread of its own.

    Args:
        service: works on the calls.
        faults: what goes wrong on the wire.
        ledger: told of connections and bytes.
        clock: for the Date header.
        closing: set when the server closes; ends every wait.
    """

    def __init__(
        self,
        service: Service,
        faults: Faults,
        ledger: Ledger,
        clock: Clock,
        closing: threading.Event,
    ) -> None:
        self._service = service
        self._faults = faults
        self._ledger = ledger
        self._clock = clock
        self._closing = closing
        self._call_numbers = itertools.count(1)

    def serve(self, connection: Connection, tls: ssl.SSLContext | None) -> None:
        """Answer the calls of one connection until it ends.

        Args:
            connection: just accepted.
            tls: for HTTPS, None for HTTP.
        """
        self._ledger.add("connections")
        try:
            if tls is not None:
                connection.start_tls(tls)
            while connection.wait_readable() and self._serve_call(connection):
                pass
        except BadRequestError as problem:
            self._refuse(connection, problem)
        except OSError:
            pass  # The client left, or was made to leave.

    def _serve_call(self, connection: Connection) -> bool:
        """Answer one call; False when the connection is over."""
        number = next(self._call_numbers)
        call = Call(number=number, connection=connection.number)
        strike = self._faults.strike(Moment.CONNECTION, call)
        if strike is not None:
            self._service.broken_off(Head("", "", {}, 0, False), call, strike.fault)
            if strike.fault.name == "black-hole":
                self._closing.wait()
            connection.reset()
            return False
        head = connection.read_head()
        if head is None:
            return False
        self._ledger.add("wire_bytes", head.size)
        call = call_of(head, number, connection.number)
        strike = self._faults.strike(Moment.HEAD, call)
        if strike is not None:
            self._service.broken_off(head, call, strike.fault)
            connection.reset()
            return False
        length = head.body_length()
        if length > MAX_BODY_BYTES:
            raise BadRequestError(413, f"a body of {length} bytes is more than {MAX_BODY_BYTES}")
        if head.headers.get("expect", "").lower() == "100-continue":
            connection.send(b"HTTP/1.1 100 Continue\r\n\r\n")
        body = connection.read_body(length)
        self._ledger.add("wire_bytes", length)
        answer = self._service.respond(head, body, call, self._closing.wait)
        return self._send(connection, head, answer)

    def _send(self, connection: Connection, head: Head, answer: Answer) -> bool:
        if answer.send is Send.RESET:
            connection.reset()
            return False
        if answer.send is Send.NOTHING:
            connection.hold()
            return False
        wire = {fault.name: fault for fault in answer.wire}
        keep = head.keep_alive and not {"close-connection", "truncated"} & wire.keys()
        text = self._head_text(answer, keep)
        data = text + answer.body
        if "truncated" in wire:
            data = text + answer.body[: len(answer.body) // 2]
        if "drip" in wire:
            for index in range(len(data)):
                connection.send(data[index : index + 1])
                self._closing.wait(wire["drip"].seconds)
        else:
            connection.send(data)
        return keep

    def _head_text(self, answer: Answer, keep: bool) -> bytes:
        lines = [
            f"HTTP/1.1 {answer.status} {_reason(answer.status)}",
            f"x-amzn-RequestId: {answer.request_id}",
            f"Content-Type: {answer.content_type}",
            f"Content-Length: {len(answer.body)}",
            f"Date: {format_datetime(self._clock.now(), usegmt=True)}",
        ]
        if not keep:
            lines.append("Connection: close")
        return "\r\n".join([*lines, "", ""]).encode()

    def _refuse(self, connection: Connection, problem: BadRequestError) -> None:
        body = json.dumps({"message": problem.message}).encode()
        try:
            connection.send(
                self._head_text(Answer(problem.status, body, "application/json"), keep=False) + body
            )
        except OSError:
            pass


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"
