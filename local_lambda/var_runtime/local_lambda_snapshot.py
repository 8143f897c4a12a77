"""The runtime process's part of SnapStart: become a snapshot that can be resumed many times.

The service copies the whole virtual machine. Here the initialised process forks at the point where
it waits to be restored, once for each resumption, behind Python's back: no fork hook runs, threads
are started again under their old names and objects, the process keeps its id as Python tells it.
A thread begins its function anew, so one that is a loop goes on as it would on the service. File
descriptors are shared by all copies, so only one of them may run at a time.
"""

import _thread
import ctypes
import gc
import os
import signal
import sys
import threading
import types
import warnings

VARIABLE = "_LOCAL_LAMBDA_SNAPSHOT_FD"
READY, HOLD, RESUME = b"r", b"h", b"f"
#: <linux/prctl.h>: a signal when the parent, here the snapshot, has ended.
PR_SET_PDEATHSIG = 1
#: Longer than anything: nobody is asked to hand over the interpreter's lock.
NO_SWITCH = 1_000_000.0


def install() -> None:
    """Take the snapshot where the runtime client waits to be restored."""
    from awslambdaric import lambda_runtime_client

    fd = int(os.environ.pop(VARIABLE))
    client = lambda_runtime_client.LambdaRuntimeClient
    restore_next = client.restore_next

    def restored(self: "object") -> "object":
        _be_a_snapshot(fd)
        return restore_next(self)

    client.restore_next = restored


def _be_a_snapshot(fd: int) -> None:
    """Tell that the snapshot can be taken; return in each copy, never in the original."""
    os.write(fd, READY)
    if os.read(fd, 1) != HOLD:
        os._exit(0)
    hooks = _fork_hooks()
    kept = [list(each) for each in hooks]
    for each in hooks:
        each.clear()
    threads = [thread for thread in threading.enumerate() if thread is not threading.main_thread()]
    unlisted = _unlisted_threads()
    interval = sys.getswitchinterval()
    sys.setswitchinterval(NO_SWITCH)
    pid = os.getpid()
    library = ctypes.PyDLL(None)  # calls keep the interpreter's lock: no other thread goes on
    buffer = ctypes.create_string_buffer(1)
    while True:
        if library.read(fd, buffer, 1) != 1 or buffer.raw != RESUME:
            os._exit(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # newer Pythons warn of threads that a fork forgets
            copy = os.fork()
        if copy == 0:
            if hasattr(library, "prctl"):  # Linux: the copy is in a group of its own
                library.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            break
        os.setpgid(copy, copy)
        library.write(fd, copy.to_bytes(8, "little"), 8)
        status = ctypes.c_int()
        library.waitpid(copy, ctypes.byref(status), 0)
        library.write(fd, status.value.to_bytes(8, "little"), 8)
    os.setpgid(0, 0)
    os.close(fd)
    os.getpid = lambda: pid
    for each, those in zip(hooks, kept):  # noqa: B905 - strict= came with Python 3.10
        each.extend(those)
    sys.setswitchinterval(interval)
    for thread in threads:
        _go_on(thread)
    for function, arguments in unlisted:
        _thread.start_new_thread(function, arguments)


def _fork_hooks() -> "list[list[object]]":
    """The interpreter's own lists of what to call at a fork."""

    def before() -> None:
        return

    def in_child() -> None:
        return

    def in_parent() -> None:
        return

    marks = (before, in_child, in_parent)
    os.register_at_fork(before=before, after_in_child=in_child, after_in_parent=in_parent)
    lists = []
    for mark in marks:
        found = [r for r in gc.get_referrers(mark) if type(r) is list and mark in r]
        if not found:  # a list that the collector does not see cannot be helped
            continue
        found[0].remove(mark)
        lists.append(found[0])
    return lists


def _unlisted_threads() -> "list[tuple[types.FunctionType, tuple[object, ...]]]":
    """Function and arguments of each thread that `threading` does not know: its first frame."""
    listed = {thread.ident for thread in threading.enumerate()}
    found = []
    for ident, frame in sys._current_frames().items():  # noqa: SLF001 - there is no other way
        if ident in listed:
            continue
        while frame.f_back is not None:
            frame = frame.f_back  # noqa: PLW2901 - down to where the thread began
        code = frame.f_code
        if not code.co_freevars:
            names = code.co_varnames[: code.co_argcount]
            function = types.FunctionType(code, frame.f_globals)
            found.append((function, tuple(frame.f_locals[name] for name in names)))
    return found


def _go_on(thread: threading.Thread) -> None:
    """Run the function of a thread that the fork has lost, as that thread."""
    again = threading.Thread(target=thread.run, name=thread.name, daemon=thread.daemon)
    again.start()
    for name in ("_handle", "_ident", "_native_id", "_tstate_lock", "_is_stopped"):
        if hasattr(again, name):
            setattr(thread, name, getattr(again, name))
