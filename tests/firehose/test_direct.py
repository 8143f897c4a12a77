from __future__ import annotations

import _socket
import re
import socket
import threading
import time
from contextlib import ExitStack
from datetime import datetime, timezone
from types import SimpleNamespace

import pytest
from botocore.config import Config

from firehose_logging import _diagnostics
from firehose_logging._clock import SystemClock
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._delivery.retry import BLOCKED, verdict
from firehose_logging._environment import Environment
from firehose_logging._firehose.boto import BotoTransport
from firehose_logging._firehose.choose import make_transport
from firehose_logging._firehose.direct import IDLE_LIMIT, DirectTransport
from firehose_logging._firehose.endpoint import Endpoint
from firehose_logging._firehose.sigv4 import Credentials
from firehose_logging._firehose.trust import Trust
from firehose_logging._firehose.wire import compress
from firehose_logging.settings import Settings
from firehose_logging.testing import ManualClock, MemoryTransport
from local_firehose import DeliveryStream, Fault, LocalFirehose

#: Seconds. For calls that will be answered.
PATIENT = 10.0
#: Seconds. For calls that will not: long enough for a slow machine to get the request through.
IMPATIENT = 0.7

TOKEN = "a-session-token-that-nobody-may-see"


@pytest.fixture
def stack():
    """Closed at the end of the test."""
    with ExitStack() as stack:
        yield stack


@pytest.fixture
def firehose(stack, tmp_path):
    """A local Firehose with one stream, no quota, credentials with a session token."""
    stream = DeliveryStream("logs", tmp_path / "bucket", throughput=None)
    return stack.enter_context(LocalFirehose([stream], session_token=TOKEN))


def credentials_of(firehose):
    """The credentials that this Firehose knows."""
    environ = firehose.environment()
    return Credentials(
        environ["AWS_ACCESS_KEY_ID"], environ["AWS_SECRET_ACCESS_KEY"], environ["AWS_SESSION_TOKEN"]
    )


def direct(stack, firehose, clock=None, **options):
    """A direct transport to this Firehose, closed at the end."""
    scheme = "https" if firehose.ca_file else "http"
    transport = DirectTransport(
        options.pop("stream_name", "logs"),
        Endpoint(scheme, "127.0.0.1", firehose.port, firehose.region),
        options.pop("credentials", lambda: credentials_of(firehose)),
        clock or SystemClock(),
        **options,
    )
    stack.callback(transport.close)
    return transport


def boto(stack, firehose, read_timeout=PATIENT, **options):
    """A botocore transport to the same."""
    config = Config(
        retries={"total_max_attempts": 1}, connect_timeout=PATIENT, read_timeout=read_timeout
    )
    transport = BotoTransport("logs", firehose.client(config=config), **options)
    stack.callback(transport.close)
    return transport


def kind(outcome, records):
    """What the rest of the package makes of an outcome."""
    if outcome.codes is not None:
        return list(outcome.codes), outcome.sizes
    return verdict(outcome, records), outcome.maybe_stored


# -- the fault matrix ---------------------------------------------------------------------------

#: The records of the call that a fault hits.
RECORDS = [b"one\n", b"two\n" * 1_500, b"three\n", b"\x00\xff\n"]

