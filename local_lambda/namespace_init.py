"""The first process of an environment in namespaces of its own; run as a program, by path.

It unshares, lays out the file system of the service, and then starts, stops and reports processes
for the emulator at the other end of a socket. Its end is the end of all of them: the kernel kills
whatever runs in a process namespace whose first process is gone. The other side is `namespaces`.

Standard library only, and nothing of the package: it runs with `-I -S`.
"""

# Importing pathlib would lengthen every start.
# ruff: noqa: PTH103, PTH110, PTH112, PTH114, PTH115, PTH118, PTH120, PTH123, PTH208, PTH211

from __future__ import annotations

import array
import ctypes
import errno
import fcntl
import json
import os
import select
import signal
import socket
import struct
import sys
import traceback
from typing import Any

# <sched.h>
CLONE_NEWNS, CLONE_NEWUSER, CLONE_NEWPID, CLONE_NEWNET = (
    0x00020000,
    0x10000000,
    0x20000000,
    0x40000000,
)
# <sys/mount.h>
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC = 1, 2, 4, 8
MS_REMOUNT, MS_NOATIME, MS_NODIRATIME, MS_BIND = 32, 1024, 2048, 4096
MS_REC, MS_PRIVATE = 16384, 1 << 18
MNT_DETACH = 2
#: Bits of statvfs that have the same value as the mount flags; a remount must keep them.
KEPT_FLAGS = MS_NOSUID | MS_NODEV | MS_NOEXEC | MS_NOATIME | MS_NODIRATIME
# <linux/if.h>, <linux/sockios.h>
SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP = 0x8913, 0x8914, 1
MAX_MESSAGE = 1024 * 1024
#: Fields of a reply, a process id and a descriptor to pass with it.
Reply = tuple[dict[str, Any], int | None, int | None]
LIBC = ctypes.CDLL(None, use_errno=True)


def check(result: int, what: str) -> None:
    """Raise the C library's error for `what`."""
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")


def mount(source: str | None, target: str, kind: str | None, flags: int, data: str = "") -> None:
    """Mount something; raise `OSError`."""
    words = [None if word is None else word.encode() for word in (source, target, kind)]
    check(LIBC.mount(*words, ctypes.c_ulong(flags), data.encode()), f"mount {target}")


def unshare(network: bool) -> list[str]:
    """Leave the machine's namespaces; return the names of those that are new."""
    flags = CLONE_NEWNS | CLONE_NEWPID | (CLONE_NEWNET if network else 0)
    names = ["mount", "pid", *(["network"] if network else [])]
    uid, gid = os.getuid(), os.getgid()
    if uid == 0 and LIBC.unshare(flags) == 0:
        return names
    check(LIBC.unshare(flags | CLONE_NEWUSER), "unshare")
    for name, text in (
        ("setgroups", "deny"),
        ("uid_map", f"{uid} {uid} 1"),
        ("gid_map", f"{gid} {gid} 1"),
    ):
        with open(f"/proc/self/{name}", "w") as file:
            file.write(text)
    return ["user", *names]


def bind(source: str, target: str) -> None:
    """Show `source` at `target`, which is made; a link is made anew."""
    if os.path.islink(source):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        os.symlink(os.readlink(source), target)
        return
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    elif not os.path.exists(target):
        os.makedirs(os.path.dirname(target), exist_ok=True)
        with open(target, "w"):
            pass
    mount(source, target, None, MS_BIND | MS_REC)


