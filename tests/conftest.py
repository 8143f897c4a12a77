"""What holds for every test: loopback only, a clean environment, no state left behind."""

from __future__ import annotations

import ipaddress
import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pytest

from support.fresh_process import forget_process

if TYPE_CHECKING:
    from local_firehose import LocalFirehose

# What checks for many tests shows both sides of a comparison, as a test does.
pytest.register_assert_rewrite("support.cases")

#: Variables that would change what the code under test does, or let it out to the real AWS.
_AMBIENT_PREFIXES = ("AWS_", "FIREHOSE_", "LAMBDA_", "_LAMBDA_", "BOTO_")
_AMBIENT_NAMES = {
    "_HANDLER", "_X_AMZN_TRACE_ID", "HTTP_LOGS_LISTENER_PORT", "PYTHONPATH", "PYTHONWARNINGS",
    "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY",
}  # fmt: skip


def pytest_configure() -> None:
    """Clean the environment once, before any fixture or child process can see it."""
    for name in list(os.environ):
        if name.startswith(_AMBIENT_PREFIXES) or name.upper() in _AMBIENT_NAMES:
            del os.environ[name]
    # Without these, botocore would look into the home folder and ask the instance metadata service.
    os.environ["AWS_CONFIG_FILE"] = os.devnull
    os.environ["AWS_SHARED_CREDENTIALS_FILE"] = os.devnull
    os.environ["AWS_EC2_METADATA_DISABLED"] = "true"
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # As a shell without job control starts what runs in the background; children inherit it.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # How long an example takes says more about the machine than about the code.
    hypothesis.settings.register_profile("untimed", deadline=None)
    hypothesis.settings.load_profile("untimed")
    if sys.gettrace() is not None:
        _trace_our_threads()


def _trace_our_threads() -> None:
    """Have who traces this process, as coverage does, follow threads of ours too.

    ``threading``, which it asks to, knows nothing of them. From Python 3.12 on coverage sees every
    thread, and there is nothing to do.
    """
    from firehose_logging import _threads

    start = _threads.start_new_thread

    def start_traced(run: Any, args: tuple[Any, ...]) -> int:
        def traced() -> None:
            sys.settrace(threading.gettrace())
            run(*args)

        return start(traced, ())

    _threads.start_new_thread = start_traced


@pytest.fixture(autouse=True)
def _environment_restored() -> Iterator[None]:
    """Put environment variables back, whichever way the test changed them."""
    before = dict(os.environ)
    yield
    if dict(os.environ) != before:
        os.environ.clear()
        os.environ.update(before)


@pytest.fixture(autouse=True)
def _logging_restored() -> Iterator[None]:
    """Put the process-wide parts of ``logging`` back; awslambdaric, too, changes some of them."""
    root = logging.getLogger()
    before, level = list(root.handlers), root.level
    converter, raises = logging.Formatter.converter, logging.raiseExceptions
    methods = logging.Logger.callHandlers, logging.Handler.handleError
    yield
    logging.Logger.callHandlers, logging.Handler.handleError = methods
    for handler in list(root.handlers):
        if handler not in before:
            root.removeHandler(handler)
    root.setLevel(level)
    logging.captureWarnings(False)
    logging.Formatter.converter = converter
    logging.raiseExceptions = raises


@pytest.fixture(autouse=True)
def _process_state_reset(_logging_restored: None) -> Iterator[None]:
    """Forget the package's one process-wide instance, and what it captured, after each test."""
    streams = sys.stdout, sys.stderr
    writes = [getattr(stream, "__dict__", {}).get("write") for stream in streams]
    hooks = sys.excepthook, threading.excepthook, sys.unraisablehook
    originals = sys.__excepthook__, threading.__excepthook__, sys.__unraisablehook__
    yield
    sys.excepthook, threading.excepthook, sys.unraisablehook = hooks
    sys.__excepthook__, threading.__excepthook__, sys.__unraisablehook__ = originals
    sys.stdout, sys.stderr = streams
    for stream, write in zip(streams, writes, strict=True):
        if write is None:
            getattr(stream, "__dict__", {}).pop("write", None)
    forget_process()


@pytest.fixture
def firehose(tmp_path: Path) -> Iterator[LocalFirehose]:
    """A local Firehose with one stream, "logs", without a quota; its bucket is the test's own."""
    from local_firehose import DeliveryStream, LocalFirehose

    stream = DeliveryStream("logs", tmp_path / "bucket", throughput=None)
    with LocalFirehose([stream]) as firehose:
        yield firehose


class OutsideConnectionError(Exception):
    """A test tried to reach an address that is not this machine's loopback."""


@pytest.fixture(autouse=True)
def _loopback_only(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Refuse every connection that leaves the loopback, and fail the test that tried.

    Names that can never resolve (``.invalid``, RFC 6761) and Lambda's own ``sandbox`` names are
    refused without failing the test: asking for them is a way to have a name that fails.
    """
    refused: list[str] = []

    def guard(method: Any) -> Any:
        def guarded(self: socket.socket, address: Any, *rest: Any) -> Any:
            if self.family in {socket.AF_INET, socket.AF_INET6} and not _is_loopback(address[0]):
                refused.append(str(address))
                raise OutsideConnectionError(f"tests reach loopback addresses only, not {address}")
            return method(self, address, *rest)

        return guarded

    def getaddrinfo(host: Any, *rest: Any, **named: Any) -> Any:
        name = host.decode() if isinstance(host, bytes) else host
        if name is not None and not _is_loopback(name) and name not in {"", "0.0.0.0", "::"}:
            if not name.endswith((".invalid", ".localdomain")) and name != "sandbox":
                refused.append(name)
            raise socket.gaierror(socket.EAI_NONAME, f"tests look up no names: {name}")
        return lookup(host, *rest, **named)

    lookup = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(socket.socket, "connect", guard(socket.socket.connect))
    monkeypatch.setattr(socket.socket, "connect_ex", guard(socket.socket.connect_ex))
    yield
    if refused:
        pytest.fail(f"tests reach loopback addresses only; this one tried {', '.join(refused)}")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
