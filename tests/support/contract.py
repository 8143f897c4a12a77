"""One contract, four platforms: what a runtime and its extensions may rely on.

A test asks for the fixture ``platform`` and says with ``applies`` where its rule holds, and why it
does not elsewhere. Init is held until the test lets it go on, so that calls can be made in it.
"""

from __future__ import annotations

import contextlib
import shlex
import sys
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, ClassVar

import pytest

from local_lambda import Function, LocalLambda
from support.local_lambda_fixtures import (
    NEXT,
    STUB_RUNTIME,
    Answer,
    Api,
    write_function,
    write_script,
)
from support.rie_managed import ManagedRie, why_not
from tools import clients, rie
from tools.waiting import wait_until

CLASSIC, MANAGED, LOCAL = "RIE classic", "RIE Managed Instances", "local Lambda"
LOCAL_MANAGED = "local Lambda, Managed Instances"
PLATFORMS = (CLASSIC, MANAGED, LOCAL, LOCAL_MANAGED)

#: Notes every signal that may be caught, and with the word "stubborn" outlives SIGTERM.
_SIGNALS = """
def on_signal(number, frame):
    with open(os.path.join(tmp, "sigterm"), "a") as file:
        file.write("x")
    if "stubborn" not in sys.argv:
        os._exit(0)


signal.signal(signal.SIGTERM, on_signal)
with open(os.path.join(tmp, "started"), "a") as file:
    file.write("x")
"""
#: Answers in pieces, and may say with the last one that it has failed.
_STREAM = """
def stream(path, pieces, trailers):
    with socket.create_connection((host, int(port))) as connection:
        head = [f"POST {path} HTTP/1." + "1", f"Host: {host}", "Transfer-Encoding: chunked",
                "Lambda-Runtime-Function-Response-Mode: streaming", "Connection: close",
                "Content-Type: application/octet-stream", *(f"Trailer: {n}" for n in trailers)]
        connection.sendall("\\r\\n".join(head).encode() + b"\\r\\n\\r\\n")
        for piece in pieces:
            connection.sendall(f"{len(piece):x}\\r\\n{piece}\\r\\n".encode())
        ends = "".join(f"{name}: {value}\\r\\n" for name, value in trailers.items())
        connection.sendall(f"0\\r\\n{ends}\\r\\n".encode())
        while connection.recv(65536):
            pass


"""
_STREAMING = """    if "stream" in event:
        stream(base + "/response", event["stream"], event.get("trailers", {}))
        continue
    if "attempt" in event:
        named = [("Lambda-Runtime-Invocation-Id", event["attempt"])]
        status, _, said = call("POST", base + "/response", b"1", named)
        call("POST", base + "/response", json.dumps([status, json.loads(said)]).encode())
        continue
    if "metadata" in event:
        import http.client
        api = os.environ.get("AWS_LAMBDA_METADATA_API")
        told = None
        if api is not None:
            connection = http.client.HTTPConnection(api, timeout=5)
            token = "Bearer " + os.environ["AWS_LAMBDA_METADATA_TOKEN"]
            connection.request("GET", event["metadata"], headers={"Authorization": token})
            answer = connection.getresponse()
            told = [answer.status, answer.read().decode()]
        call("POST", base + "/response", json.dumps({"told": told}).encode())
        continue
    if "hold_bytes" in event:
        held = b"x" * event["hold_bytes"]
        time.sleep(5)
"""
#: Asked in the older version the emulator answers in one piece.
_STUB = STUB_RUNTIME.replace("HTTP/1.1", "HTTP/1.0")
_HEAD, _MARK, _TAIL = _STUB.partition('open(os.path.join(tmp, "importing")')
_ASKING = 'while True:\n    open(os.path.join(tmp, "asking"), "w").close()'
_LOOP = _TAIL.replace('    if "wrong_id" in event:', _STREAMING + '    if "wrong_id" in event:')
RUNTIME = f"{_HEAD}{_SIGNALS}{_STREAM}{_MARK}{_LOOP}".replace("while True:", _ASKING)


