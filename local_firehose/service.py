"""From a request to an answer: who asks, is it valid, what goes wrong, what is stored.

The order is the service's: signature, members, stream, quota. Faults come after validation, so a
producer that breaks a limit is told so even while it is being throttled.
"""

from __future__ import annotations

import base64
import json
import os
import threading
from collections import Counter
from typing import TYPE_CHECKING

from . import sigv4, validation
from .errors import DeliveryError, ServiceError
from .exchange import JSON, Answer, Exchange, Send
from .fault import Call, Fault, Moment
from .ledger import CallSummary, Ledger
from .registry import Streams
from .throughput import TokenBucket

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .clock import Clock
    from .connection import Head
    from .faults import Faults, Strike

#: Calls a second of each control operation (limits.html: "5 calls per second", not raisable).
CONTROL_CALLS_PER_SECOND = 5

_PUTS = {
    "PutRecord": validation.put_record,
    "PutRecordBatch": validation.put_record_batch,
}
_CONTROL = {
    "CreateDeliveryStream": Streams.create,
    "DeleteDeliveryStream": Streams.delete,
    "DescribeDeliveryStream": Streams.describe,
    "ListDeliveryStreams": Streams.list_streams,
}


class Service:
    """Answers calls; knows nothing of sockets.

    Args:
        identity: the credentials accepted.
        streams: the streams served.
        faults: what goes wrong.
        clock: for signatures and quotas.
        ledger: told of every call.
        on_stored: called when records were buffered.
    """

    def __init__(
        self,
        identity: sigv4.Identity,
        streams: Streams,
        faults: Faults,
        clock: Clock,
        ledger: Ledger,
        on_stored: Callable[[], None],
    ) -> None:
        #: The credentials accepted; may be replaced at any time.
        self.identity = identity
        self._streams = streams
        self._faults = faults
        self._clock = clock
        self._ledger = ledger
        self._on_stored = on_stored
        self._control_lock = threading.Lock()
        self._control = {name: TokenBucket(CONTROL_CALLS_PER_SECOND, clock) for name in _CONTROL}

    def broken_off(self, head: Head, call: Call, fault: Fault) -> None:
        """Enter a call into the ledger whose body was never read."""
        exchange = Exchange(head, call.operation, call, outcome=fault.name)
        self._enter(exchange, wire_bytes=head.size, status=None)

    def respond(
        self, head: Head, body: bytes, call: Call, pause: Callable[[float], object]
    ) -> Answer:
        """Work on a call and return its answer; the ledger knows the call when this returns.

        Args:
            head: of the request.
            body: of the request.
            call: what is known of the call from its head.
            pause: waits for so many seconds of latency.
        """
        exchange = Exchange(head, call.operation, call)
        error: ServiceError | None = None
        try:
            self._admit(exchange, body)
        except ServiceError as problem:
            error = problem
        wire = [strike.fault for strike in self._faults.strikes(Moment.WIRE, exchange.call)]
        latency = sum(fault.seconds for fault in wire if fault.name == "latency")
        if latency:
            pause(latency / 2)
        try:
            if error is not None:
                raise error
            answer = self._answer(exchange)
        except ServiceError as problem:
            if exchange.outcome == "ok":
                exchange.outcome = problem.code
            missed = len(exchange.sizes()) - exchange.stored
            if missed:
                exchange.refused[exchange.outcome] += missed
            answer = Answer(problem.status, json.dumps(problem.body()).encode())
        answer.wire = wire
        status = answer.status if answer.send is Send.WHOLE else None
        self._enter(exchange, wire_bytes=head.size + len(body), status=status)
        if latency:
            pause(latency / 2)
        return answer

    def _admit(self, exchange: Exchange, body: bytes) -> None:
        """Check signature, operation and members, and note them in the exchange."""
        head = exchange.head
        exchange.signature_ok = False
        exchange.region = sigv4.verify(
            self.identity,
            method=head.method,
            path=head.path,
            headers=head.headers,
            body=body,
            now=self._clock.now(),
        )
        exchange.signature_ok = True
        known = exchange.operation in _PUTS or exchange.operation in _CONTROL
        if head.method != "POST" or not known:
            raise ServiceError("UnknownOperationException", "")
        if head.headers.get("content-type", "").partition(";")[0].strip() != JSON:
            raise ServiceError("UnknownOperationException", f"Content-Type must be {JSON}")
        exchange.members = validation.parse_json(body)
        if exchange.operation in _PUTS:
            put = _PUTS[exchange.operation](exchange.members)
            exchange.put = put
            exchange.call = exchange.call.holding(put.stream, put.records)

    def _answer(self, exchange: Exchange) -> Answer:
        put = exchange.put
        if put is None:
            if not self._control_quota(exchange.operation):
                raise ServiceError("ThrottlingException", "Rate exceeded")
            try:
                reply = _CONTROL[exchange.operation](
                    self._streams, exchange.members, exchange.region
                )
            except DeliveryError as error:
                raise ServiceError("InternalFailure", str(error), 500) from error
            return Answer(200, json.dumps(reply).encode())
        running = self._streams.get(put.stream, exchange.region)
        if not running.settings.active:
            raise ServiceError(
                "ResourceNotFoundException", f"Firehose {put.stream} is not in ACTIVE state."
            )
        strike = self._faults.strike(Moment.ANSWER, exchange.call)
        if strike is None:
            return self._put(exchange, put, None)
        fault = strike.fault
        if fault.name in ("partial", "wrong-counts"):
            return self._put(exchange, put, strike)
        if fault.stored:
            self._put(exchange, put, None)
        exchange.outcome = fault.name
        if fault.error is not None:
            raise fault.error.again()
        missed = len(put.records) - exchange.stored
        if missed:
            exchange.refused = Counter({fault.name: missed})
        if fault.name in ("reset-after-body", "hang"):
            send = Send.RESET if fault.name == "reset-after-body" else Send.NOTHING
            return Answer(0, b"", send=send)
        return Answer(fault.status, fault.body, "text/html")

    def _control_quota(self, operation: str) -> bool:
        bucket = self._control[operation]
        with self._control_lock:
            if not bucket.holds(1):
                return False
            bucket.take(1)
            return True

    def _put(self, exchange: Exchange, put: validation.Put, strike: Strike | None) -> Answer:
        running = self._streams.get(put.stream)
        admitted = running.meter.admit([len(data) for data in put.records])
        if admitted is None:
            raise ServiceError("ServiceUnavailableException", "Slow down.", 503)
        slow = ServiceError("ServiceUnavailableException", "Slow down.", 503)
        errors: list[ServiceError | None] = [None if fits else slow for fits in admitted]
        stored = list(admitted)
        if strike is not None and strike.fault.error is not None:
            for index, failed in enumerate(strike.failed):
                if failed:
                    errors[index] = strike.fault.error
                    stored[index] = stored[index] and strike.fault.stored
        kept = [data for data, keep in zip(put.records, stored, strict=True) if keep]
        running.delivery.append(kept)
        self._ledger.stored([len(data) for data in kept])
        self._on_stored()
        exchange.stored = len(kept)
        for error, keep in zip(errors, stored, strict=True):
            if error is not None and not keep:
                exchange.refused[error.code] += 1
        if any(errors):
            exchange.outcome = "partial"
        if exchange.operation == "PutRecord":
            return self._put_record_reply(exchange, errors[0])
        return self._put_record_batch_reply(exchange, errors, strike)

    def _put_record_reply(self, exchange: Exchange, error: ServiceError | None) -> Answer:
        if error is not None:
            exchange.refused.clear()
            exchange.outcome = error.code
            raise error
        return Answer(200, json.dumps({"RecordId": _record_id(), "Encrypted": False}).encode())

    def _put_record_batch_reply(
        self,
        exchange: Exchange,
        errors: Sequence[ServiceError | None],
        strike: Strike | None,
    ) -> Answer:
        responses: list[dict[str, str]] = [
            {"RecordId": _record_id()}
            if error is None
            else {"ErrorCode": error.code, "ErrorMessage": error.message}
            for error in errors
        ]
        failed = sum(error is not None for error in errors)
        if strike is not None and strike.fault.name == "wrong-counts":
            exchange.outcome = strike.fault.name
            failed += strike.fault.extra_failed
            extra = strike.fault.extra_responses
            responses += [{"RecordId": _record_id()} for _ in range(extra)]
            responses = responses[: len(errors) + extra]
        reply = {"FailedPutCount": failed, "Encrypted": False, "RequestResponses": responses}
        return Answer(200, json.dumps(reply).encode())

    def _enter(self, exchange: Exchange, wire_bytes: int, status: int | None) -> None:
        headers = exchange.head.headers
        sizes = exchange.sizes()
        name = exchange.members.get("DeliveryStreamName")
        self._ledger.called(
            CallSummary(
                time=self._clock.now(),
                operation=exchange.operation,
                stream=name if isinstance(name, str) else None,
                records=len(sizes),
                raw_bytes=sum(sizes),
                wire_bytes=wire_bytes,
                stored=exchange.stored,
                outcome=exchange.outcome,
                status=status,
                signature_ok=exchange.signature_ok,
                region=exchange.region or None,
                invocation_id=headers.get("amz-sdk-invocation-id"),
                attempt=exchange.call.attempt,
                connection=exchange.call.connection,
            ),
            exchange.refused,
        )


def _record_id() -> str:
    # About 220 characters on the service (write-up quoted in the README); 165 bytes make 220.
    return base64.b64encode(os.urandom(165)).decode()