FAULTS = {
    "none": Fault.latency(0),
    "throttling": Fault.throttling(),
    "unavailable": Fault.unavailable(),
    "unavailable, stored": Fault.unavailable(stored=True),
    "internal failure": Fault.internal_failure(),
    "internal failure, stored": Fault.internal_failure(stored=True),
    "expired token": Fault.expired_token(),
    "access denied": Fault.access_denied(),
    "not found": Fault.not_found(),
    "invalid argument": Fault.invalid_argument(),
    "invalid source": Fault.invalid_source(),
    "kms": Fault.invalid_kms_resource(),
    "limit exceeded": Fault.error_answer("LimitExceededException", "no", 429),
    "signature": Fault.error_answer("InvalidSignatureException", "no", 403),
    "token": Fault.error_answer("UnrecognizedClientException", "no", 400),
    "unknown code": Fault.error_answer("NeverSeenException", "no", 400),
    "one fails": Fault.partial(mask=[False, True]),
    "one fails, internal": Fault.partial(mask=[True], code="InternalFailure"),
    "all fail": Fault.partial(1.0),
    "500": Fault.http(500),
    "502": Fault.http(502),
    "503, text": Fault.http(503, b"Service Unavailable"),
    "504, empty": Fault.http(504, b""),
    "403, no JSON": Fault.http(403, b"<html/>"),
    "too large": Fault.too_large(),
    "200, no JSON": Fault.not_json(),
    "200, a list": Fault.http(200, b"[]"),
    "200, empty": Fault.http(200, b""),
    "one entry too few": Fault.wrong_counts(responses=-1),
    "one entry too many": Fault.wrong_counts(responses=1),
    "wrong count": Fault.wrong_counts(failed=1),
    "reset before body": Fault.reset_before_body(),
    "reset after body": Fault.reset_after_body(),
    "reset after body, stored": Fault.reset_after_body(stored=True),
    "refused": Fault.refuse(),
    "connection closed": Fault.close_connection(),
}
SILENT = {
    "never answers": Fault.hang(),
    "never answers, stored": Fault.hang(stored=True),
    "black hole": Fault.black_hole(),
}


@pytest.mark.parametrize("gzip", [False, True], ids=["plain", "gzip"])
@pytest.mark.parametrize("name", FAULTS)
def test_faults_come_to_the_same_as_with_botocore(stack, firehose, name, gzip):
    """One fault, both transports: the same verdict, the same records, the same doubt."""
    firehose.faults.set(FAULTS[name])
    expected = boto(stack, firehose, gzip=gzip).send(RECORDS, PATIENT)

    outcome = direct(stack, firehose, compress=compress if gzip else None).send(RECORDS, PATIENT)

    assert kind(expected, len(RECORDS)) == kind(outcome, len(RECORDS)), (expected, outcome)
    # Codes of the service are told to people: they must be the service's own.
    if outcome.codes is None and outcome.error.endswith("Exception"):
        assert expected.error == outcome.error
        assert expected.message == outcome.message


@pytest.mark.parametrize("name", SILENT)
def test_silence_comes_to_the_same_as_with_botocore(stack, firehose, name):
    """A call without an answer may have arrived, and is tried again."""
    firehose.faults.set(SILENT[name])
    expected = boto(stack, firehose, read_timeout=IMPATIENT).send(RECORDS, IMPATIENT)

    outcome = direct(stack, firehose).send(RECORDS, IMPATIENT)

    assert expected.error == outcome.error == "Timeout"
    assert kind(expected, len(RECORDS)) == kind(outcome, len(RECORDS))


def test_a_cut_answer_is_no_answer(stack, firehose):
    """An answer cut short is in doubt, as it is with botocore's empty dict."""
    firehose.faults.set(Fault.truncated())
    expected = boto(stack, firehose).send(RECORDS, PATIENT)

    outcome = direct(stack, firehose).send(RECORDS, PATIENT)

    assert kind(expected, len(RECORDS)) == kind(outcome, len(RECORDS))
    assert outcome.maybe_stored


def test_one_deadline_for_an_answer_that_drips(stack, firehose):
    """An answer that comes byte by byte ends with the time-out of the whole call."""
    firehose.faults.set(Fault.drip(100))  # some 900 bytes: a minute and a half

    outcome = direct(stack, firehose).send(RECORDS, IMPATIENT)

    assert (outcome.error, outcome.maybe_stored) == ("Timeout", True)


def test_what_arrives_is_what_was_sent(stack, firehose, tmp_path):
    """Records of any bytes, also none at all, are stored as they are, in order."""
    records = [b"", b"a\n", bytes(range(256)), bytearray(b"x" * 1_024_000)]

    outcome = direct(stack, firehose).send(records, PATIENT)

    assert [None] * 4 == outcome.codes
    firehose.flush()
    stored = b"".join(p.read_bytes() for p in (tmp_path / "bucket").rglob("*") if p.is_file())
    assert b"".join(records) == stored
    assert [True] == [call.signature_ok for call in firehose.ledger.calls]


# -- the connection -----------------------------------------------------------------------------


def test_calls_share_one_connection(stack, firehose):
    """Many calls, one connection, one request each."""
    transport = direct(stack, firehose)

    for _ in range(5):
        assert transport.send(RECORDS, PATIENT).codes is not None

    assert firehose.ledger.connections == 1
    assert len(firehose.ledger.calls) == 5


