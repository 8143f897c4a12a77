"""What the candidates send to: a local Firehose, and a stand-in for CloudWatch Logs and OTLP."""

from __future__ import annotations

import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING

import botocore

from benchmarks.candidates import STREAM, Candidate
from benchmarks.serving import Answers, Server
from local_firehose import DeliveryStream, Fault, LocalFirehose, certificate
from local_lambda import Function
from tools.ports import free_port

if TYPE_CHECKING:
    from types import TracebackType

_CREDENTIALS = Function(Path(__file__).parent / "functions", "bare.handler")


class _Accepts(Answers):
    """Takes anything, says yes."""

    def do_POST(self) -> None:  # noqa: N802 - http.server asks for it
        """Read and discard; an empty answer is success for OTLP and for CloudWatch Logs."""
        self.read()
        assert isinstance(self.server, Sink)
        self.server.count()
        self.server.wait()
        body = b"{}" if "amz-json" in self.headers.get("Content-Type", "") else b""
        self.answer(body, Content_Type="application/x-amz-json-1.1")


class Sink(Server):
    """Takes every POST on a port of its own and counts them."""

    def __init__(self, round_trip: float) -> None:
        super().__init__(_Accepts)
        self._round_trip = round_trip
        self._lock = threading.Lock()
        self.posts = 0

    def count(self) -> None:
        """One more."""
        with self._lock:
            self.posts += 1

    def wait(self) -> None:
        """As long as a round trip takes."""
        if self._round_trip:
            time.sleep(self._round_trip)


class Forgetful:
    """A bucket that keeps nothing, for more than a disk should hold."""

    name = "forgetful"

    def check_key(self, key: str) -> None:
        """Any key will do."""

    def put(self, key: str, body: bytes, content_encoding: str | None) -> None:
        """Forget it."""

    def get(self, key: str) -> bytes:
        """Nothing.

        Raises:
            KeyError: always.
        """
        raise KeyError(key)

    def keys(self, prefix: str = "") -> list[str]:
        """None."""
        del prefix
        return []


class Services:
    """Servers on loopback for one section of the benchmarks; a context manager.

    Args:
        tls: over TLS, with certificates made for this run.
        round_trip: seconds that each answer takes, at least.
        keeps: whether what arrives at Firehose can be read afterwards; False only counts it.
    """

    def __init__(self, *, tls: bool = False, round_trip: float = 0.0, keeps: bool = True) -> None:
        self._tls = tls
        self._round_trip = round_trip
        self._keeps = keeps
        self._stack = ExitStack()
        self._ca_file: Path | None = None

    def __enter__(self) -> Services:
        """Start them."""
        folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
        bucket = folder / "bucket" if self._keeps else Forgetful()
        self.firehose = self._stack.enter_context(
            LocalFirehose(
                # Quotas lifted: what is measured is the sender.
                [DeliveryStream(STREAM, bucket=bucket, throughput=None)],
                region=_CREDENTIALS.region,
                access_key=_CREDENTIALS.access_key,
                secret_key=_CREDENTIALS.secret_key,
                session_token=_CREDENTIALS.session_token,
                tls=self._tls,
            )
        )
        if self._round_trip:
            self.firehose.faults.add(Fault.latency(self._round_trip * 1000))
        self._sink = Sink(self._round_trip)
        if self.firehose.ca_file is not None:
            self._add_tls(folder, self.firehose.ca_file)
        self._stack.enter_context(self._sink)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them."""
        self._stack.close()

    def received(self, candidate: Candidate) -> int:
        """Records in Firehose, or calls to the stand-in, so far: where this candidate sends."""
        if candidate.delivers_to == "firehose":
            return self.firehose.ledger.records
        return self._sink.posts

    def variables(self) -> dict[str, str]:
        """For a function: every candidate finds its service, and none the real one."""
        sink = f"{'https' if self._tls else 'http'}://127.0.0.1:{self._sink.server_port}"
        variables = {
            "AWS_KINESIS_STREAM_NAME": STREAM,
            "AWS_ENDPOINT_URL_FIREHOSE": self.firehose.endpoint_url,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": sink,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink,
            "HTTP_LOGS_LISTENER_PORT": str(free_port()),
        }
        if self._ca_file is not None:
            variables["AWS_CA_BUNDLE"] = str(self._ca_file)
            variables["OTEL_EXPORTER_OTLP_CERTIFICATE"] = str(self._ca_file)
        return variables

    def credentials(self) -> dict[str, str]:
        """For a process outside of a local Lambda."""
        return {
            "AWS_ACCESS_KEY_ID": _CREDENTIALS.access_key,
            "AWS_SECRET_ACCESS_KEY": _CREDENTIALS.secret_key,
            "AWS_SESSION_TOKEN": _CREDENTIALS.session_token,
            "AWS_REGION": _CREDENTIALS.region,
            "AWS_DEFAULT_REGION": _CREDENTIALS.region,
        }

    def _add_tls(self, folder: Path, firehose_ca: Path) -> None:
        """TLS for the stand-in too, and a file of authorities for the clients.

        As in real life clients parse all of botocore's bundle; the two authorities of this run
        are appended to a copy of it, as an organisation appends its own.
        """
        made = folder / "tls"
        made.mkdir()
        context, ca_file = certificate.server_context(made)
        self._sink.socket = context.wrap_socket(self._sink.socket, server_side=True)
        self._ca_file = folder / "authorities.pem"
        bundle = Path(botocore.__file__).parent / "cacert.pem"
        parts = (bundle, ca_file, firehose_ca)
        self._ca_file.write_bytes(b"\n".join(part.read_bytes() for part in parts))
