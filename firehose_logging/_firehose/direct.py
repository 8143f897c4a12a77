"""PutRecordBatch without an SDK: one signed POST over one kept-alive connection, nothing else.

botocore's import and first client cost more CPU and memory than everything else in this package
together, at every cold start. This does the one call it is needed for. It is used only where it
is certain to do the same (``endpoint``), and hands over to botocore for good when the service
or the TLS library disagrees.
"""

from __future__ import annotations

import _socket

from firehose_logging import _http
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._diagnostics import mask, tell
from firehose_logging._firehose.trust import (
    Connection,
    SSLCertVerificationError,
    TlsSocket,
    Trust,
)
from firehose_logging._firehose.wire import Requests, read_answer
from firehose_logging._polls import POLLIN, make_poll

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from firehose_logging._clock import Clock
    from firehose_logging._delivery.outcome import Transport
    from firehose_logging._firehose.endpoint import Endpoint
    from firehose_logging._firehose.sigv4 import Credentials
    from firehose_logging._firehose.wire import Body

#: Seconds to connect, TLS included.
CONNECT_TIMEOUT = 2.0

#: Seconds after which an idle connection is not trusted: the environment may have been frozen
#: and the other side gone without a word (NAT devices forget after 350 s).
IDLE_LIMIT = 20.0

#: Seconds since a request was signed after which its refusal may be for that; the service allows
#: for five minutes.
STALE_AFTER = 60.0

#: Most bytes of an answer: 500 results of some 300 bytes, and room.
_MAX_ANSWER_BYTES = 4 * 1_048_576

