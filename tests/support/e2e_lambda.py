"""A function of ``tests/functions`` with the layer as built, in an environment, and its bucket."""

from __future__ import annotations

import functools
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

from local_firehose import DeliveryStream, LocalFirehose
from local_lambda import Function, InvocationResult, LocalLambda, ShutdownResult
from support import versions
from support.e2e_lines import Said, assert_same, assert_whole, said_in
from tools import build_layer, rie
from tools.locks import alone
from tools.ports import free_port

ROOT = Path(__file__).resolve().parents[2]
FUNCTIONS = Path(__file__).resolve().parents[1] / "functions"
#: A run of everything takes minutes: nobody's `make layer` may change what it tests.
LAYER = ROOT / "build" / ("conformance" if versions.WHOLE else "") / "layer"
WRAPPER = "/opt/firehose_wrapper"
STREAM = "logs"

#: Seconds. What an environment may take to come to rest; a sound run needs far less.
REST = 20.0

_DEFAULTS = Function(FUNCTIONS, "app.handler")
_REQUEST_ID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z?")
_FOLDER = re.compile(r"(?<![^\s\"'])[^\s\"']*/local-lambda-[^/\s\"']+")


@functools.cache
def layer() -> Path:
    """The layer, built from the sources as they are now unless that was done already.

    Other processes may be starting functions with it: what is current is left as it is.
    """
    with alone(LAYER):
        if not build_layer.is_current(LAYER):
            build_layer.build(LAYER)
    return LAYER


@contextmanager
def open_firehose(
    folder: Path | None = None, *, tls: bool = False, **stream: Any
) -> Iterator[LocalFirehose]:
    """A local Firehose that knows the credentials and region of local Lambda functions.

    ``stream`` are settings of its one delivery stream; ``folder`` is the bucket, None makes one;
    ``tls`` has it speak HTTPS.
    """
    with ExitStack() as stack:
        bucket = folder or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bucket-")))
        yield stack.enter_context(
            LocalFirehose(
                [DeliveryStream(STREAM, bucket=bucket, **stream)],
                region=_DEFAULTS.region,
                access_key=_DEFAULTS.access_key,
                secret_key=_DEFAULTS.secret_key,
                session_token=_DEFAULTS.session_token,
                tls=tls,
            )
        )


def variables(firehose: LocalFirehose, **more: str | None) -> dict[str, str]:
    """The function's variables: stream, endpoint, wrapper, a free port; None takes one away."""
    values: dict[str, str | None] = {
        "AWS_ENDPOINT_URL_FIREHOSE": firehose.endpoint_url,
        "AWS_KINESIS_STREAM_NAME": STREAM,
        "AWS_LAMBDA_EXEC_WRAPPER": WRAPPER,
        # Not the default: other environments of this machine may be listening there.
        "HTTP_LOGS_LISTENER_PORT": str(free_port()),
        # Of Python 3.15 the newest client says at each start that it is a preview.
        "LAMBDA_DISABLE_PREVIEW_WARN": "1",
        **more,
    }
    return {name: value for name, value in values.items() if value is not None}