def applies(**why_not_on: str) -> pytest.MarkDecorator:
    """Where a rule does not hold, by ``classic``, ``managed`` or ``local``, and why.

    ``managed`` is said of both Managed Instances, the emulator's and the local Lambda's.
    """
    names = {
        "classic": (CLASSIC,),
        "managed": (MANAGED, LOCAL_MANAGED),
        "local": (LOCAL,),
    }
    reasons = {each: why for name, why in why_not_on.items() for each in names[name]}
    return pytest.mark.conformance(table="The contract", columns=["platform"], absent=reasons)


class Environment(ABC):
    """A platform with the stub runtime, whose Init is held.

    ``words`` go to the runtime. ``external`` are scripts for /opt/extensions, by name.
    """

    name: ClassVar[str]

    def __init__(self, scratch: Path, *words: str, timeout: int = 10, **external: str) -> None:
        self.words = ("hold", *words)
        self.timeout = timeout
        self.function = write_function(scratch / "function", RUNTIME, "runtime.py")
        self.opt = scratch / "layer"
        self.opt.mkdir()
        preamble = f"#!{_system_python()} -SE\n" + _STUB.split("open(os.path", maxsplit=1)[0]
        for name, source in external.items():
            write_script(self.opt / "extensions" / name, preamble + source)
        self._stack = ExitStack()
        self._pool = self._stack.enter_context(ThreadPoolExecutor(16))
        #: The invocation that Init is for.
        self.first: Future[Any] = Future()
        self.tmp = scratch / "tmp"

    @abstractmethod
    def begin(self) -> None:
        """Start it; return when the runtime is in its Init, which then waits for ``release``."""

    @abstractmethod
    def call(self, event: Any) -> Any:
        """Invoke and return what the caller gets, errors included, as JSON."""

    @abstractmethod
    def stop(self) -> None:
        """End the environment as the platform does."""

    def settle(self) -> None:  # noqa: B027 - the emulator does not say
        """Wait until telemetry was taken, where that is known: what is left at the end is lost."""

    @property
    @abstractmethod
    def api(self) -> Api:
        """Calls to the Lambda APIs."""

    @property
    @abstractmethod
    def output(self) -> str:
        """What the runtime wrote."""

    def release(self) -> None:
        """Let the runtime ask for its first event."""
        (self.tmp / "go").touch()

    def invoke(self, event: Any = None) -> Future[Any]:
        """Invoke on another thread."""
        return self._pool.submit(self.call, {} if event is None else event)

    def next(self, identifier: str) -> Future[Answer]:
        """Ask for an extension's next event on another thread."""

        def ask() -> Answer:
            with contextlib.suppress(OSError):  # the environment has ended
                return self.api.next(identifier, 60.0)
            return Answer(0, {}, b"{}")

        return self._pool.submit(ask)

    def runtime_has_asked(self) -> None:
        """Wait until the runtime has asked for an event, and the platform had time to answer."""
        wait_until((self.tmp / "asking").exists, what="the runtime's next")
        for _ in range(50):
            assert self.api.call("GET", NEXT).status == 403

    def count(self, name: str) -> int:
        """How often the runtime noted something: ``started``, ``sigterm``."""
        path = self.tmp / name
        return len(path.read_text()) if path.exists() else 0

    def close(self) -> None:
        """End what is left."""
        self.release()
        self._stack.close()

    def _wait_for_runtime(self) -> None:
        wait_until((self.tmp / "importing").exists, what=f"the runtime's start\n{self.output}")


class Local(Environment):
    """``local_lambda``."""

    name = LOCAL
    settings: ClassVar[dict[str, Any]] = {}

    def begin(self) -> None:
        argv = [sys.executable, "-S", "-E", "runtime.py", *self.words]
        layers = [self.opt] if (self.opt / "extensions").exists() else []
        function = Function(
            self.function,
            "none.none",
            start_up=argv,
            timeout=float(self.timeout),
            layers=layers,
            **self.settings,
        )
        self.env = LocalLambda(function)
        self.tmp = self.env.tmp
        self._stack.callback(self.env.close, abort=True)
        self.env.start()
        # As in the emulator's classic mode, where Init belongs to the first invocation.
        self.first = self.invoke()
        self._wait_for_runtime()

    @property
    def api(self) -> Api:
        return Api(self.env.runtime_api)

    def call(self, event: Any) -> Any:
        answer = self.env.invoke(event)
        return answer.payload

    def settle(self) -> None:
        self.env.thaw()  # who is frozen takes nothing
        relay = self.env._journal.relay
        relay.flush()
        wait_until(lambda: relay.settled, what="the listener to take everything")

    def stop(self) -> None:
        self.env.shutdown()

    @property
    def output(self) -> str:
        return "\n".join(event.text for event in self.env.output)


