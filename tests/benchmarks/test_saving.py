"""The README's picture of the saving."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import pytest

from benchmarks import saving


def test_the_picture_is_of_the_stored_results() -> None:
    """What is drawn is what docs/benchmarks.md says; a new run needs a new picture."""
    page = saving.PAGE.read_text(encoding="utf-8")
    drawn = saving.draw(saving.figures(page), saving.measured_on(page))

    assert saving.PICTURE.read_text(encoding="utf-8") == drawn


def test_the_readme_says_of_which_run_its_pictures_are() -> None:
    """Both have the day of the page beside them; a new run needs the new day."""
    page = saving.PAGE.read_text(encoding="utf-8")
    readme = saving.README.read_text(encoding="utf-8")

    assert saving.DATE.findall(readme) == [saving.measured_on(page)]
    assert all(f"docs/plots/{name}.svg" in readme for name in ("saving", "cold-start"))


def test_the_longest_bar_is_the_dearest() -> None:
    """Bars are as long as their figures say."""
    drawn = ET.fromstring(saving.draw({"CloudWatch Logs": 10.0, "this": 2.5}, "today"))
    bars = [float(bar.get("width", 0)) for bar in drawn.iter("{http://www.w3.org/2000/svg}rect")]

    assert bars[1] / bars[0] == pytest.approx(0.25)


def test_a_row_that_is_gone_is_told() -> None:
    """Rows are found by their names."""
    with pytest.raises(ValueError, match="has no row"):
        saving.figures("# Benchmarks")