def test_a_connection_that_was_idle_too_long_is_not_trusted(stack, firehose):
    """After a thaw the first call opens a new connection and is sent once."""
    clock = ManualClock()
    # Signatures hold for five minutes around the server's time.
    clock.advance(datetime.now(timezone.utc).timestamp() - clock.epoch())
    transport = direct(stack, firehose, clock)
    transport.send(RECORDS, PATIENT)
    clock.advance(IDLE_LIMIT)
    transport.send(RECORDS, PATIENT)
    assert firehose.ledger.connections == 1

    clock.advance(IDLE_LIMIT + 1)
    outcome = transport.send(RECORDS, PATIENT)

    assert outcome.codes is not None
    assert firehose.ledger.connections == 2
    assert len(firehose.ledger.calls) == 3


def test_an_answer_that_says_close_is_believed(stack, firehose):
    """After `Connection: close` the next call has a connection of its own, without a failure."""
    firehose.faults.set(Fault.close_connection())
    transport = direct(stack, firehose)

    outcomes = [transport.send(RECORDS, PATIENT) for _ in range(3)]

    assert [None] * 3 == [outcome.codes and outcome.codes[0] for outcome in outcomes]
    assert firehose.ledger.connections == 3


def test_a_call_that_a_freeze_cut_is_signed_anew():
    """Frozen for ten minutes while a call is on its way: what is sent again has today's date."""
    wall = ManualClock()
    clock = SimpleNamespace(now=time.monotonic, epoch=wall.epoch)
    dates: list[bytes] = []

    def request(connection: socket.socket) -> None:
        data = b""
        while b"\r\n\r\n" not in data:
            data += connection.recv(65_536)
        head, _, body = data.partition(b"\r\n\r\n")
        size = int(re.search(rb"(?i)content-length: (\d+)", head)[1])
        while len(body) < size:
            body += connection.recv(65_536)
        dates.append(re.search(rb"(?i)x-amz-date: (\S+)", head)[1])

    def answer(connection: socket.socket) -> None:
        body = b'{"FailedPutCount":0,"RequestResponses":[{"RecordId":"1"}]}'
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
        connection.sendall(head + body)

    def serve() -> None:
        first, _ = server.accept()
        with first:
            request(first)
            answer(first)
            request(first)
            wall.advance(600)
        second, _ = server.accept()
        with second:
            request(second)
            answer(second)

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        endpoint = Endpoint("http", "127.0.0.1", server.getsockname()[1], "eu-west-1")
        credentials = Credentials("AKIDEXAMPLE", "secret-secret-secret", None)
        transport = DirectTransport("logs", endpoint, lambda: credentials, clock)
        outcomes = [transport.send([b"{}\n"], PATIENT) for _ in range(2)]
        transport.close()
        thread.join()

    assert [outcome.codes for outcome in outcomes] == [[None], [None]]
    assert len(dates) == 3
    assert dates[0] == dates[1] != dates[2]


class Scripted:
    """A server whose connections each do what their script says.

    Args:
        scripts: for each connection, what it does with one request after the other: ``answer``,
            ``answer and close`` (without saying so), ``close`` instead of an answer.
    """

    def __init__(self, *scripts):
        self.port = 0
        self.requests = 0
        self.closed = threading.Semaphore(0)  # connections closed on purpose
        self._scripts = scripts
        self._server = socket.create_server(("127.0.0.1", 0))
        self.port = self._server.getsockname()[1]
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self):
        for script in self._scripts:
            try:
                connection, _ = self._server.accept()
            except OSError:
                return
            with connection:
                for step in script:
                    if not self._read(connection):
                        break
                    self.requests += 1
                    if step.startswith("answer"):
                        body = b'{"FailedPutCount":0,"RequestResponses":[{"RecordId":"1"}]}'
                        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body)
                        connection.sendall(head + body)
                    if step.endswith("close"):
                        break
            self.closed.release()

    @staticmethod
    def _read(connection):
        data = b""
        while b"\r\n\r\n" not in data or not data.endswith(b"]}"):
            part = connection.recv(65_536)
            if not part:
                return False
            data += part
        return True

    def close(self):
        """Stop; nothing is left."""
        self._server.close()

    def transport(self, stack):
        """A direct transport to this server."""
        stack.callback(self.close)
        transport = DirectTransport(
            "logs",
            Endpoint("http", "127.0.0.1", self.port, "us-east-1"),
            lambda: Credentials("AKIDEXAMPLE", "secret"),
            SystemClock(),
        )
        stack.callback(transport.close)
        return transport


