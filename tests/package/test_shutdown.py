"""The ends of real processes: exits, errors, signals; what was logged is there afterwards."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import textwrap

import pytest

from support.stage import CHILD_DEADLINE, ROOT, child_environment


@pytest.fixture
def start(firehose, tmp_path):
    """Starts a program that logs through a handler; gives the process."""
    started = []

    def run(code, **variables):
        head = """
            import logging, os, signal, sys, threading, time, atexit
            import firehose_logging
            logger = logging.getLogger("app")
            logger.setLevel("INFO")
            logger.addHandler(firehose_logging.FirehoseHandler("logs"))
            logger.info("first")

            def wait():
                # No signal.pause and no long sleep: a signal just before it is seen at its end.
                for _ in range(6000):
                    time.sleep(0.01)
            """
        environment = child_environment(
            **firehose.environment(),
            PYTHONPATH=str(ROOT),
            TMPDIR=str(tmp_path),
            HOME=str(tmp_path),
            FIREHOSE_LOGGING_INTERVAL="900",
            **variables,
        )
        # Where these are set, the direct transport leaves everything to botocore.
        del environment["AWS_CONFIG_FILE"], environment["AWS_SHARED_CREDENTIALS_FILE"]
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(head) + textwrap.dedent(code)],
            env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=CHILD_DEADLINE)


@pytest.fixture
def arrived(firehose):
    """Gives the messages that arrived."""

    def messages():
        firehose.flush()
        return [line["message"] for line in firehose.stream("logs").lines()]

    return messages


@pytest.mark.parametrize(
    ("code", "status", "messages"),
    [
        ("", 0, ["first"]),
        ("sys.exit(7)", 7, ["first"]),
        ("raise ValueError('x')", 1, ["first"]),
        ("atexit.register(logger.info, 'at exit')", 0, ["first", "at exit"]),
        ("threading.Thread(target=logger.info, args=('thread',)).start()", 0, ["first", "thread"]),
        ("logging.shutdown(); logger.info('after shutdown')", 0, ["first", "after shutdown"]),
        ("firehose_logging.flush(10); logger.info('second')", 0, ["first", "second"]),
        # As without us: the interpreter ends itself by the signal.
        ("os.kill(os.getpid(), signal.SIGINT)", -2, ["first"]),
    ],
    ids=["end", "exit", "error", "atexit", "thread", "shutdown", "flushed", "interrupt"],
)
def test_exit(start, arrived, code, status, messages):
    """However an interpreter exits, all lines are delivered once."""
    process = start(code, FIREHOSE_LOGGING_TRANSPORT="direct")
    _, error = process.communicate(timeout=CHILD_DEADLINE)

    assert process.returncode == status, error
    assert arrived() == messages
    assert "firehose_logging:" not in error


@pytest.mark.parametrize("code", ["", "atexit.register(logger.info, 'at exit')"])
def test_exit_with_boto3(start, arrived, code):
    """The SDK can still be imported and used while the interpreter exits."""
    process = start(code, FIREHOSE_LOGGING_TRANSPORT="boto3")
    _, error = process.communicate(timeout=CHILD_DEADLINE)

    assert (process.returncode, error) == (0, "")
    assert arrived() == ["first", *(["at exit"] if code else [])]


def test_exit_without_a_service(start, firehose):
    """With nobody to deliver to, the program exits all the same and says what is left."""
    firehose.close()
    process = start("firehose_logging._process.EXIT_TIMEOUT = 0.5")
    _, error = process.communicate(timeout=CHILD_DEADLINE)

    assert process.returncode == 0
    # One more where the outage was told before the end.
    assert re.search(r"[12] lines were not delivered .* the crash journal keeps them", error)


def test_sigterm_without_a_handler(start, arrived):
    """What is pending is delivered, and then the process ends by the signal, as without us."""
    process = start("""
        os.write(1, b"ready\\n")
        wait()
        """)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)
    _, error = process.communicate(timeout=CHILD_DEADLINE)

    assert process.returncode == -signal.SIGTERM
    assert arrived() == ["first"]
    assert error == ""


def test_sigterm_in_an_outage(start, firehose):
    """With nobody to deliver to, the process ends by the signal all the same."""
    firehose.close()
    process = start("""
        firehose_logging._termination.TIMEOUT = 0.5
        os.write(1, b"ready\\n")
        wait()
        """)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert process.wait(CHILD_DEADLINE) == -signal.SIGTERM


@pytest.mark.parametrize(
    ("handler", "status", "messages"),
    [
        ("lambda *_: os._exit(4)", 4, ["first"]),
        ("lambda *_: (logger.info('bye'), sys.exit(5))", 5, ["bye", "first"]),
    ],
    ids=["no exit hooks", "exit"],
)
def test_sigterm_with_a_handler_from_before(start, arrived, handler, status, messages):
    """The program's own handler runs after the delivery, and decides how it ends."""
    process = start(f"""
        handler = logger.handlers.pop()
        firehose_logging._shutdown.unwatch()
        signal.signal(signal.SIGTERM, {handler})
        process = firehose_logging._bootstrap._process
        firehose_logging._termination.Termination(process.streams, process.clock).watch()
        logger.addHandler(handler)
        os.write(1, b"ready\\n")
        wait()
        """)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert process.wait(CHILD_DEADLINE) == status
    assert sorted(arrived()) == messages


