"""The local Firehose: start it, point a producer at it, look at what arrived."""

from __future__ import annotations

import tempfile
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

from . import certificate
from .client import new_client
from .clock import Clock, SystemClock
from .conversation import Conversation
from .delivery import DeliveryThread
from .errors import DeliveryError
from .faults import Faults
from .ledger import Ledger
from .listener import HOST, Listener
from .registry import Streams
from .service import Service
from .sigv4 import Identity
from .view import StreamView

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable, Sequence
    from types import TracebackType

    # Only for type checkers, so that the package needs no typing_extensions; in `typing` from 3.11.
    from typing_extensions import Self

    from .stream import DeliveryStream

#: Example credentials of the AWS documentation; they open nothing.
EXAMPLE_ACCESS_KEY = "AKIAIOSFODNN7EXAMPLE"
EXAMPLE_SECRET_KEY = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class LocalFirehose:
    """Amazon Data Firehose on this machine: Direct PUT in, S3 objects out.

    Starts serving when made; a context manager that closes at its end.

    Args:
        streams: the delivery streams that exist.
        region: the region served; calls signed for another one find no streams.
        access_key: the one access key known.
        secret_key: its secret.
        session_token: the token every call must carry; None when none may be sent.
        tls: serve HTTPS with a throw-away authority, whose certificate is in `ca_file`.
        host: address of this machine to listen on; every name and address of it is taken with
            "0.0.0.0", and clients are then pointed at 127.0.0.1.
        port: 0 for a free one.
        names: further host names or addresses that the TLS certificate is for.
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
        host: str = HOST,
        port: int = 0,
        names: Sequence[str] = (),
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
        self._closing = threading.Event()
        self._service = Service(
            self._identity,
            self._streams,
            self.faults,
            self._clock,
            self.ledger,
            self._delivery_thread.wake,
        )
        self._conversation = Conversation(
            self._service, self.faults, self.ledger, self._clock, self._closing
        )
        self._state_lock = threading.Lock()
        self._closed = False
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._tls: ssl.SSLContext | None = None
        self._listener = Listener(
            host, port, lambda connection: self._conversation.serve(connection, self._tls)
        )
        self._reached_at = HOST if host in ("0.0.0.0", "") else host
        if tls:
            self._start_tls([*names, self._reached_at])
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
        return f"{'https' if self._tls else 'http'}://{self._reached_at}:{self.port}"

    def rotate(self, access_key: str, secret_key: str, session_token: str | None = None) -> None:
        """Know these credentials from now on, and not those that were known before."""
        self._identity = self._service.identity = Identity(access_key, secret_key, session_token)

    def environment(self) -> dict[str, str]:
        """Return the variables that point a client process at this server, credentials included."""
        variables = {
            "AWS_ENDPOINT_URL_FIREHOSE": self.endpoint_url,
            "AWS_ACCESS_KEY_ID": self._identity.access_key,
            "AWS_SECRET_ACCESS_KEY": self._identity.secret_key,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
            # A proxy of the machine must not get to see loopback calls.
            "NO_PROXY": self._reached_at,
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

    def _start_tls(self, names: Sequence[str]) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="local-firehose-")
        try:
            self._tls, self.ca_file = certificate.server_context(Path(self._folder.name), names)
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
