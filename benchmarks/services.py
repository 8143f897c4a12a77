"""What the candidates send to: a local Firehose, and stand-ins for CloudWatch Logs and OTLP."""

from __future__ import annotations

import socket
import tempfile
import threading
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.candidates import STREAM
from local_lambda import Function
from local_lambda.firehose import DeliveryStream, Fault, LocalFirehose

if TYPE_CHECKING:
    from types import TracebackType

_CREDENTIALS = Function(Path(__file__).parent / "functions", "bare.handler")


class _Accepts(BaseHTTPRequestHandler):
    """Takes anything, says yes."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Read and discard; an empty answer is success for OTLP and for CloudWatch Logs."""
        self.rfile.read(int(self.headers.get("Content-Length", 0)))
        body = b"{}" if "amz-json" in self.headers.get("Content-Type", "") else b""
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - http.server's name
        """Say nothing."""


class Services:
    """Servers on loopback for one section of the benchmarks; a context manager.

    Args:
        tls: Firehose over TLS, with a certificate made for this run.
        round_trip: seconds that Firehose takes for each answer, at least.
    """

    def __init__(self, *, tls: bool = False, round_trip: float = 0.0) -> None:
        self._tls = tls
        self._round_trip = round_trip
        self._stack = ExitStack()

    def __enter__(self) -> Services:
        """Start them."""
        bucket = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")))
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
        self._sink = ThreadingHTTPServer(("127.0.0.1", 0), _Accepts)
        self._sink.daemon_threads = True
        thread = threading.Thread(target=self._sink.serve_forever, daemon=True)
        thread.start()
        self._stack.callback(thread.join, 5)
        self._stack.callback(self._sink.server_close)
        self._stack.callback(self._sink.shutdown)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop them."""
        self._stack.close()

    def variables(self) -> dict[str, str]:
        """For a function: every candidate finds its service, and none the real one."""
        sink = f"http://127.0.0.1:{self._sink.server_port}"
        variables = {
            "AWS_KINESIS_STREAM_NAME": STREAM,
            "AWS_ENDPOINT_URL_FIREHOSE": self.firehose.endpoint_url,
            "AWS_ENDPOINT_URL_CLOUDWATCH_LOGS": sink,
            "OTEL_EXPORTER_OTLP_ENDPOINT": sink,
            "HTTP_LOGS_LISTENER_PORT": str(free_port()),
        }
        if self.firehose.ca_file is not None:
            variables["AWS_CA_BUNDLE"] = str(self.firehose.ca_file)
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


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        return int(server.getsockname()[1])