#: Refusals after which botocore shall try: either we sign wrongly or nobody can.
_SIGNING_CODES = frozenset(
    {
        "IncompleteSignatureException",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)


class DirectTransport:
    """Sends calls over a connection of its own.

    Args:
        stream_name: delivery stream.
        endpoint: where to.
        credentials: gives the credentials for the next call; may block and raise.
        clock: the clock seam.
        trust: whose certificates are trusted; None for those of the interpreter.
        compress: turns a record into what is sent; None sends it as it is.
        fallback: makes the transport that takes over, or raises ImportError where it cannot be
            had; None for no other.
    """

    def __init__(
        self,
        stream_name: str,
        endpoint: Endpoint,
        credentials: Callable[[], Credentials],
        clock: Clock,
        *,
        trust: Trust | None = None,
        compress: Callable[[bytes | bytearray], bytes] | None = None,
        fallback: Callable[[], Transport] | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._credentials = credentials
        self._clock = clock
        self._trust = trust or Trust(None)
        self._compress = compress
        self._fallback = fallback
        self._requests = Requests(stream_name, endpoint.netloc, endpoint.region)
        # All mutable state; only the delivery thread touches it.
        self._socket: _socket.socket | TlsSocket | None = None
        self._used_at = 0.0
        self._signed_at = 0.0
        self._successor: Transport | None = None

    def send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        """Send one call; never raises.

        Args:
            records: raw data of each.
            timeout: most seconds for everything: connecting, sending, the answer.
        """
        if self._successor is not None:
            return self._successor.send(records, timeout)
        outcome = self._send_fresh(records, timeout)
        if self._fallback is not None and (
            outcome.error in _SIGNING_CODES or outcome.error == "CertificateNotTrusted"
        ):
            self.close()
            try:
                self._successor = self._fallback()
            except ImportError:
                self._fallback = None  # who is not there does not take over
                return outcome
            again = self._successor.send(records, timeout)
            if again.codes is not None:  # a refusal of both is told by the delivery
                tell(
                    f"sending with botocore from now on ({outcome.error})",
                    code="transport_changed",
                    once="successor",
                )
            return again
        return outcome

    def _send_fresh(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        """Send; once more where the signature had grown old before the service saw it.

        The environment may have been frozen between signing and sending.
        """
        outcome = self._send(records, timeout)
        if outcome.error in _SIGNING_CODES and self._clock.epoch() - self._signed_at > STALE_AFTER:
            return self._send(records, timeout)
        return outcome

    def _send(self, records: Sequence[bytes | bytearray], timeout: float) -> CallOutcome:
        deadline = self._clock.now() + timeout
        sizes = None
        data: Sequence[bytes | bytearray] = records
        if self._compress is not None:
            data = [self._compress(record) for record in records]
            sizes = [len(record) for record in data]
        answer = self._exchange(self._requests.body(data), deadline)
        if isinstance(answer, CallOutcome):
            return answer
        return read_answer(answer, sizes)

    # -- the connection ---------------------------------------------------------------------

    def _exchange(self, body: Body, deadline: float) -> _http.Message | CallOutcome:
        """Send and receive; a kept connection that has died is replaced once, in silence.

        Signed each time, and when the connection stands: either may have taken a freeze.
        """
        reused = self._still_good()
        while True:
            arrived = False
            try:
                if self._socket is None:
                    self._connect(deadline)
                assert self._socket is not None
                try:
                    credentials = self._credentials()
                except Exception as error:  # noqa: BLE001 - an endpoint can answer anything
                    return CallOutcome(error="NoCredentials", message=mask(str(error)))
                self._signed_at = self._clock.epoch()
                request = self._requests.signed(body, credentials, self._signed_at)
                for part in request:
                    self._left(deadline)
                    arrived = True
                    self._socket.sendall(part)
                answer = self._receive(deadline)
            except SSLCertVerificationError as error:
                self.close()
                if self._trust.widen():
                    continue
                return CallOutcome(error="CertificateNotTrusted", message=str(error))
            except TimeoutError:
                self.close()
                what = "no answer in time" if arrived else "no connection in time"
                return CallOutcome(
                    error="Timeout" if arrived else "Connect", message=what, maybe_stored=arrived
                )
            except (OSError, _http.HttpError) as error:
                self.close()
                # The peer closed an idle connection while our request was on its way: it has
                # most likely not read it. Any other failure is the delivery's to judge.
                if reused and isinstance(error, ConnectionError):
                    reused = False
                    continue
                kind = "Connection" if arrived else "Connect"
                return CallOutcome(error=kind, message=str(error), maybe_stored=arrived)
            self._used_at = self._clock.epoch()
            if answer.headers.get("connection", "").lower() == "close":
                self.close()
            return answer

    def _still_good(self) -> bool:
        """Whether there is a connection worth trying; lets go of one that is not."""
        if self._socket is None:
            return False
        idle = self._clock.epoch() - self._used_at
        if 0 <= idle <= IDLE_LIMIT:
            poll = make_poll()
            poll.register(self._socket, POLLIN)
            if not poll.poll(0):
                return True
        self.close()  # too old, or readable without a question: it was closed
        return False

    def _connect(self, deadline: float) -> None:
        sock = self._reach(deadline)
        try:
            sock.setsockopt(_socket.IPPROTO_TCP, _socket.TCP_NODELAY, 1)
            if self._endpoint.scheme == "https":
                self._socket = TlsSocket(self._trust.context(), sock, self._endpoint.host)
                return
        except BaseException:
            sock.close()
            raise
        self._socket = sock

    def _reach(self, deadline: float) -> _socket.socket:
        """A connection to the first address that answers; all of them within one deadline.

        ``socket.create_connection`` would give each address the whole time-out. A host name as
        bytes is ASCII; as a str it would have Python import its codec for all the others.
        """
        host, port = self._endpoint.host, self._endpoint.port
        failure: OSError = OSError(f"{host} has no address")
        for family, kind, proto, _, address in _socket.getaddrinfo(
            host.encode(), port, type=_socket.SOCK_STREAM
        ):
            left = min(CONNECT_TIMEOUT, self._left(deadline, on_socket=False))
            sock = Connection(family, kind, proto)
            try:
                sock.settimeout(left)
                sock.connect(address)
            except OSError as error:
                sock.close()
                failure = error
            else:
                return sock
        try:
            raise failure
        finally:
            # An error in a variable of a frame of its own traceback is a cycle, and would keep
            # the megabytes of the request until the garbage collector comes by.
            del failure

    def _left(self, deadline: float, *, on_socket: bool = True) -> float:
        left = deadline - self._clock.now()
        if left <= 0:
            raise TimeoutError
        if on_socket and self._socket is not None:
            self._socket.settimeout(left)
        return left

    def _receive(self, deadline: float) -> _http.Message:
        assert self._socket is not None
        parser = _http.Parser(_MAX_ANSWER_BYTES)
        while True:
            self._left(deadline)  # again for each part: an answer may come byte by byte
            data = self._socket.recv(65_536)
            if not data:
                raise ConnectionResetError("closed before the answer was complete")
            for message in parser.feed(data):
                if message.status != 100:
                    return message

    def abandon(self) -> None:
        """In a forked child: close what it has of the parent's connection, which goes on."""
        self.close()

    def close(self) -> None:
        """Close the connection; the next call opens a new one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