def test_an_idle_connection_closed_by_the_server_is_noticed(stack):
    """Closed while nobody looked: replaced before anything is sent, so nothing is sent twice."""
    server = Scripted(["answer and close"], ["answer"])
    transport = server.transport(stack)
    transport.send([b"x"], PATIENT)
    assert server.closed.acquire(timeout=PATIENT)

    outcome = transport.send([b"x"], PATIENT)

    assert [None] == outcome.codes
    assert server.requests == 2


def test_a_kept_connection_that_dies_under_a_call_is_replaced_once(stack):
    """A request that meets the server's close goes out again, once, on a new connection."""
    server = Scripted(["answer", "close"], ["answer"])
    transport = server.transport(stack)
    transport.send([b"x"], PATIENT)

    assert [None] == transport.send([b"x"], PATIENT).codes
    assert server.requests == 3


def test_a_new_connection_that_dies_is_the_batchers_to_judge(stack):
    """No silent second try: what may have arrived is told as such."""
    server = Scripted(["close"], ["answer"])

    outcome = server.transport(stack).send([b"x"], PATIENT)

    assert (outcome.codes, outcome.maybe_stored) == (None, True)
    assert server.requests == 1


def test_every_address_is_tried_within_one_deadline(stack, firehose, monkeypatch):
    """A name with a dead address before a living one is reached."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        dead = closed.getsockname()
    lookup = [
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", dead),
        (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("127.0.0.1", firehose.port)),
    ]
    monkeypatch.setattr(_socket, "getaddrinfo", lambda *_, **__: lookup)

    assert direct(stack, firehose).send(RECORDS, PATIENT).codes is not None


# -- TLS ----------------------------------------------------------------------------------------


@pytest.fixture
def secure(stack, tmp_path):
    """A local Firehose that speaks TLS."""
    stream = DeliveryStream("logs", tmp_path / "bucket", throughput=None)
    return stack.enter_context(LocalFirehose([stream], session_token=TOKEN, tls=True))


def test_tls_with_a_trusted_certificate(stack, secure):
    """The authority that is named is trusted, and the connection kept."""
    transport = direct(stack, secure, trust=Trust(str(secure.ca_file)))

    assert [transport.send(RECORDS, PATIENT).codes[0] for _ in range(2)] == [None, None]
    assert secure.ledger.connections == 1


def test_an_untrusted_certificate_gets_nothing(stack, secure):
    """Nothing is sent to whom we cannot verify; without a fallback the call is tried again."""
    outcome = direct(stack, secure).send(RECORDS, PATIENT)

    assert (outcome.error, outcome.maybe_stored) == ("CertificateNotTrusted", False)
    assert secure.ledger.wire_bytes == 0


def test_a_certificate_of_another_name_gets_nothing(stack, secure):
    """The host name is checked: the certificate is that of 127.0.0.1 and localhost alone."""
    transport = DirectTransport(
        "logs",
        Endpoint("https", "127.0.0.2", secure.port, secure.region),
        lambda: credentials_of(secure),
        SystemClock(),
        trust=Trust(str(secure.ca_file)),
    )
    transport._reach = lambda deadline: socket.create_connection(("127.0.0.1", secure.port))
    stack.callback(transport.close)

    assert transport.send(RECORDS, PATIENT).error == "CertificateNotTrusted"
    assert secure.ledger.wire_bytes == 0


def test_in_auto_botocore_takes_over_where_we_do_not_trust(stack, secure, monkeypatch, capfd):
    """`auto`: a certificate that only botocore's settings trust is not the end."""
    environ = {**secure.environment(), "AWS_CA_BUNDLE": ""}
    for name in ("AWS_CONFIG_FILE", "AWS_SHARED_CREDENTIALS_FILE"):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", "/nonexistent")
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    _diagnostics.forget()
    environ = Environment.now().sdk_variables
    transport = make_transport(Settings(), "logs", None, SystemClock(), environ)
    assert isinstance(transport, DirectTransport)
    stack.callback(transport.close)
    environ["AWS_CA_BUNDLE"] = str(secure.ca_file)

    outcomes = [transport.send(RECORDS, PATIENT) for _ in range(2)]

    assert all(outcome.codes is not None for outcome in outcomes), outcomes
    told = capfd.readouterr().err
    assert told.count("sending with botocore from now on (CertificateNotTrusted)") == 1
    transport._successor.close()


