"""Links in the repository's prose: what they name is there. Nothing is fetched."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "local_lambda").glob("*.md"),
        *(ROOT / "local_firehose").glob("*.md"),
        *(ROOT / "deploy").rglob("*.md"),
    ]
)
_FENCE = re.compile(r"(?ms)^```.*?^```$|`[^`\n]*`")
_LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)(?:\s+\"[^\"]*\")?\)")
_HEADING = re.compile(r"(?m)^#{1,6} +(.+?) *#*$")


def links(page: Path) -> list[str]:
    """Targets of a page's links, code left out."""
    return _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


def anchors(page: Path) -> set[str]:
    """What a link may name behind the #, as GitHub and Markdown's own site builders make it."""
    text = re.sub(r"(?ms)^```.*?^```$", "", page.read_text(encoding="utf-8"))
    found: set[str] = set(re.findall(r"<a (?:id|name)=\"([^\"]+)\"", text))
    for heading in _HEADING.findall(text):
        words = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading)
        slug = re.sub(r"[^\w\- ]", "", words.lower()).strip()
        found |= {slug.replace(" ", "-"), re.sub(r"[-\s]+", "-", slug)}
    return found


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_leads_somewhere(page: Path) -> None:
    """A relative link names a file that is there, and a heading in it."""
    broken = []
    for link in links(page):
        if "://" in link or link.startswith("mailto:"):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        missing = not target.exists() or not target.is_relative_to(ROOT)
        if missing or (anchor and target.suffix == ".md" and anchor not in anchors(target)):
            broken.append(link)

    assert not broken


def test_a_missing_heading_is_noticed(tmp_path: Path) -> None:
    """The check itself sees links, and knows headings from none."""
    page = tmp_path / "page.md"
    page.write_text("# One `two`, three\n\n[a](other.md#x) `[no](code.md)`\n")

    assert links(page) == ["other.md#x"]
    assert anchors(page) == {"one-two-three"}


_PATH = re.compile(
    r"`((?:tests|tools|faults|benchmarks|conformance|firehose_logging|local_lambda|local_firehose"
    r"|deploy|docs|requirements|sample_function|wrapper_script)/[\w./-]*\w)(?:::\w+)?`"
)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_path_that_is_named_is_there(page: Path) -> None:
    """A page that says what shows something names a file of this repository."""
    named = _PATH.findall(page.read_text(encoding="utf-8"))

    assert [path for path in named if not (ROOT / path).exists()] == []
