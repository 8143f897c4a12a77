"""The local Firehose: start it, point a producer at it, look at what arrived."""

from __future__ import annotations

import itertools
import json
import tempfile
import threading
from email.utils import format_datetime
from http import HTTPStatus
from pathlib import Path
from typing import TYPE_CHECKING, Any

from typing_extensions import Self

from . import certificate
from .client import new_client
from .clock import Clock, SystemClock
from .connection import BadRequestError, Connection, Head
from .delivery import DeliveryThread
from .errors import DeliveryError
from .fault import Call, Moment
from .faults import Faults
from .ledger import Ledger
from .listener import HOST, Listener
from .reading import StoredObject
from .registry import Running, Streams
from .service import Answer, Send, Service, call_of
from .sigv4 import Identity

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from .stream import DeliveryStream

#: Example credentials of the AWS documentation; they open nothing.
EXAMPLE_ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
EXAMPLE_SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"

#: Largest body that is read at all. Bodies well over the service's 4 MiB (6 MB as base64) must be
#: read to be refused with the service's own error; this only protects the machine.
MAX_BODY_BYTES = 64 * 1024 * 1024


def _reason(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Unknown"


class StreamView:
    """What a delivery stream has taken and written; from `LocalFirehose.stream`."""

    def __init__(self, running: Running) -> None:
        self._delivery = running.delivery
        self.settings = running.settings

    @property
    def pending(self) -> int:
        """Return the number of records buffered and not yet written."""
        return self._delivery.pending

    @property
    def keys(self) -> list[str]:
        """Return the keys of the objects written so far, oldest first."""
        return self._delivery.keys

    def flush(self) -> list[str]:
        """Write what is buffered and return the keys written.

        Raises:
            DeliveryError: the bucket refused; the records are kept.
        """
        return self._delivery.flush()

    def objects(self) -> list[StoredObject]:
        """Return the objects written so far, oldest first; `flush` first to have all."""
        bucket = self._delivery.bucket
        return [StoredObject(key, bucket.get(key)) for key in self.keys]

    def lines(self) -> list[Any]:
        """Return every line written so far, parsed as JSON; `flush` first to have all.

        Raises:
            BrokenLineError: names object and line number of a line that is no JSON.
        """
        return [line for item in self.objects() for line in item.lines()]


class LocalFirehose:
    """Amazon Data Firehose on 127.0.0.1: Direct PUT in, S3 objects out.

    Starts serving when made; a context manager that closes at its end.

    Args:
        streams: the delivery streams that exist.
        region: the region served; calls signed for another one find no streams.
        access_key: the one access key known.
        secret_key: its secret.
        session_token: the token every call must carry; None when none may be sent.
        tls: serve HTTPS with a throw-away authority, whose certificate is in `ca_file`.
        port: 0 for a free one.
        clock: of signatures, quotas, intervals and keys.
        account: account id in ARNs and messages.
        bucket_root: folder that holds the buckets of streams made by CreateDeliveryStream; None
            refuses CreateDeliveryStream.

    Raises:
        OSError: the port is taken.
        NoCertificateToolError: `tls` without a tool to make certificates.
        ServiceError: two streams of one name.
    """

    def __init__(
        self,
        streams: Iterable[DeliveryStream] = (),
        *,
        region: str = "us-east-1",
        access_key: str = EXAMPLE_ACCESS_KEY,
        secret_key: str = EXAMPLE_SECRET_KEY,
        session_token: str | None = None,
        tls: bool = False,
        port: int = 0,
        clock: Clock | None = None,
        account: str = "123456789012",
        bucket_root: Path | None = None,
    ) -> None:
        self.region = region
        self.ledger = Ledger()
        self.faults = Faults()
        #: Certificate authority to trust, None without TLS.
        self.ca_file: Path | None = None
        self._clock = clock or SystemClock()
        self._identity = Identity(access_key, secret_key, session_token)
        self._delivery_thread = DeliveryThread()
        self._streams = Streams(
            region, account, self._clock, self.ledger, bucket_root, self._delivery_thread.wake
        )
        for stream in streams:
            self._streams.add(stream)
        self._service = Service(
            self._identity,
            self._streams,
            self.faults,
            self._clock,
            self.ledger,
            self._delivery_thread.wake,
        )
        self._call_numbers = itertools.count(1)
        self._closing = threading.Event()
        self._state_lock = threading.Lock()
        self._closed = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._tls: ssl.SSLContext | None = None
        self._listener = Listener(port, self._serve)
        if tls:
            self._start_tls()
        self._listener.start()
        self._clock.on_change(self._delivery_thread.wake)
        self.faults.on_change(self._apply_refusal)
        self._delivery_thread.start(self._streams.deliveries)

    @property
    def port(self) -> int:
        """Return the port listened on."""
        return self._listener.port

    @property
    def endpoint_url(self) -> str:
        """Return the URL for `endpoint_url=` or AWS_ENDPOINT_URL_FIREHOSE."""
        return f"{'https' if self._tls else 'http'}://{HOST}:{self.port}"

    def environment(self) -> dict[str, str]:
        """Return the variables that point a client process at this server, credentials included."""
        variables = {
            "AWS_ENDPOINT_URL_FIREHOSE": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self._identity.access_key,
            "AWS_SECRET_ACCESS_KEY": self._identity.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            # A proxy of the machine must not get to see loopback calls.
            "NO_PROXY": HOST,
        }
        if self._identity.session_token is not None:
            variables["AWS_SESSION_TOKEN"] = self._identity.session_token
        if self.ca_file is not None:
            variables["AWS_CA_BUNDLE"] = str(self.ca_file)
        return variables

    def client(self, **options: Any) -> Any:
        """Return a boto3 Firehose client for this server.

        Args:
            options: further arguments of `boto3.client`, for example `config`.
        """
        settings: dict[str, Any] = {
            "region_name": self.region,
            "endpoint_url": self.endpoint_url,
            "aws_access_key_id": self._identity.access_key,
            "aws_secret_access_key": self._identity.secret_key,
            "aws_session_token": self._identity.session_token,
        }
        if self.ca_file is not None:
            settings["verify"] = str(self.ca_file)
        return new_client("firehose", **{**settings, **options})

    def add_stream(self, stream: DeliveryStream) -> None:
        """Put a further stream into service.

        Raises:
            ServiceError: ResourceInUseException, there is one of this name.
        """
        self._streams.add(stream)

    def stream(self, name: str) -> StreamView:
        """Return a view of one stream.

        Raises:
            ServiceError: ResourceNotFoundException.
        """
        return StreamView(self._streams.get(name))

    def wait_for(self, predicate: Callable[[Ledger], object], deadline: float = 10.0) -> None:
        """Wait until `predicate(ledger)` is true; asked after every call, record and object.

        Args:
            predicate: for example `lambda ledger: ledger.records >= 3`.
            deadline: seconds from now.

        Raises:
            TimeoutError: still false at the deadline; the text holds the ledger.
        """
        self.ledger.wait_for(predicate, deadline)

    def flush(self) -> list[str]:
        """Write what is buffered in all streams and return the keys written.

        Raises:
            DeliveryError: a bucket refused; its records are kept.
        """
        keys: list[str] = []
        problems: list[DeliveryError] = []
        for delivery in self._streams.deliveries():
            try:
                keys += delivery.flush()
            except DeliveryError as error:
                problems.append(error)
        if problems:
            raise DeliveryError("; ".join(map(str, problems))) from problems[0]
        return keys

    def close(self) -> None:
        """Stop serving, break all connections, write what is buffered; may be called again.

        Raises:
            DeliveryError: a bucket refused the last records, which are lost then.
        """
        with self._state_lock:
            if self._closed:
                return
            self._closed = True
        self._closing.set()
        self._listener.close()
        self._delivery_thread.close()
        if self._folder is not None:
            self._folder.cleanup()
        self.flush()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"LocalFirehose({self.endpoint_url}, {self.region}, streams={self._streams.names()})"

    def _start_tls(self) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="local-firehose-")
        try:
            self._tls, self.ca_file = certificate.server_context(Path(self._folder.name))
        except BaseException:
            self._folder.cleanup()
            self._listener.close()
            raise

    def _apply_refusal(self) -> None:
        with self._state_lock:
            if self._closed:
                return
            if any(fault.name == "refuse" for fault in self.faults.active()):
                self._listener.refuse()
            else:
                self._listener.start()

    def _serve(self, connection: Connection) -> None:
        """Answer the calls of one connection until it ends."""
        self.ledger.add("connections")
        try:
            if self._tls is not None:
                connection.start_tls(self._tls)
            while connection.wait_readable() and self._serve_call(connection):
                pass
        except BadRequestError as problem:
            self._refuse_request(connection, problem)
        except OSError:
            pass  # The client left, or was made to leave.

    def _serve_call(self, connection: Connection) -> bool:
        """Answer one call; False when the connection is over."""
        number = next(self._call_numbers)
        call = Call(number=number, connection=connection.number)
        strike = self.faults.strike(Moment.CONNECTION, call)
        if strike is not None:
            self._service.broken_off(Head("", "", {}, 0, False), call, strike.fault)
            if strike.fault.name == "black-hole":
                self._closing.wait()
            connection.reset()
            return False
        head = connection.read_head()
        if head is None:
            return False
        self.ledger.add("wire_bytes", head.size)
        call = call_of(head, number, connection.number)
        strike = self.faults.strike(Moment.HEAD, call)
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
        self.ledger.add("wire_bytes", length)
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

    def _refuse_request(self, connection: Connection, problem: BadRequestError) -> None:
        body = json.dumps({"message": problem.message}).encode()
        try:
            connection.send(
                self._head_text(Answer(problem.status, body, "application/json"), keep=False) + body
            )
        except OSError:
            pass
