"""Forked children: what they leave, and what they never wait for."""

from __future__ import annotations

import textwrap

from support.stage import run_python


def test_what_children_leave_is_delivered_by_the_parent(tmp_path):
    """A child that logs and leaves by os._exit: its lines come with the parent's next flush."""
    code = textwrap.dedent("""
        import json, logging, os, sys
        import firehose_logging._firehose.choose as choose
        from firehose_logging import FirehoseHandler, flush
        from firehose_logging.testing import MemoryTransport
        from tools.waiting import wait_until
        transport = MemoryTransport()
        choose.make_transport = lambda *_: transport
        log = logging.Logger("app")
        log.addHandler(FirehoseHandler("logs"))
        log.info("parent")
        flush(10)
        for n in range(20):
            pid = os.fork()
            if not pid:
                log.info("child %d", n)
                os._exit(0)
            os.waitpid(pid, 0)
        def arrived(count):
            log.info("something of the parent's own")
            flush(10)
            return len([l for l in transport.lines() if l["message"].startswith("child")]) == count
        wait_until(lambda: arrived(20))
        if not os.fork():
            log.info("child later")
            os._exit(0)
        os.wait()
        wait_until(lambda: arrived(21))
        marks = [(l["instanceId"], l["seq"]) for l in transport.lines()]
        assert len(set(marks)) == len(marks)
        tmp = os.environ["TMPDIR"]
        left = [n for n in os.listdir(tmp) if os.path.getsize(os.path.join(tmp, n))]
        assert len(left) <= 1, left
        print("done")
        """)

    ended = run_python(code, flags=("-W", "ignore"), env={"TMPDIR": str(tmp_path)})

    assert ended.stdout == "done\n", ended.stderr


def test_a_child_never_calls_firehose_at_its_exit(tmp_path):
    """In Lambda whoever joins a child must not wait for an outage; the parent has its lines."""
    code = textwrap.dedent("""
        import logging, multiprocessing, os
        import firehose_logging._firehose.choose as choose
        from firehose_logging import FirehoseHandler, flush
        from firehose_logging.testing import MemoryTransport
        from tools.waiting import wait_until
        class Transport(MemoryTransport):
            def send(self, records, timeout):
                open(os.environ["TMPDIR"] + f"/called-{os.getpid()}", "w").close()
                return super().send(records, timeout)
        transport = Transport()
        choose.make_transport = lambda *_: transport
        log = logging.Logger("app")
        log.addHandler(FirehoseHandler("logs"))
        def work(n):
            log.info("child %d", n)
        for n in range(3):
            child = multiprocessing.get_context("fork").Process(target=work, args=(n,))
            child.start()
            child.join()
            assert child.exitcode == 0
        def arrived():
            flush(10)
            return [l["message"] for l in transport.lines() if l["message"].startswith("child")]
        wait_until(lambda: len(arrived()) == 3)
        called = [n for n in os.listdir(os.environ["TMPDIR"]) if n.startswith("called-")]
        assert called == [f"called-{os.getpid()}"], called
        print("done")
        """)
    variables = {"TMPDIR": str(tmp_path), "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:1"}

    ended = run_python(code, flags=("-W", "ignore"), env=variables)

    assert ended.stdout == "done\n", ended.stderr
