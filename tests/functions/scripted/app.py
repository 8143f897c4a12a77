"""Does what its event says, step by step.

    {"do": [["log", "INFO", "text"], ["print", "text"], ["raise", "RuntimeError", "text"]],
     "answer": 42}

So a test holds side by side what is said and what has to arrive.
"""

from __future__ import annotations

import builtins
import ctypes
import logging
import os
import signal
import sys
import time
import warnings
from typing import Any

logger = logging.getLogger("user")
logger.setLevel(logging.DEBUG)


def handler(event: dict[str, Any], context: Any) -> Any:
    """Take every step, then answer."""
    for name, *arguments in event.get("do", []):
        if name == "until_left":
            _until_left(context, *arguments)
        else:
            STEPS[name](*arguments)
    return event.get("answer")


def _log(level: str, message: Any, extra: dict[str, Any] | None = None) -> None:
    logger.log(logging.getLevelName(level), message, extra=extra)


def _log_to(name: str, level: str, message: str) -> None:
    logging.getLogger(name).log(logging.getLevelName(level), message)


def _logs(level: str, count: int) -> None:
    for number in range(count):
        logger.log(logging.getLevelName(level), "line %d", number)


def _caught(message: str) -> None:
    try:
        raise KeyError(message)
    except KeyError:
        logger.exception(message)


def _write(text: str) -> None:
    sys.stdout.write(text)  # the stream of this moment


def _warn(message: str) -> None:
    # A text of its own each time, because Python shows the same warning of one place only once.
    warnings.warn(message, stacklevel=1)


def _raise(kind: str, message: str) -> None:
    raise getattr(builtins, kind)(message)


def _until_left(context: Any, milliseconds: int) -> None:
    """Run Python code until so much of the invocation's time is left."""
    while context.get_remaining_time_in_millis() > milliseconds:
        pass


def _spin() -> None:
    while True:
        pass


def _block() -> None:
    """Wait for ever in native code that no signal interrupts, as a database driver may."""
    libc = ctypes.CDLL(None)
    mutex = ctypes.create_string_buffer(128)
    libc.pthread_mutex_lock(mutex)
    libc.pthread_mutex_lock(mutex)


def _on_sigterm(message: str, ends: bool) -> None:
    def on_sigterm(number: int, frame: object) -> None:
        logger.warning(message)
        if ends:
            sys.exit(0)

    signal.signal(signal.SIGTERM, on_sigterm)


STEPS: dict[str, Any] = {
    "log": _log,
    "log_to": _log_to,
    "logs": _logs,
    "caught": _caught,
    "print": print,
    "write": _write,
    "stderr": lambda text: sys.stderr.write(text + "\n"),
    "warn": _warn,
    "raise": _raise,
    "exit": sys.exit,
    "os_exit": os._exit,
    "sleep": time.sleep,
    "spin": _spin,
    "block": _block,
    "on_sigterm": _on_sigterm,
    "add_level": logging.addLevelName,
}
