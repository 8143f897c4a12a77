"""The measured parts of docs/reliability.md, each between two markers."""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

DOCUMENT = Path(__file__).resolve().parent.parent / "docs" / "reliability.md"


def write(part: str, text: str, document: Path = DOCUMENT) -> None:
    """Put ``text`` in the place of a part, with the day it was measured.

    Raises:
        ValueError: the document has no such part.
    """
    begin, end = f"<!-- {part} -->", f"<!-- /{part} -->"
    whole = document.read_text()
    if begin not in whole or end not in whole:
        raise ValueError(f"{document}: no part between {begin} and {end}")
    head, _, rest = whole.partition(begin)
    tail = rest.partition(end)[2]
    day = f"{datetime.now(timezone.utc):%Y-%m-%d}"
    document.write_text(f"{head}{begin}\n\n{text.strip()}\n\nMeasured on {day}.\n\n{end}{tail}")