def test_what_a_server_logs_while_it_ends(start, arrived):
    """Who handles SIGTERM may end by the signal later, without exit hooks, as uvicorn does."""
    process = start("""
        got = []
        firehose_logging._shutdown.unwatch()
        signal.signal(signal.SIGTERM, lambda *_: got.append(1))
        process = firehose_logging._bootstrap._process
        firehose_logging._termination.Termination(process.streams, process.clock).watch()
        os.write(1, b"ready\\n")
        while not got:
            time.sleep(0.01)
        logger.info("the last request")
        while process.streams.oldest() is not None:
            time.sleep(0.01)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)
        """)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert process.wait(CHILD_DEADLINE) == -signal.SIGTERM
    assert arrived() == ["first", "the last request"]


def test_ignored_sigterm_stays_ignored(start, arrived):
    """A program that ignores SIGTERM when it sets up its logging goes on ignoring it."""
    process = start("""
        firehose_logging._shutdown.unwatch()
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        process = firehose_logging._bootstrap._process
        assert not firehose_logging._termination.Termination(process.streams, None).watch()
        os.kill(os.getpid(), signal.SIGTERM)
        logger.info("still here")
        """)

    assert process.wait(CHILD_DEADLINE) == 0
    assert arrived() == ["first", "still here"]


def test_sigterm_of_a_program(start, arrived):
    """A handler that the program installs after us replaces ours; its exit delivers."""
    process = start("""
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(5))
        os.write(1, b"ready\\n")
        wait()
        """)
    assert process.stdout.readline() == "ready\n"
    process.send_signal(signal.SIGTERM)

    assert process.wait(CHILD_DEADLINE) == 5
    assert arrived() == ["first"]


def test_killed_process_leaves_its_lines_to_the_next(start, arrived):
    """What a killed process had pending, the next one delivers with its old number."""
    process = start("""
        os.write(1, b"ready\\n")
        wait()
        """)
    assert process.stdout.readline() == "ready\n"
    process.kill()
    process.wait(CHILD_DEADLINE)
    assert arrived() == []

    process = start("logger.info('second process')")
    _, error = process.communicate(timeout=CHILD_DEADLINE)
    assert process.returncode == 0, error
    found = arrived()
    assert found.count("first") == 2
    assert found.count("second process") == 1
    assert any("1 lines of an earlier process" in message for message in found)


def test_forked_children_deliver_their_own(start, arrived):
    """Children of a fork deliver what they logged, once, and not what their parent had pending."""
    process = start("""
        children = []
        for number in range(3):
            pid = os.fork()
            if pid == 0:
                logger.info("child %d", number)
                sys.exit(0)
            children.append(pid)
        statuses = [os.waitpid(pid, 0)[1] for pid in children]
        logger.info("parent %s", statuses)
        """)
    _, error = process.communicate(timeout=CHILD_DEADLINE)

    assert process.returncode == 0, error
    assert sorted(arrived()) == ["child 0", "child 1", "child 2", "first", "parent [0, 0, 0]"]


@pytest.mark.parametrize("method", ["fork", "spawn"])
def test_multiprocessing(start, arrived, tmp_path, method):
    """A multiprocessing child that logs and ends delivers its lines, whatever started it."""
    (tmp_path / "work.py").write_text(
        textwrap.dedent("""
            import logging
            import firehose_logging
            def work():
                logger = logging.getLogger("app")
                if not logger.handlers:
                    logger.addHandler(firehose_logging.FirehoseHandler("logs"))
                logger.warning("child")
            """)
    )
    process = start(
        f"""
        sys.path.insert(0, {str(tmp_path)!r})
        import multiprocessing
        from work import work
        multiprocessing.set_start_method({method!r})
        child = multiprocessing.Process(target=work)
        child.start()
        child.join()
        assert child.exitcode == 0
        """,
        FIREHOSE_LOGGING_JOURNAL="off",
    )
    _, error = process.communicate(timeout=CHILD_DEADLINE)

    assert process.returncode == 0, error
    assert sorted(arrived()) == ["child", "first"]


HOOKED = """
    import os, signal, sys
    from firehose_logging import _shutdown
    read, write = os.pipe()
    os.set_blocking(write, False)
    def told():
        os.set_blocking(read, False)
        try:
            return signal.SIGTERM in os.read(read, 100)
        except BlockingIOError:
            return False
"""


def hooked(code):
    """Run code in a child that has a pipe for the wake-up; its exit status and output."""
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(HOOKED) + textwrap.dedent(code)],
        env=child_environment(PYTHONPATH=str(ROOT)), capture_output=True, text=True,
        timeout=CHILD_DEADLINE, check=False,
    )  # fmt: skip


