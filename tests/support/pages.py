"""The repository's prose, and the code in it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    {
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
        *ROOT.glob("local_*/*.md"),
    }
)
_FENCE = re.compile(r"(?ms)^```([^\n]*)\n(.*?)^```$")
#: A command in the middle of a sentence.
_INLINE = re.compile(r"`((?:make|firehose-logging|local-lambda|local-firehose|aws) [^`\n]+)`")


class Block(NamedTuple):
    """A block of code on a page; ``number`` counts those of its language there, from 1."""

    page: str
    language: str
    number: int
    text: str

    @property
    def name(self) -> str:
        """As a test calls it."""
        return f"{self.page}:{self.language}:{self.number}"


def blocks(*languages: str) -> list[Block]:
    """Every block of every page, or those of some languages."""
    found = []
    for page in PAGES:
        counts: dict[str, int] = {}
        for language, text in _FENCE.findall(page.read_text(encoding="utf-8")):
            counts[language] = counts.get(language, 0) + 1
            if not languages or language in languages:
                name = str(page.relative_to(ROOT))
                found.append(Block(name, language, counts[language], text))
    return found


def inline_commands() -> list[tuple[str, str]]:
    """Page and command, for every command that stands in a sentence."""
    return [
        (str(page.relative_to(ROOT)), command)
        for page in PAGES
        for command in _INLINE.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))
    ]