class LocalManaged(Local):
    """``local_lambda`` as Managed Instances, with one worker that is the runtime itself."""

    name = LOCAL_MANAGED
    settings: ClassVar[dict[str, Any]] = {"max_concurrency": 1}


class _Emulator(Environment):
    env: rie.Rie
    address: str

    @property
    def api(self) -> Api:
        return Api(self.address)

    def call(self, event: Any) -> Any:
        return self.env.invoke(event).body

    def stop(self) -> None:
        self.env.stop()

    @property
    def output(self) -> str:
        return self.env.output


class Classic(_Emulator):
    """AWS's emulator; with external extensions in a mount namespace that has an /opt for them."""

    name = CLASSIC

    def begin(self) -> None:
        self.tmp.mkdir()
        variables = {"TMPDIR": str(self.tmp), "AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.timeout)}
        scratch = self.opt.parent
        self.env = rie.Rie(self.function, "none.none", scratch, environment=variables)
        command = self.env.command
        flags = command[: command.index(sys.executable)]
        self.address = flags[flags.index("--runtime-api-address") + 1]
        self.env.command = [*flags, sys.executable, "-S", "-E", "runtime.py", *self.words]
        if (self.opt / "extensions").exists():
            script = f'mount --bind {shlex.quote(str(self.opt))} /opt; exec "$@"'
            self.env.command = ["unshare", "--mount", "sh", "-c", script, "rie", *self.env.command]
        self._stack.enter_context(self.env)
        self.first = self.invoke()
        self._wait_for_runtime()


class Managed(_Emulator):
    """AWS's emulator of Managed Instances, with one worker that is the runtime itself."""

    name = MANAGED

    def begin(self) -> None:
        python = clients.interpreter(max(clients.interpreters(), key=lambda v: int(v[2:])))
        env = ManagedRie(
            self.function,
            "none.none",
            self.opt.parent,
            python=python,
            client=self.function,  # the stub needs none
            workers=1,
            opt=self.opt,
            environment={"AWS_LAMBDA_FUNCTION_TIMEOUT": str(self.timeout), "TMPDIR": "/tmp"},
        )
        self.env = env
        name = python.resolve().name
        env.run(f"/var/lang/bin/{name} -S -E /var/task/runtime.py {shlex.join(self.words)}")
        self.address = env.command[env.command.index("--runtime-api-address") + 1]
        # The emulator runs Init before it takes invocations.
        self._stack.enter_context(env)
        self._wait_for_runtime()
        self.first = self.invoke()


KINDS: dict[str, type[Environment]] = {
    kind.name: kind for kind in (Classic, Managed, Local, LocalManaged)
}
Open = Callable[..., Environment]


def _system_python() -> str:
    """An interpreter that every user may run; external extensions are not root's."""
    system = Path("/usr/bin/python3")
    return str(system.resolve()) if system.exists() else sys.executable


def parametrize(metafunc: pytest.Metafunc) -> None:
    """Give ``platform`` the platforms that the test's rule holds on."""
    if "platform" in metafunc.fixturenames:
        absent = {}
        for mark in metafunc.definition.iter_markers("conformance"):
            absent.update(mark.kwargs.get("absent", {}))
        names = [name for name in PLATFORMS if name not in absent]
        metafunc.parametrize("platform", names, indirect=True)


@contextmanager
def opener(name: str, scratch: Path) -> Iterator[Open]:
    """What the fixture ``platform`` gives: call it to start an environment."""
    reason = None
    if name == CLASSIC and not rie.BINARY.exists():
        reason = "no emulator: run `make rie`"
    elif name == MANAGED:
        reason = why_not()
    if reason is not None:
        pytest.skip(reason)
    with ExitStack() as stack:

        def start(*words: str, **options: Any) -> Environment:
            if name == CLASSIC and set(options) - {"timeout"} and why_not() is not None:
                pytest.skip(why_not() or "")
            environment = KINDS[name](scratch, *words, **options)
            stack.callback(environment.close)
            environment.begin()
            return environment

        start.platform = name  # type: ignore[attr-defined]
        yield start