@pytest.mark.parametrize(
    "code",
    [
        # nobody else: the descriptor is written, the process goes on until we end it
        """
        assert _shutdown.watch_sigterm(write)
        assert _shutdown.sigterm_is_ours()
        os.kill(os.getpid(), signal.SIGTERM)
        assert told()
        _shutdown.end_process()
        """,
        # a handler before us runs, and then ending is not our business
        """
        ran = []
        signal.signal(signal.SIGTERM, lambda *_: ran.append(1))
        assert _shutdown.watch_sigterm(write)
        assert not _shutdown.sigterm_is_ours()
        os.kill(os.getpid(), signal.SIGTERM)
        assert ran and told()
        _shutdown.end_process()
        os._exit(143)
        """,
        # a handler after us replaces ours, and the descriptor is written all the same
        """
        ran = []
        assert _shutdown.watch_sigterm(write)
        signal.signal(signal.SIGTERM, lambda *_: ran.append(1))
        os.kill(os.getpid(), signal.SIGTERM)
        assert ran and told()
        _shutdown.end_process()
        os._exit(143)
        """,
        # an event loop's descriptor is left alone, ours is written by the handler
        """
        other_read, other_write = os.pipe()
        os.set_blocking(other_write, False)
        signal.set_wakeup_fd(other_write)
        assert not _shutdown.watch_sigterm(write)
        os.kill(os.getpid(), signal.SIGTERM)
        assert told()
        assert os.read(other_read, 10) == bytes([signal.SIGTERM])
        os._exit(143)
        """,
        # twice is once
        """
        assert _shutdown.watch_sigterm(write)
        assert _shutdown.watch_sigterm(write)
        assert _shutdown.sigterm_is_ours()
        os.kill(os.getpid(), signal.SIGTERM)
        assert told()
        os._exit(143)
        """,
        # in a forked child SIGTERM ends the child
        """
        assert _shutdown.watch_sigterm(write)
        pid = os.fork()
        if pid == 0:
            _shutdown.unwatch()
            os.kill(os.getpid(), signal.SIGTERM)
            os._exit(1)
        assert os.WTERMSIG(os.waitpid(pid, 0)[1]) == signal.SIGTERM
        assert not told()
        os._exit(143)
        """,
        # on another thread there is nothing to arrange
        """
        import threading
        results = []
        thread = threading.Thread(target=lambda: results.append(_shutdown.watch_sigterm(write)))
        thread.start()
        thread.join()
        assert results == [False]
        os.kill(os.getpid(), signal.SIGTERM)
        """,
        # put back to the default, as asyncio does when a loop closes: taken back at the next look
        """
        assert _shutdown.watch_sigterm(write)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.set_wakeup_fd(-1)
        assert _shutdown.watch_again()
        assert _shutdown.sigterm_is_ours()
        os.kill(os.getpid(), signal.SIGTERM)
        assert told()
        _shutdown.end_process()
        """,
        # ignored by the function: told all the same, and it is not ours to end the process
        """
        assert _shutdown.watch_sigterm(write)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        assert _shutdown.watch_again()
        os.kill(os.getpid(), signal.SIGTERM)
        assert told()
        _shutdown.end_process()
        os._exit(143)
        """,
        # trio finds no descriptor while the function runs; the handler tells, and then it is ours
        """
        assert _shutdown.watch_sigterm(write)
        sys.modules["trio"] = sys
        _shutdown.function_begins()
        assert signal.set_wakeup_fd(-1) == -1
        os.kill(os.getpid(), signal.SIGTERM)
        assert told()
        assert _shutdown.watch_again()
        assert signal.set_wakeup_fd(-1) == write
        os._exit(143)
        """,
    ],
    ids=[
        "ours",
        "before us",
        "after us",
        "event loop",
        "twice",
        "fork",
        "thread",
        "default",
        "ignored",
        "trio",
    ],
)
def test_sigterm(code):
    """SIGTERM always reaches the companion, and everybody else's handlers too."""
    ended = hooked(code)

    assert ended.returncode in (143, -signal.SIGTERM), ended.stderr


def test_sigterm_while_native_code_blocks():
    """The descriptor is written while no Python code of the main thread can run."""
    ended = hooked("""
        import select, threading
        assert _shutdown.watch_sigterm(write)
        def companion():
            select.select([read], [], [])
            assert told()
            _shutdown.end_process()
        threading.Thread(target=companion, daemon=True).start()
        shoot = threading.Timer(0, os.kill, (os.getpid(), signal.SIGTERM))
        shoot.start()
        import ctypes
        ctypes.CDLL(None).sleep(20)  # ends early when interrupted, with seconds left
        ctypes.CDLL(None).sleep(20)
        """)

    assert ended.returncode == 143, ended.stderr


def test_this_process_is_untouched():
    """The tests themselves have left SIGTERM and its descriptor alone."""
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.set_wakeup_fd(-1) == -1
    assert os.getpid() > 0
