"""What is logged after a shutdown arrives as well."""

from __future__ import annotations

from support.cases import line, printed

LINES = [
    found
    for n in (1, 2, 3)
    for found in (line(f"line {n}", logger="shop", during=n), printed(f"printed {n}", during=n))
]