class Run:
    """One environment of a function, the Firehose that it writes to, and what came of it."""

    def __init__(self, env: LocalLambda, firehose: LocalFirehose) -> None:
        self.env = env
        self.firehose = firehose
        self.answers: list[InvocationResult] = []
        self.end: ShutdownResult | None = None

    def invoke(self, event: Any = None, *, rest: bool = True, **how: Any) -> InvocationResult:
        """Invoke; with ``rest`` wait until runtime and extensions are done."""
        answer = self.env.invoke({} if event is None else event, **how)
        self.answers.append(answer)
        if rest:
            assert self.env.wait_idle(REST)
        return answer

    def do(self, *steps: Any, answer: Any = None, **how: Any) -> InvocationResult:
        """Invoke the ``scripted`` function with these steps."""
        return self.invoke({"do": steps, "answer": answer}, **how)

    def shutdown(self) -> ShutdownResult:
        """End the environment as the service does."""
        self.end = self.env.shutdown()
        return self.end

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Everything in the bucket, in the order it was sent."""
        self.firehose.flush()
        return list(self.firehose.stream(STREAM).lines())

    @property
    def said(self) -> list[Said]:
        """The function's own lines in the bucket; invocations numbered as they were made."""
        lines = self.lines
        numbers = {answer.request_id: n for n, answer in enumerate(self.answers, 1)}
        unknown = {line.get("requestId") for line in lines} - {None, *numbers}
        assert not unknown, f"lines of invocations that were never made: {unknown}"
        found = []
        for line in lines:
            if line["type"] == "function":
                during = numbers[line["requestId"]] if line.get("requestId") else 0
                found += [said._replace(during=during) for said in said_in([line])]
        return found

    def expect(self, *lines: Said) -> None:
        """Exactly these lines of the function were delivered, each once, none lost."""
        assert_same(lines, self.said)
        assert_whole(self.lines)

    @property
    def output(self) -> dict[str, list[str]]:
        """What CloudWatch would hold, by stream; ids, times and folders masked.

        Between the streams there is no order: they are read from pipes of their own.
        """
        texts: dict[str, list[str]] = {"log": [], "stdout": [], "stderr": []}
        for event in self.env.output:
            texts.setdefault(event.stream, []).append(masked(event.text))
        return texts

    @property
    def told(self) -> list[str]:
        """What the package itself said on stderr."""
        prefix = "firehose_logging: "
        return [
            event.text.removeprefix(prefix)
            for event in self.env.output
            if event.text.startswith(prefix)
        ]


def masked(text: str) -> str:
    """``text`` without what differs from run to run: request ids, times, folders."""
    text = _FOLDER.sub("<work>", _TIME.sub("<time>", _REQUEST_ID.sub("<id>", text)))
    return re.sub(r"0x[0-9a-f]{6,}", "<address>", text)


@contextmanager
def deployed(
    function: str | Path = "scripted",
    environment: Mapping[str, str | None] | None = None,
    *,
    with_layer: bool = True,
    firehose: LocalFirehose | None = None,
    adjust: Callable[[dict[str, str]], None] = lambda variables: None,
    lambda_options: Mapping[str, Any] | None = None,
    handler: str = "app.handler",
    **options: Any,
) -> Iterator[Run]:
    """One environment of a function; ended when the block is left.

    ``function``: a folder, or the name of one in ``tests/functions``. ``environment``: variables
    besides the usual ones, None takes one away. ``with_layer`` False deploys the bare function.
    ``options`` are those of ``Function``, ``lambda_options`` those of ``LocalLambda``.
    """
    with ExitStack() as stack:
        if firehose is None:
            firehose = stack.enter_context(open_firehose())
        values = variables(firehose, **(environment or {}))
        if not with_layer:
            values.pop("AWS_LAMBDA_EXEC_WRAPPER", None)
        adjust(values)
        options.setdefault("layers", (layer(),) if with_layer else ())
        options.setdefault("timeout", 10.0)
        code = function if isinstance(function, Path) else FUNCTIONS / function
        deployed = Function(code, handler, environment=values, **options)
        env = stack.enter_context(LocalLambda(deployed, **(lambda_options or {})))
        yield Run(env, firehose)


@contextmanager
def deployed_on_rie(
    function: str | Path,
    scratch: Path,
    environment: Mapping[str, str | None] | None = None,
    *,
    with_layer: bool = True,
) -> Iterator[tuple[rie.Rie, LocalFirehose]]:
    """The same function, or one in a folder of its own, in AWS's emulator, with a Firehose."""
    with open_firehose() as firehose:
        more: dict[str, str | None] = {
            "AWS_LAMBDA_EXEC_WRAPPER": None,
            "AWS_LAMBDA_FUNCTION_NAME": _DEFAULTS.name,
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
        }
        values = variables(firehose, **more | dict(environment or {}))
        with rie.Rie(
            FUNCTIONS / function,
            "app.handler",
            scratch,
            layer=layer() if with_layer else None,
            environment={**firehose.environment(), **values},
        ) as environment_of_rie:
            yield environment_of_rie, firehose


def lines_of(firehose: LocalFirehose) -> list[dict[str, Any]]:
    """Everything that a Firehose has written."""
    firehose.flush()
    return list(firehose.stream(STREAM).lines())
