"""The function of this package in a local Lambda, with the layer and a local Firehose."""

from __future__ import annotations

import re
import shutil
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from local_firehose import DeliveryStream, LocalFirehose
from local_lambda import Function, LocalLambda
from tools import build_layer
from tools.ports import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CODE = Path(__file__).resolve().parent / "function"
STREAM = "logs"

#: Seconds that runtime and extension may take to come to rest after an invocation.
REST = 20.0

_DEFAULTS = Function(CODE, "app.handler")
_IDS = re.compile(rb"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_FOLDERS = re.compile(rb"/[^\"\s]*/local-lambda-[^/\"]+/")


@contextmanager
def built_layer() -> Iterator[Path]:
    """The layer, built from the sources as they are now into a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="faults-layer-") as folder:
        layer = Path(folder) / "layer"
        build_layer.build(layer)
        yield layer


class Deployment:
    """A layer, a Firehose, a ``/tmp`` that outlives environments, and variables.

    Args:
        layer: laid out as ``/opt``; None deploys the bare function.
        variables: besides those that every deployment has.
        tls: whether Firehose speaks TLS; its authority is then in ``firehose.ca_file``.
        code: folder of the function.
        credentials: access key, secret key and session token; None takes the local Lambda's.
    """

    def __init__(
        self,
        layer: Path | None,
        variables: dict[str, str] | None = None,
        *,
        tls: bool = False,
        code: Path = CODE,
        credentials: tuple[str, str, str] | None = None,
    ) -> None:
        self._stack = ExitStack()
        self._layer = layer
        self._code = code
        self._credentials = credentials or (
            _DEFAULTS.access_key, _DEFAULTS.secret_key, _DEFAULTS.session_token,
        )  # fmt: skip
        access_key, secret_key, session_token = self._credentials
        root = Path(tempfile.mkdtemp(prefix="faults-"))
        self._stack.callback(shutil.rmtree, root, ignore_errors=True)
        self.tmp = root / "tmp"
        self.tmp.mkdir()
        self.firehose = self._stack.enter_context(
            LocalFirehose(
                # No quota: throttling comes as a fault, where we know of it.
                [DeliveryStream(STREAM, bucket=root / "bucket", throughput=None)],
                region=_DEFAULTS.region,
                access_key=access_key,
                secret_key=secret_key,
                session_token=session_token,
                tls=tls,
            )
        )
        self.variables = {
            "AWS_ENDPOINT_URL_FIREHOSE": self.firehose.endpoint_url,
            "AWS_KINESIS_STREAM_NAME": STREAM,
            "AWS_LAMBDA_EXEC_WRAPPER": "/opt/firehose_wrapper",
            "HTTP_LOGS_LISTENER_PORT": str(free_port()),
            "TMPDIR": str(self.tmp),
            **(variables or {}),
        }
        if layer is None:
            del self.variables["AWS_LAMBDA_EXEC_WRAPPER"]

    def environment(self, timeout: float = 8.0, **options: Any) -> LocalLambda:
        """A new environment with the old ``/tmp``; enter it to start it."""
        access_key, secret_key, session_token = self._credentials
        function = Function(
            self._code,
            "app.handler",
            layers=() if self._layer is None else (self._layer,),
            environment=self.variables,
            timeout=timeout,
            access_key=access_key,
            secret_key=secret_key,
            session_token=session_token,
        )
        return LocalLambda(function, **options)

    def lines(self) -> list[dict[str, Any]]:
        """Everything that Firehose has stored, in the order it came."""
        self.firehose.flush()
        return list(self.firehose.stream(STREAM).lines())

    def accepted(self) -> set[int]:
        """The numbers whose log call had returned."""
        path = self.tmp / "accepted"
        # A process that is killed may leave half a number, never a wrong one.
        text = path.read_text() if path.exists() else ""
        return {int(number) for number in text.split("\n")[:-1] if number}

    def __enter__(self) -> Deployment:
        return self

    def __exit__(self, *error: object) -> None:
        self._stack.close()


def masked(raw: bytes) -> bytes:
    """An answer without what differs from run to run: request ids and folders."""
    return _IDS.sub(b"ID", _FOLDERS.sub(b"/", raw))


def held(environment: LocalLambda) -> float:
    """Most milliseconds between an answer to a caller and our asking for the next event."""
    return max(holds(environment), default=0.0)


def holds(environment: LocalLambda) -> list[float]:
    """Milliseconds between each answer to a caller and our asking for the next event.

    0 where that was asked for before the answer.
    """
    found: list[float] = []
    answered, asked = None, False
    for event in environment.timeline:
        if event.source == "platform" and event.what == "invoke":
            answered, asked = None, False
        elif event.source == "caller" and event.what == "answered":
            answered = event.at
            if asked:
                found.append(0.0)
        elif event.source.startswith("extension:") and event.what == "next" and not asked:
            asked = True
            if answered is not None:
                found.append((event.at - answered) * 1000)
    return found
