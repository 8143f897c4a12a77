"""User, mount, process and network namespaces of one environment, where the kernel gives them.

`namespace_init` is the first process in them; this is the emulator's end of the line to it. Its
end ends every process of the environment, so the death of the emulator, however it comes, does.
"""

from __future__ import annotations

import array
import contextlib
import functools
import itertools
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .launcher import LaunchError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

PROGRAM = Path(__file__).with_name("namespace_init.py")
#: Seconds for it to be ready, and to answer.
START_SECONDS = 20.0
ANSWER_SECONDS = 10.0
MAX_MESSAGE = 1024 * 1024


class NamespacesError(Exception):
    """The kernel does not let us; the message says what it refused."""


@dataclass(frozen=True)
class Layout:
    """What the environment's file system is made of.

    `places`: path in the environment, folder or file of this machine, whether it may be written
    to. `visible`: paths of this machine that `places` would hide and that are needed.
    `mountpoint`: an empty folder. `network`: a network of its own.
    """

    mountpoint: Path
    places: tuple[tuple[str, Path, bool], ...] = ()
    visible: tuple[Path, ...] = ()
    network: bool = False

    def to_json(self) -> bytes:
        """Return what the first process is told."""
        value = {
            "mountpoint": str(self.mountpoint),
            "places": [[path, str(source), writable] for path, source, writable in self.places],
            "visible": [str(path) for path in self.visible],
            "network": self.network,
        }
        return json.dumps(value).encode()


class _Child:
    """A program in the namespaces."""

    def __init__(self, namespaces: Namespaces, inner: int, pid: int) -> None:
        self._namespaces = namespaces
        self._inner = inner
        self._ended = threading.Event()
        self._code = -signal.SIGKILL
        self.pid = pid

    def ended(self, code: int) -> None:
        """Note the end."""
        if not self._ended.is_set():
            self._code = code
            self._ended.set()

    def wait(self) -> int:
        """As of `Launched`."""
        self._ended.wait()
        return self._code

    def release(self) -> None:
        """As of `Launched`."""
        self._namespaces.reap(self._inner)


