"""What can go wrong, by name: one base exception and the reasons a line can be lost for."""

from __future__ import annotations

from firehose_logging._reasons import (
    BAD_TELEMETRY,
    BUFFER_FULL,
    DIVERTED,
    LOSS_REASONS,
    REFUSED,
    UNENCODABLE,
)

__all__ = [
    "BAD_TELEMETRY",
    "BUFFER_FULL",
    "DIVERTED",
    "LOSS_REASONS",
    "REFUSED",
    "UNENCODABLE",
    "FirehoseLoggingError",
    "SettingsError",
]


class FirehoseLoggingError(Exception):
    """Base of every error this package raises on purpose."""


class SettingsError(FirehoseLoggingError, ValueError):
    """A setting has a value that is not allowed; the message names setting, value and range."""
