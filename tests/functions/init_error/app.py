"""Says something, then cannot be imported."""

from __future__ import annotations

import logging

logging.getLogger("user").warning("about to fail")
print("printed in init")
ratio = 1 / 0


def handler(event: object, context: object) -> None:
    """Never called."""
