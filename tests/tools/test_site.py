"""The docs as a site: every page has its place, and the reference is what the code says."""

from __future__ import annotations

from pathlib import Path

import pytest

from firehose_logging.settings import Settings
from tools import site


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The site's source, in a folder of this test."""
    monkeypatch.setattr(site, "SOURCE", tmp_path)
    return tmp_path


def test_every_page_is_in_the_contents_once(source: Path) -> None:
    """A new page needs no entry anywhere to be found, and none is there twice."""
    pages = site.copy_pages()
    contents = site.navigation(pages, site.write_reference())
    named = []
    for part in contents:
        for entry in part.values():
            named += (
                [entry] if isinstance(entry, str) else [*(next(iter(e.values())) for e in entry)]
            )

    assert sorted(named) == sorted([*pages, *(str(p) for p in _reference(source))])


def _reference(source: Path) -> list[Path]:
    return [path.relative_to(source) for path in (source / "reference").glob("*.md")]


def test_what_pages_link_to_comes_along(source: Path) -> None:
    """Each relative link of each page leads to a file of the site."""
    for page in site.copy_pages():
        for link in site.LINK.findall((source / page).read_text()):
            if "://" not in link and (site.ROOT / page).parent.joinpath(link).exists():
                assert (source / page).parent.joinpath(link).is_file(), f"{page}: {link}"


def test_every_setting_is_in_the_reference() -> None:
    """The page of variables has a row for each setting, with the variable's name."""
    page = site.variables()

    for field in Settings.__slots__:
        if field not in ("environment", "given", "stream_names"):  # no settings of anybody's
            assert f"| `{field}` |" in page, field
    assert "| `AWS_KINESIS_STREAM_NAME` |" in page
    without = [row.split("`")[3] for row in page.splitlines() if row.startswith("| `-`")]
    assert without == ["stream_names"]  # another way to say the first
    assert "SettingsError" not in page
