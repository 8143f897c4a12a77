"""Parts of the package put together for tests: a delivery without its thread, child processes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firehose_logging._clock import SystemClock
from firehose_logging._delivery.backlog import Backlog
from firehose_logging._delivery.delivery import Delivery
from firehose_logging.settings import Settings
from firehose_logging.testing import ManualClock

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from firehose_logging._clock import Clock

ROOT = Path(__file__).resolve().parents[2]
#: Seconds. A child that takes longer hangs; a sound one needs a fraction of a second.
CHILD_DEADLINE = 30.0


def own_body(level: str, message: str, columns: Mapping[str, object]) -> str:
    """The body of a line of the package's own, much shorter than the real one."""
    del level, message
    return json.dumps({"own": columns}, separators=(",", ":"))[:-1]


class IdleThread:
    """Stands for a delivery thread that never gets to run."""

    def is_alive(self) -> bool:
        """It lives, so nobody starts another one or does its work."""
        return True

    def join(self, timeout: float | None = None) -> None:
        """It is not waited for."""


def backlog(
    clock: Clock, *, journal_folder: str | None = None, **settings: Any
) -> tuple[Settings, Backlog]:
    """A backlog and the settings that it has."""
    settings.setdefault("stream_name", "logs")
    made = Settings(**settings)
    return made, Backlog(made, clock, journal_folder=journal_folder)


def unthreaded(
    transport: Any,
    clock: ManualClock,
    *,
    background: bool = False,
    divert: Any = None,
    journal_folder: str | None = None,
    **settings: Any,
) -> Delivery:
    """A delivery whose thread never runs: tests make its steps themselves, by its dispatcher.

    Args:
        transport: what sends; a function makes one.
        clock: the clock.
        background: whether lines are delivered by age.
        divert: writes lines that Firehose does not take; None where they have no other way out.
        journal_folder: where the crash journal is kept; None keeps none.
        settings: the other settings.
    """
    made, lines = backlog(clock, journal_folder=journal_folder, **settings)
    return Delivery(
        made,
        lines,
        transport if callable(transport) else lambda: transport,
        clock,
        background=lambda: background,
        own_body=own_body,
        divert=divert,
        spawn=lambda _name, _target: IdleThread(),
    )


def threaded(
    transport: Any,
    clock: Clock | None = None,
    *,
    background: bool = True,
    on_progress: Callable[[], None] | None = None,
    spawn: Any = None,
    **settings: Any,
) -> Delivery:
    """A delivery with its real thread and the real clock; close it at the end."""
    clock = clock or SystemClock()
    made, lines = backlog(clock, **settings)
    return Delivery(
        made,
        lines,
        transport if callable(transport) else lambda: transport,
        clock,
        background=lambda: background,
        own_body=own_body,
        on_progress=on_progress,
        spawn=spawn,
    )


class MemoryClient:
    """A Firehose client that keeps what it is given, for ``FirehoseHandler(client=...)``."""

    def __init__(self) -> None:
        self.records: list[bytes] = []
        self.streams: set[str] = set()

    def put_record_batch(self, **call: Any) -> dict[str, Any]:
        """Store all records of a call."""
        self.streams.add(call["DeliveryStreamName"])
        self.records += [bytes(item["Data"]) for item in call["Records"]]
        return {"FailedPutCount": 0, "RequestResponses": [{} for _ in call["Records"]]}

    def lines(self) -> list[dict[str, Any]]:
        """Every line stored, parsed, in order; flushes first."""
        import firehose_logging

        for _ in range(3):  # what a flush delivers may add a line about losses
            if not firehose_logging.flush(10).pending:
                break
        return [json.loads(line) for data in self.records for line in data.splitlines()]

    def messages(self) -> list[Any]:
        """The message of every line stored."""
        return [line["message"] for line in self.lines()]


def child_environment(**variables: str) -> dict[str, str]:
    """What a child process needs and nothing else; never the ambient settings."""
    kept = ("PATH", "HOME", "LANG", "TMPDIR")
    return {
        **{name: os.environ[name] for name in kept if name in os.environ},
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        **variables,
    }


def run_python(
    code: str,
    *args: str,
    env: Mapping[str, str] | None = None,
    flags: Sequence[str] = (),
    python: str | Path = sys.executable,
) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that finds the package in the repository."""
    variables = child_environment(PYTHONPATH=f"{ROOT}:{ROOT / 'tests'}", **(env or {}))
    return subprocess.run(
        [str(python), *flags, "-c", code, *args],
        env=variables, capture_output=True, text=True, timeout=CHILD_DEADLINE, check=False,
    )  # fmt: skip
