"""Says a line from each place that a Python program can run code in."""

from __future__ import annotations

import asyncio
import logging
import logging.handlers
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)


def handler(event: dict[str, str], context: object) -> object:
    """Do what the event's ``how`` names."""
    return globals()[event["how"]]()


def with_asyncio() -> None:
    """Ten tasks; the loop uses the wake-up descriptor that SIGTERM needs, while it runs."""

    async def task(number: int) -> None:
        await asyncio.sleep(0)
        logger.info("task %d", number)
        print(f"task {number} prints")

    async def main() -> None:
        await asyncio.gather(*(task(number) for number in range(10)))

    asyncio.run(main())


def with_signal_handlers() -> None:
    """A loop with a signal handler takes the wake-up descriptor, and takes it away at its end."""

    async def main() -> None:
        asyncio.get_running_loop().add_signal_handler(signal.SIGUSR1, lambda: None)
        logger.info("in the loop")

    asyncio.run(main())
    logger.info("after the loop")


def with_threads() -> None:
    """Many threads at a time, and one that dies of an error."""
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: logger.info("thread %d", number), range(400)))

    def fail() -> None:
        raise ValueError("in a thread")

    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()


def with_subprocess() -> str:
    """A program that writes to what it inherited, and one whose output we read."""
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    return subprocess.run(
        [sys.executable, "-c", "print('read by us')"], check=True, capture_output=True, text=True
    ).stdout


def work(number: int) -> int:
    """What a worker process does."""
    logger.info("worker %d", number)
    return number


def with_fork_context() -> list[int]:
    """Multiprocessing with forked workers."""
    return _with_processes("fork")


def with_spawn_context() -> list[int]:
    """Multiprocessing with fresh interpreters, which we do not touch."""
    return _with_processes("spawn")


def _with_processes(method: str) -> list[int]:
    logger.info("before %s", method)
    context = multiprocessing.get_context(method)
    processes = [context.Process(target=work, args=(number,)) for number in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    logger.info("after %s", method)
    return [process.exitcode or 0 for process in processes]


def tell_by_queue(records: multiprocessing.Queue[logging.LogRecord]) -> None:
    """What a worker does that leaves the printing to its parent."""
    logger.addHandler(logging.handlers.QueueHandler(records))
    logger.propagate = False
    logger.warning("from a worker, by queue")


def with_log_queue() -> None:
    """The logging cookbook's way with processes: workers queue, the parent prints."""
    context = multiprocessing.get_context("spawn")
    records = context.Queue()
    listener = logging.handlers.QueueListener(records, logging.StreamHandler(sys.stdout))
    listener.start()
    worker = context.Process(target=tell_by_queue, args=(records,))
    worker.start()
    worker.join()
    listener.stop()


def with_fork() -> int:
    """os.fork; the child logs, flushes and leaves at once."""
    logger.info("parent before")
    child = os.fork()
    if not child:
        from firehose_logging import flush

        logger.info("child")
        os._exit(0 if flush(5.0) else 1)
    _, status = os.waitpid(child, 0)
    logger.info("parent after")
    return os.waitstatus_to_exitcode(status)


def with_fork_and_sys_exit() -> int:
    """os.fork; the child leaves through the interpreter's exit."""
    child = os.fork()
    if not child:
        logger.info("child that exits")
        sys.exit(0)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)
