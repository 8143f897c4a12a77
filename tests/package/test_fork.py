from __future__ import annotations

import sys
import textwrap
import types

from firehose_logging._fork import forget_imports
from support.stage import run_python


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
