"""Results that stay in the repository: the pages are made from them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


def text_of(results: Mapping[str, Any]) -> str:
    """Results as JSON, a value a line, so that two runs can be told apart."""
    return json.dumps(results, indent=1) + "\n"


def store(path: Path, results: Mapping[str, Any]) -> None:
    """Write them.

    Args:
        path: of the file; its folder is there.
        results: ready for JSON.
    """
    path.write_text(text_of(results), encoding="utf-8")
