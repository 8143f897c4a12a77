"""Levels of the user's loggers, as a setting names them."""

from __future__ import annotations

import logging

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def set_levels(levels: Iterable[tuple[str, int]]) -> None:
    """Set levels of loggers; what the function's own configuration sets later holds.

    Args:
        levels: names of loggers and their levels; ``root`` is the root logger.
    """
    for name, level in levels:
        # ``getLogger("root")`` is another logger in some versions.
        logging.getLogger(None if name == "root" else name).setLevel(level)
