"""Give a process a share of a processor, as a function of little memory has it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

#: Where the kernel's first control groups and the second ones are.
_FIRST, _SECOND = Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup")
#: Microseconds of one period; Lambda hands out processors in slices of 20 ms.
_PERIOD = 20_000


@contextmanager
def limited(pid: int, share: float) -> Iterator[str]:
    """Give a process, and what it starts, a share of one processor; gives how that is done.

    By a quota of its control group, where this machine allows that; else by stopping it most of
    the time, which is ruder: nothing of it runs between two slices.
    """
    with quota(share) as group:
        if group is not None:
            (group / "cgroup.procs").write_text(str(pid))
            yield "quota"
            return
    over = threading.Event()
    thread = threading.Thread(target=_stop_and_go, args=(pid, share, over), daemon=True)
    thread.start()
    try:
        yield "signals"
    finally:
        over.set()
        thread.join()


@contextmanager
def quota(share: float) -> Iterator[Path | None]:
    """A new control group with a share of one processor; None where there is none to be had."""
    group = _group(share)
    if group is None:
        yield None
        return
    try:
        yield group
    finally:
        # What still runs in it goes on outside, and a process that ends leaves late.
        for _ in range(100):
            for left in (group / "cgroup.procs").read_text().split():
                with suppress(OSError):
                    (group.parent / "cgroup.procs").write_text(left)
            try:
                group.rmdir()
                break
            except OSError:
                time.sleep(0.05)


def _group(share: float) -> Path | None:
    """A new control group with that share; None where there is none to be had."""
    quota = int(_PERIOD * share)
    for parent, settings in (
        (_FIRST, {"cpu.cfs_period_us": str(_PERIOD), "cpu.cfs_quota_us": str(quota)}),
        (_SECOND, {"cpu.max": f"{quota} {_PERIOD}"}),
    ):
        group = parent / f"firehose-logging-test-{os.getpid()}"
        try:
            group.mkdir()
        except OSError:
            continue
        try:
            for name, value in settings.items():
                (group / name).write_text(value)
            return group
        except OSError:
            with suppress(OSError):
                group.rmdir()
    return None


def _stop_and_go(pid: int, share: float, over: threading.Event) -> None:
    period = _PERIOD / 1_000_000
    with suppress(ProcessLookupError):
        while not over.is_set():
            os.kill(pid, signal.SIGSTOP)
            over.wait(period * (1 - share))
            os.kill(pid, signal.SIGCONT)
            over.wait(period * share)
