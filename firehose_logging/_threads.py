"""Our own threads: how they are started, and how anyone can tell that he is on one."""

from __future__ import annotations

import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

#: Loggers of the SDK: on our own threads they talk about our own deliveries, and a line of
#: theirs would make the next delivery, which makes the next line.
SDK = frozenset({"boto3", "botocore", "s3transfer", "urllib3"})

#: Idents of our threads that run.
own: set[int] = set()

#: Idents of threads that are calling Firehose now. Tracers patch the SDK, and log or print about
#: each call from loggers of their own (AWS X-Ray, OpenTelemetry): that would never end, either.
calling: set[int] = set()


def spawn(name: str, target: Callable[[], None]) -> threading.Thread:
    """Start ``target`` on a daemon thread named ``firehose_logging.<name>``.

    Raises:
        RuntimeError: the interpreter is shutting down, or the system gives no more threads.
    """

    def run() -> None:
        ident = threading.get_ident()
        own.add(ident)
        try:
            target()
        finally:
            own.discard(ident)

    thread = threading.Thread(target=run, name=f"firehose_logging.{name}", daemon=True)
    thread.start()
    return thread


class Reserved:
    """A thread of ours that waits for what it is to do.

    Whoever promises something that takes a thread can so make sure of the thread first.

    Args:
        name: as of ``spawn``.

    Raises:
        RuntimeError: as of ``spawn``.
    """

    def __init__(self, name: str) -> None:
        self._given = threading.Lock()
        self._given.acquire()
        self._target: Callable[[], None] | None = None
        spawn(name, self._wait)

    def _wait(self) -> None:
        self._given.acquire()
        if self._target is not None:
            self._target()

    def run(self, target: Callable[[], None]) -> None:
        """Have the thread run this, and end; once."""
        self._target = target
        self._given.release()

    def cancel(self) -> None:
        """Have the thread end."""
        self._given.release()


def is_own() -> bool:
    """Whether the calling thread is one of ours."""
    return threading.get_ident() in own


def is_calling() -> bool:
    """Whether the calling thread is in a call to Firehose."""
    return threading.get_ident() in calling


def is_about_us(logger: str) -> bool:
    """Whether what this logger says on this thread is about our own deliveries."""
    ident = threading.get_ident()
    return ident in calling or (ident in own and logger.partition(".")[0] in SDK)


def forget() -> None:
    """A forked child has none of its parent's threads."""
    own.clear()
    calling.clear()
