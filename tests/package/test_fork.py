from __future__ import annotations

import sys
import textwrap
import threading
import types
import warnings

import pytest

from firehose_logging import _threads
from firehose_logging._fork import Unwarned, forget_imports
from support.stage import run_python
from tools.waiting import wait_until


def test_a_child_imports_what_our_thread_was_importing(tmp_path):
    """Forked in the middle of that import, the child does it anew instead of waiting for ever."""
    (tmp_path / "slow.py").write_text("import time, sys\nsys.started.set()\ntime.sleep(sys.nap)\n")
    code = textwrap.dedent("""
        import os, sys, threading
        sys.path.insert(0, sys.argv[1])
        from firehose_logging import _threads
        from firehose_logging._fork import forget_imports
        sys.started = threading.Event()
        sys.nap = 60
        _threads.spawn("import", lambda: __import__("slow"))
        sys.started.wait(10)
        pid = os.fork()
        if pid == 0:
            sys.nap = 0
            forget_imports(set(_threads.own))
            import slow
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        print("done", flush=True)
        os._exit(0)
        """)

    ended = run_python(code, str(tmp_path), flags=("-W", "ignore"))

    assert ended.stdout == "done\n", ended.stderr


def test_a_fork_beside_our_import_needs_nobodys_help(tmp_path):
    """The package's own hook does that, once there is a handler."""
    (tmp_path / "slow.py").write_text("import time, sys\nsys.started.set()\ntime.sleep(sys.nap)\n")
    code = textwrap.dedent("""
        import os, sys, threading
        sys.path.insert(0, sys.argv[1])
        from firehose_logging import FirehoseHandler, _threads
        import logging
        log = logging.Logger("app")
        log.addHandler(FirehoseHandler("logs"))
        log.info("now there is a process of ours")
        sys.started = threading.Event()
        sys.nap = 60
        _threads.spawn("import", lambda: __import__("slow"))
        sys.started.wait(10)
        pid = os.fork()
        if pid == 0:
            sys.nap = 0
            import slow
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        print("done", flush=True)
        os._exit(0)
        """)

    ended = run_python(code, str(tmp_path), flags=("-W", "ignore"), env={"TMPDIR": str(tmp_path)})

    assert ended.stdout == "done\n", ended.stderr


def test_a_child_imports_what_a_thread_of_the_functions_was_importing_of_ours(tmp_path):
    """A thread that logs may be the first to need a module of ours when another one forks."""
    (tmp_path / "slow.py").write_text("import time, sys\nsys.started.set()\ntime.sleep(sys.nap)\n")
    code = textwrap.dedent("""
        import os, sys, threading
        import firehose_logging
        from firehose_logging._fork import forget_imports
        firehose_logging.__path__.append(sys.argv[1])
        sys.started = threading.Event()
        sys.nap = 60
        name = "firehose_logging.slow"
        threading.Thread(target=__import__, args=(name,), daemon=True).start()
        sys.started.wait(10)
        pid = os.fork()
        if pid == 0:
            sys.nap = 0
            forget_imports(())
            __import__(name)
            os._exit(7)
        assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 7
        print("done", flush=True)
        os._exit(0)
        """)

    ended = run_python(code, str(tmp_path), flags=("-W", "ignore"))

    assert ended.stdout == "done\n", ended.stderr


def test_only_what_threads_of_ours_were_importing_is_forgotten(monkeypatch):
    """A lock that a thread of ours holds goes, and the half made module; all others stay."""
    ours, theirs = types.SimpleNamespace(owner=7), types.SimpleNamespace(owner=8)
    bootstrap = types.ModuleType("_frozen_importlib")
    bootstrap._module_locks = {"half": lambda: ours, "whole": lambda: theirs, "gone": lambda: None}
    monkeypatch.setitem(sys.modules, "_frozen_importlib", bootstrap)
    for name in ("half", "whole"):
        monkeypatch.setitem(sys.modules, name, types.ModuleType(name))

    forget_imports({7})

    assert list(bootstrap._module_locks) == ["whole", "gone"]
    assert "half" not in sys.modules
    assert "whole" in sys.modules


def test_a_module_that_is_whole_stays_where_its_lock_is_held_for_a_moment(monkeypatch):
    """Whoever asks for a module takes its lock; what is there is not imported a second time."""
    bootstrap = types.ModuleType("_frozen_importlib")
    bootstrap._module_locks = {
        "firehose_logging.whole": lambda: types.SimpleNamespace(owner=8),
        "firehose_logging.mine": lambda: types.SimpleNamespace(owner=threading.get_ident()),
    }
    monkeypatch.setitem(sys.modules, "_frozen_importlib", bootstrap)
    module = types.ModuleType("firehose_logging.whole")
    module.__spec__ = types.SimpleNamespace(_initializing=False)
    monkeypatch.setitem(sys.modules, module.__name__, module)

    forget_imports(())

    assert list(bootstrap._module_locks) == ["firehose_logging.mine"]
    assert sys.modules[module.__name__] is module


FORK_WARNING = "This process (pid=1) is multi-threaded, use of fork() may lead to deadlocks"


@pytest.mark.parametrize(
    ("others", "text", "passes"),
    [(1, FORK_WARNING, False), (2, FORK_WARNING, True), (1, "another warning", True)],
)
def test_only_the_warning_that_is_about_us_is_kept_back(others, text, passes):
    """With threads of the function's own the warning is right, and others are none of ours."""
    unwarned = Unwarned(lambda: others)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        before = list(warnings.filters)
        unwarned.before()
        warnings.warn(text, DeprecationWarning, stacklevel=1)
        unwarned.after()
        after = list(warnings.filters)

    assert bool(found) is passes
    assert after == before


def test_where_threads_cannot_be_counted_everything_is_shown():
    """Without /proc nobody knows whose threads there are."""

    def others():
        raise OSError("no /proc")

    unwarned = Unwarned(others)
    before = list(warnings.filters)
    unwarned.before()

    assert list(warnings.filters) == before
    assert not unwarned.match(FORK_WARNING)


def test_threads_of_ours_are_not_counted():
    """What the system lists, without those that we have started."""
    before, own = _threads.others(), set(_threads.own)
    done = threading.Event()
    began = threading.Event()

    def work():
        began.set()
        done.wait(30)

    _threads.spawn("test", work)
    assert began.wait(30)
    try:
        assert _threads.others() == before
    finally:
        done.set()
    wait_until(lambda: set(_threads.own) <= own, what="the thread's end")
    assert before >= 1
