"""Levels in order, and the colour of each."""

from __future__ import annotations

from firehose_logging._cli.errors import CommandError

LEVELS = {"DEBUG": 10, "INFO": 20, "WARNING": 30, "ERROR": 40, "CRITICAL": 50}
COLOURS = {
    "DEBUG": "dim",
    "INFO": "green",
    "WARNING": "yellow",
    "ERROR": "red",
    "CRITICAL": "bold red",
}


def at_least(level: str) -> list[str]:
    """The levels from this one on.

    Raises:
        CommandError: there is no such level.
    """
    name = {"WARN": "WARNING", "FATAL": "CRITICAL"}.get(level.upper(), level.upper())
    if name not in LEVELS:
        raise CommandError(f"--level {level}: one of {', '.join(LEVELS)} is needed")
    return [each for each, number in LEVELS.items() if number >= LEVELS[name]]