class Namespaces:
    """A `Launcher` whose programs live in namespaces of their own, laid out as `layout` says."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._lock = threading.Lock()
        self._ids = itertools.count(1)
        self._process: subprocess.Popen[bytes] | None = None
        self._control: socket.socket | None = None
        self._reader: threading.Thread | None = None
        self._pid = 0
        self._changed = threading.Condition()
        # Guarded by _changed.
        self._replies: dict[int, tuple[dict[str, Any], int | None, int | None]] = {}
        self._children: dict[int, _Child] = {}
        self._early: dict[int, int] = {}
        self._gone = False
        #: The namespaces that are new, once open.
        self.names: tuple[str, ...] = ()

    def open(self) -> None:
        """Start the first process; raise `NamespacesError`."""
        if self._process is not None:
            return
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        ours.settimeout(START_SECONDS)
        with theirs:
            self._process = subprocess.Popen(
                [sys.executable, "-I", "-S", str(PROGRAM), str(theirs.fileno())],
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
        self._control = ours
        try:
            ours.sendall(self._layout.to_json())
            message, pid, _ = self._receive()
        except (OSError, ValueError) as error:
            self.close()
            raise NamespacesError(f"the first process did not start: {error}") from None
        if "failed" in message:
            self.close()
            raise NamespacesError(f"{message['failed']} {message['detail']}".strip())
        self.names = tuple(message["namespaces"])
        self._pid = pid or self._process.pid
        ours.settimeout(None)
        self._reader = threading.Thread(target=self._read, name="namespaces", daemon=True)
        self._reader.start()

    def start(
        self,
        argv: Sequence[str],
        env: Mapping[str, str],
        cwd: str,
        streams: tuple[int, int, int],
        named: Mapping[str, int],
    ) -> _Child:
        """As of `Launcher`."""
        request = {"argv": list(argv), "env": dict(env), "cwd": cwd, "fds": list(named)}
        try:
            reply, pid, _ = self._ask("start", request, [*streams, *named.values()])
        except OSError as error:
            raise LaunchError(str(error)) from None
        inner = int(reply["pid"])
        child = _Child(self, inner, pid or inner)
        with self._changed:
            self._children[inner] = child
            if inner in self._early:
                child.ended(self._early.pop(inner))
            if self._gone:
                child.ended(-signal.SIGKILL)
        return child

    def outer_pid(self, pid: int) -> int:
        """As of `Launcher`."""
        _, outer, _ = self._ask("outer", {"pid": pid})
        return outer or pid

    def signal_all(self, number: int, spare: int | None = None) -> None:
        """As of `Launcher`."""
        with self._changed:
            spared = [inner for inner, child in self._children.items() if child.pid == spare]
        with contextlib.suppress(OSError):
            self._ask("signal_all", {"number": number, "spare": spared})

    def roots(self) -> list[int]:
        """As of `Launcher`."""
        return [self._process.pid] if self._process is not None else []

    def connect(self, port: int) -> socket.socket:
        """As of `Launcher`; through the network of its own, where there is one."""
        if "network" not in self.names:
            return socket.create_connection(("127.0.0.1", port), 2.0)
        _, _, fd = self._ask("connect", {"port": port})
        return socket.socket(fileno=fd)

    def listen(self, port: int) -> socket.socket:
        """Return a socket that listens on a port of the environment's loopback address."""
        _, _, fd = self._ask("listen", {"port": port})
        return socket.socket(fileno=fd)

    def reap(self, inner: int) -> None:
        """Let the id of a program that has ended be used again."""
        with self._changed:
            self._children.pop(inner, None)
        with contextlib.suppress(OSError):
            self._ask("reap", {"pid": inner})

    def close(self) -> None:
        """End everything in the namespaces and wait for it; idempotent."""
        if self._control is not None:
            with contextlib.suppress(OSError):
                self._control.shutdown(socket.SHUT_RDWR)
        if self._process is not None:
            try:
                self._process.wait(ANSWER_SECONDS)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._reader is not None:
            self._reader.join(ANSWER_SECONDS)
        if self._control is not None:
            self._control.close()

    def _ask(
        self, what: str, request: dict[str, Any], fds: Sequence[int] = ()
    ) -> tuple[dict[str, Any], int | None, int | None]:
        """Send a request and wait for its reply, process id and descriptor; raise `OSError`."""
        number = next(self._ids)
        data = json.dumps({"do": what, "id": number, **request}).encode()
        rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        if self._control is None:
            raise ConnectionError("the environment's namespaces are not open")
        with self._lock:
            self._control.sendmsg([data], rights)
        with self._changed:
            if not self._changed.wait_for(
                lambda: number in self._replies or self._gone, ANSWER_SECONDS
            ):
                raise TimeoutError(f"no answer to {what}")
            if number not in self._replies:
                raise ConnectionError("the environment's first process is gone")
            reply, pid, fd = self._replies.pop(number)
        if "error" in reply:
            raise OSError(reply["error"])
        return reply, pid, fd

    def _receive(self) -> tuple[dict[str, Any], int | None, int | None]:
        assert self._control is not None
        data, extra, _, _ = self._control.recvmsg(
            MAX_MESSAGE, socket.CMSG_SPACE(256), socket.MSG_CMSG_CLOEXEC
        )
        if not data:
            raise ConnectionResetError("the first process ended")
        pid: int | None = None
        fd: int | None = None
        for level, kind, value in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_CREDENTIALS):
                pid = struct.unpack("3i", value)[0]
            elif (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                fd = struct.unpack_from("i", value)[0]
        return json.loads(data), pid, fd

    def _read(self) -> None:
        while True:
            try:
                message, pid, fd = self._receive()
            except (OSError, ValueError):
                break
            with self._changed:
                if "ended" in message:
                    child = self._children.get(message["ended"])
                    if child is not None:
                        child.ended(message["code"])
                    else:
                        self._early[message["ended"]] = message["code"]
                else:
                    self._replies[message["reply"]] = (message, pid, fd)
                self._changed.notify_all()
        with self._changed:
            self._gone = True
            for child in self._children.values():
                child.ended(-signal.SIGKILL)
            self._changed.notify_all()


@functools.lru_cache(maxsize=2)
def why_not(*, network: bool = False) -> str | None:
    """Return why this machine gives no namespaces, None when it does; tried out once."""
    if not sys.platform.startswith("linux"):
        return f"there are none on {sys.platform}"
    with tempfile.TemporaryDirectory(prefix="local-lambda-try-") as folder:
        root = Path(folder)
        for name in ("mountpoint", "task", "tmp"):
            (root / name).mkdir()
        places = (("/var/task", root / "task", False), ("/tmp", root / "tmp", True))  # noqa: S108
        trial = Namespaces(Layout(root / "mountpoint", places, network=network))
        try:
            trial.open()
        except (NamespacesError, OSError) as error:
            return str(error)
        finally:
            trial.close()
    return None


def hosts_file(folder: Path) -> Path:
    """Write an /etc/hosts that knows the sandbox's own names; return its path."""
    try:
        text = Path("/etc/hosts").read_text(encoding="utf-8", errors="replace").rstrip("\n")
    except OSError:
        text = "127.0.0.1 localhost"
    path = folder / "hosts"
    path.write_text(f"{text}\n127.0.0.1 sandbox.localdomain sandbox\n", encoding="utf-8")
    return path


def hidden(path: Path, places: Sequence[str]) -> bool:
    """Tell whether a path of this machine lies below one of `places`."""
    return any(str(path).startswith(f"{place}{os.sep}") for place in places)
