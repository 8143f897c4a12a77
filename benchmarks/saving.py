"""The month's bill as one picture, and the README's date of both: `python -m benchmarks.saving`.

The figures are those of the table "A month" in docs/benchmarks.md; nothing is measured here. What
writes that page does this, too.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PAGE = ROOT / "docs" / "benchmarks.md"
PICTURE = ROOT / "docs" / "plots" / "saving.svg"
README = ROOT / "README.md"
#: Where the README says of which run its pictures are.
DATE = re.compile(r"(?<=Both are of the run of )\d{4}-\d{2}-\d{2}")
#: The rows that are shown, and what they are called.
ROWS = {
    "CloudWatch Logs": "CloudWatch Logs",
    "Lambda's own destination S3": "Lambda's own, S3",
    "Lambda's own destination Firehose": "Lambda's own, Firehose",
    "`end`, steady 1/s": "this, flush=end",
    "`adaptive`, steady 1/s": "this, flush=adaptive",
    "`adaptive`, steady 10/s, gzip": "this, adaptive, gzip",
}
ROW_HEIGHT, LEFT, WIDTH, MOST = 30, 190, 640, 380


def figures(page: str) -> dict[str, float]:
    """US dollars a month of each row that is shown.

    Raises:
        ValueError: the page has no such row any more.
    """
    found = {}
    for row, name in ROWS.items():
        line = re.search(rf"(?m)^\| {re.escape(row)} \|.*$", page)
        if line is None:
            raise ValueError(f"docs/benchmarks.md has no row {row!r} any more: change ROWS")
        found[name] = float(line[0].split("|")[7].strip().lstrip("$"))
    return found


def measured_on(page: str) -> str:
    """The day of the run that the page is of."""
    day = re.search(r"Measured on (\d{4}-\d{2}-\d{2})", page)
    return day[1] if day else "?"


def draw(dollars: dict[str, float], day: str) -> str:
    """The picture as SVG, readable on light and on dark ground."""
    most = max(dollars.values())
    parts = []
    for number, (name, value) in enumerate(dollars.items()):
        y = 44 + number * ROW_HEIGHT
        width = max(2.0, value / most * MOST)
        colour = "#3b6fd4" if name.startswith("this") else "#8a8f98"
        parts.append(
            f'<text x="{LEFT - 10}" y="{y + 14}" text-anchor="end">{name}</text>'
            f'<rect x="{LEFT}" y="{y}" width="{width:.1f}" height="20" rx="3" fill="{colour}"/>'
            f'<text x="{LEFT + width + 8:.1f}" y="{y + 14}">${value:.2f}</text>'
        )
    height = 44 + len(dollars) * ROW_HEIGHT + 30
    title = "Ten million invocations a month, five lines each: the bill for their logs"
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" role="img" '
        f'aria-label="{title}"><style>text{{font:13px sans-serif;fill:#57606a}}'
        "@media (prefers-color-scheme:dark){text{fill:#c9d1d9}}</style>"
        f'<text x="10" y="22" style="font-weight:bold">{title}</text>{"".join(parts)}'
        f'<text x="10" y="{height - 10}">docs/benchmarks.md, {day}; us-east-1, without storage'
        "</text></svg>\n"
    )


def write() -> None:
    """The picture, and the date in the README."""
    page = PAGE.read_text(encoding="utf-8")
    PICTURE.write_text(draw(figures(page), measured_on(page)), encoding="utf-8")
    README.write_text(DATE.sub(measured_on(page), README.read_text(encoding="utf-8")), "utf-8")


def main() -> int:
    """Write them."""
    write()
    sys.stdout.write(f"{PICTURE.relative_to(ROOT)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