@pytest.mark.parametrize("code", ["InvalidSignatureException", "UnrecognizedClientException"])
def test_a_refused_signature_hands_over_for_good(stack, firehose, code):
    """In `auto` a refusal of how we sign is answered by botocore, in the same call."""
    firehose.faults.set(Fault.error_answer(code, "no", 403))
    successor = MemoryTransport()
    transport = direct(stack, firehose, fallback=lambda: successor)

    outcomes = [transport.send(RECORDS, PATIENT) for _ in range(3)]

    assert all(outcome.codes is not None for outcome in outcomes)
    assert len(successor.calls) == 3
    assert len(firehose.ledger.calls) == 1


class Thawed(SystemClock):
    """A clock of an environment that was frozen for ten minutes after the first signature."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def epoch(self) -> float:
        """Seconds since 1970."""
        self.looks += 1
        return SystemClock.epoch() - (600 if self.looks == 1 else 0)


def test_a_signature_that_grew_old_is_made_anew(stack, firehose):
    """A freeze between signing and sending is no reason to hand over to botocore for good."""
    successor = MemoryTransport()
    transport = direct(stack, firehose, clock=Thawed(), fallback=lambda: successor)

    outcome = transport.send(RECORDS, PATIENT)

    assert outcome.codes is not None, outcome
    assert not successor.calls
    assert not any(outcome.codes)


def test_a_successor_that_is_not_there_does_not_take_over(stack, firehose):
    """Without botocore a refusal is one call's, and the next one is ours again."""

    def missing():
        raise ImportError("No module named 'botocore'")

    firehose.faults.set(Fault.error_answer("InvalidSignatureException", "no", 403, times=1))
    transport = direct(stack, firehose, fallback=missing)

    assert verdict(transport.send(RECORDS, PATIENT), len(RECORDS)) == BLOCKED
    assert transport.send(RECORDS, PATIENT).codes is not None


def test_a_refusal_of_both_is_what_is_told(stack, firehose):
    """Wrong keys: botocore is refused too, and its refusal counts."""
    wrong = Credentials("AKIDEXAMPLE", "wrong", None)
    refused = CallOutcome(error="UnrecognizedClientException", message="botocore's", status=403)
    transport = direct(
        stack, firehose, credentials=lambda: wrong, fallback=lambda: MemoryTransport([refused])
    )

    outcome = transport.send(RECORDS, PATIENT)

    assert outcome is refused
    assert verdict(outcome, 1) == BLOCKED


# -- secrets ------------------------------------------------------------------------------------


def test_no_secret_in_an_outcome(stack, firehose):
    """A service that repeats our own headers does not make us print them."""
    keys = credentials_of(firehose)
    echo = (
        f"The canonical string should have been 'x-amz-security-token:{TOKEN}' and "
        f"Credential={keys.access_key}/20260101/us-east-1/firehose/aws4_request, Signature=abcdef12"
    )
    firehose.faults.set(Fault.error_answer("InvalidSignatureException", echo, 403))

    outcome = direct(stack, firehose).send(RECORDS, PATIENT)

    said = f"{outcome!r} {outcome.error} {outcome.message}"
    for secret in (keys.access_key, keys.secret_key, TOKEN, "abcdef12"):
        assert secret not in said
    assert "canonical string" in said


def test_no_secret_in_a_failure_to_get_credentials(stack, firehose):
    """What a credentials source raises is masked too, and blocks the stream."""

    def broken():
        raise ValueError("SecretAccessKey: hushhush security-token=hushhush")

    outcome = direct(stack, firehose, credentials=broken).send(RECORDS, PATIENT)

    assert "hushhush" not in f"{outcome!r} {outcome.message}"
    assert verdict(outcome, 1) == BLOCKED
    assert not firehose.ledger.calls