def make_read_only(target: str) -> None:
    """Let nobody write there, root included."""
    kept = os.statvfs(target).f_flag & KEPT_FLAGS
    mount(None, target, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def lay_out(config: dict[str, Any]) -> None:
    """Make the file system of the environment and step into it.

    The machine's own, with `places` (path there, folder here, writable) instead of what is there,
    and `visible` paths that these would hide.
    """
    new = config["mountpoint"]
    mount("none", "/", None, MS_REC | MS_PRIVATE)
    mount("none", new, "tmpfs", 0, "mode=755")
    places = {path: source for path, source, _ in config["places"]}
    show(new, "/", {*places, "/proc"})
    os.makedirs(f"{new}/proc", exist_ok=True)
    mount("proc", f"{new}/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC)
    for path, source in places.items():
        bind(source, new + path)
    for path in config["visible"]:
        if any(path.startswith(f"{place}/") for place in places):
            bind(path, new + path)
    for path, _, writable in config["places"]:
        if not writable:
            make_read_only(new + path)
    os.chdir(new)
    check(LIBC.pivot_root(b".", b"."), "pivot_root")
    check(LIBC.umount2(b".", MNT_DETACH), "umount of the old root")
    os.chdir("/")


def show(new: str, folder: str, replaced: set[str]) -> None:
    """Show what is in a folder of the machine, but for `replaced` paths in or below it."""
    for name in os.listdir(folder):
        path = os.path.join(folder, name)
        if path in replaced:
            continue
        below = [each for each in replaced if each.startswith(f"{path}/")]
        # A replaced path that the machine has can be mounted over; for others there must be room.
        if all(os.path.exists(each) for each in below):
            try:
                bind(path, new + path)
            except OSError as error:
                if error.errno not in (errno.EACCES, errno.EPERM, errno.ENOENT):
                    raise
        else:
            os.makedirs(new + path, exist_ok=True)
            show(new, path, replaced)


def bring_up_loopback() -> None:
    """A new network namespace has a loopback device that is down."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        request = struct.pack("16sh14x", b"lo", 0)
        flags = struct.unpack("16sh14x", fcntl.ioctl(control, SIOCGIFFLAGS, request))[1]
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", flags | IFF_UP))


def signal_one(pid: int, number: int) -> None:
    """Signal a process that may have ended."""
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        pass


class Init:
    """Answer the emulator until it is gone."""

    def __init__(self, control: socket.socket) -> None:
        self.control = control
        self.children: set[int] = set()  # started for the emulator, which tells when to reap
        self.told: set[int] = set()

    def run(self) -> None:
        """Serve; return when the emulator has closed its end."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        ends: list[Any] = [self.control, read]
        while True:
            ready, _, _ = select.select(ends, [], [])
            if read in ready:
                os.read(read, 4096)
                self.tell_ends()
            if self.control in ready and not self.answer():
                return

    def answer(self) -> bool:
        """Take one request; False when there will be no more."""
        data, extra, _, _ = self.control.recvmsg(
            MAX_MESSAGE, socket.CMSG_SPACE(64), getattr(socket, "MSG_CMSG_CLOEXEC", 0x40000000)
        )
        if not data:
            return False
        fds: list[int] = []
        for level, kind, value in extra:
            if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                numbers = array.array("i")
                numbers.frombytes(value[: len(value) - len(value) % numbers.itemsize])
                fds += numbers
        request = json.loads(data)
        try:
            reply, pid, passed = getattr(self, f"do_{request['do']}")(request, fds)
        except OSError as error:
            reply, pid, passed = {"error": str(error)}, None, None
        finally:
            for fd in fds:
                os.close(fd)
        self.send({"reply": request["id"], **reply}, pid, passed)
        if passed is not None:
            os.close(passed)
        return True

    def send(self, message: dict[str, Any], pid: int | None = None, fd: int | None = None) -> None:
        """Send a message; the kernel writes `pid` as the receiver knows it."""
        extra = []
        if pid is not None:
            credentials = struct.pack("3i", pid, os.getuid(), os.getgid())
            extra.append((socket.SOL_SOCKET, socket.SCM_CREDENTIALS, credentials))
        if fd is not None:
            extra.append((socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", [fd]).tobytes()))
        self.control.sendmsg([json.dumps(message).encode()], extra)

    # What is asked for: each returns fields of the reply, a process id and a descriptor to pass.

    def do_start(self, request: dict[str, Any], fds: list[int]) -> Reply:
        """Start a program with descriptors 0 to 2 and those named by variables."""
        read, write = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                os.close(read)
                self.become(request, fds)
            except BaseException as error:  # noqa: BLE001 - told through the pipe
                os.write(write, str(error).encode()[:1000])
            os._exit(127)
        os.close(write)
        with open(read, "rb") as failed:
            problem = failed.read()
        if problem:
            os.waitpid(pid, 0)
            return {"error": problem.decode("utf-8", "replace")}, None, None
        self.children.add(pid)
        return {"pid": pid}, pid, None

    def become(self, request: dict[str, Any], fds: list[int]) -> None:
        """Turn into the program; returns only by an error."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        variables = dict(request["env"])
        for fd, name in zip(fds[3:], request["fds"]):  # noqa: B905 - strict= came with Python 3.10
            os.set_inheritable(fd, True)
            variables[name] = str(fd)
        for target, fd in enumerate(fds[:3]):
            os.dup2(fd, target)
        os.chdir(request["cwd"])
        os.execvpe(request["argv"][0], request["argv"], variables)  # noqa: S606 - what is asked for

    def do_signal_all(self, request: dict[str, Any], _: list[int]) -> Reply:
        """Signal every process but this one, and those that are to be spared."""
        done = set(request["spare"])
        if not done:
            signal_one(-1, request["number"])
        while done:
            found = {int(name) for name in os.listdir("/proc") if name.isdigit()} - done - {1}
            if not found:
                break
            for pid in found:  # what these start meanwhile is found by the next look
                signal_one(pid, request["number"])
            done |= found
        return {}, None, None

    def do_outer(self, request: dict[str, Any], _: list[int]) -> Reply:
        """Tell a process's id as the emulator knows it."""
        return {"pid": request["pid"]}, request["pid"], None

    def do_reap(self, request: dict[str, Any], _: list[int]) -> Reply:
        """Forget a child; its id may be used again."""
        pid = request["pid"]
        if pid in self.children:
            self.children.discard(pid)
            self.told.discard(pid)
            os.waitpid(pid, 0)
        return {}, None, None

    def do_listen(self, request: dict[str, Any], _: list[int]) -> Reply:
        """Pass a listening socket of this network."""
        listener = socket.create_server(("127.0.0.1", request["port"]), backlog=128)
        return {}, None, listener.detach()

    def do_connect(self, request: dict[str, Any], _: list[int]) -> Reply:
        """Pass a connection to a port of this network."""
        return {}, None, socket.create_connection(("127.0.0.1", request["port"]), 2.0).detach()

    def tell_ends(self) -> None:
        """Tell of children that have ended, leave them for now, and reap everybody else's."""
        for pid in self.children - self.told:
            info = os.waitid(os.P_PID, pid, os.WEXITED | os.WNOHANG | os.WNOWAIT)
            if info is not None:
                self.told.add(pid)
                exited = info.si_code == os.CLD_EXITED
                code = info.si_status if exited else -info.si_status
                self.send({"ended": pid, "code": code})
        try:
            with open("/proc/self/task/1/children") as file:
                orphans = {int(word) for word in file.read().split()} - self.children
        except OSError:
            return
        for pid in orphans:
            try:
                os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                pass


def main() -> int:
    """Unshare, become the first process, serve."""
    control = socket.socket(fileno=int(sys.argv[1]))
    control.set_inheritable(False)
    config = json.loads(control.recv(MAX_MESSAGE))
    try:
        names = unshare(config["network"])
        child = os.fork()
        if child:
            control.close()
            os.waitpid(child, 0)
            return 0
        if config["network"]:
            bring_up_loopback()
        lay_out(config)
        os.umask(0o022)
    except BaseException as error:  # noqa: BLE001 - told to the emulator, which goes on without
        detail = traceback.format_exc() if not isinstance(error, OSError) else ""
        control.send(json.dumps({"failed": str(error), "detail": detail}).encode())
        os._exit(1)
    control.send(json.dumps({"namespaces": names}).encode())
    Init(control).run()
    os._exit(0)


if __name__ == "__main__":
    sys.exit(main())
