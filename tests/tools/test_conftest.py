from __future__ import annotations

import os
import signal
import socket
from pathlib import Path

import pytest

from tools.waiting import wait_until

pytest_plugins = ["pytester"]


def test_connections_outside_are_refused_and_fail_the_test(pytester: pytest.Pytester) -> None:
    """A test that swallows the refusal of an outside connection fails all the same."""
    pytester.makeconftest((Path(__file__).parents[1] / "conftest.py").read_text())
    pytester.makepyfile(
        """
        import contextlib, socket

        def test_out():
            with contextlib.suppress(Exception), socket.socket() as outside:
                outside.connect(("192.0.2.1", 80))

        def test_name():
            with contextlib.suppress(OSError):
                socket.create_connection(("firehose.example.com", 443))

        def test_name_that_never_resolves():
            with contextlib.suppress(OSError):
                socket.create_connection(("firehose.invalid", 443))

        def test_loopback():
            with socket.create_server(("127.0.0.1", 0)) as server:
                socket.create_connection(server.getsockname()).close()
        """
    )

    tests = Path(__file__).parents[1]
    result = pytester.runpytest_subprocess(
        "-p", "no:cacheprovider", "-o", f"pythonpath={tests} {tests.parent}"
    )

    result.assert_outcomes(passed=4, errors=2)
    result.stdout.fnmatch_lines(["*192.0.2.1*"])


def test_ambient_settings_of_aws_are_not_seen() -> None:
    """No credentials, profile or region of the person who runs the tests reach them."""
    seen = {name for name in os.environ if name.startswith(("AWS_", "FIREHOSE_"))}

    assert seen <= {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
    }


def test_wait_until_returns_what_became_true() -> None:
    """The waiting ends with the first true answer, which is returned."""
    answers = iter([0, "", None, "here"])

    assert wait_until(lambda: next(answers)) == "here"


def test_wait_until_names_what_did_not_happen() -> None:
    """After the deadline the error says what was waited for."""
    with pytest.raises(AssertionError, match="the moon did not come true within 0 s"):
        wait_until(lambda: False, deadline=0, what="the moon")


def test_unix_sockets_stay_usable() -> None:
    """Only internet addresses are looked at."""
    left, right = socket.socketpair()
    with left, right:
        left.sendall(b"x")

        assert right.recv(1) == b"x"


def test_ctrl_c_reaches_what_a_test_starts(pytester: pytest.Pytester) -> None:
    """Even where the tests were started in the background, with SIGINT ignored."""
    tests = Path(__file__).parents[1]
    pytester.makeconftest((tests / "conftest.py").read_text())
    pytester.makepyfile(
        """
        import signal, subprocess, sys

        def test_it():
            code = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"
            done = subprocess.run([sys.executable, "-c", code], stderr=subprocess.DEVNULL)
            assert done.returncode == -signal.SIGINT
        """
    )

    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        result = pytester.runpytest_subprocess(
            "-p", "no:cacheprovider", "-o", f"pythonpath={tests} {tests.parent}"
        )
    finally:
        signal.signal(signal.SIGINT, before)
    result.assert_outcomes(passed=1)
