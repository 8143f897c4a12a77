"""The site read from files: its search runs in a frame, without a server and without a network."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from support.pages import ROOT

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
SHIM = ROOT / "docs" / "assets" / "iframe-worker.js"
#: A worker as the search's is: it imports a script, then answers what it is asked.
WORKER = """
addEventListener("message", async event => {
  await importScripts("words.js")
  postMessage(words[event.data])
})
"""
PAGE = """
<body><p id="answer">nothing yet</p>
<script src="iframe-worker.js"></script>
<script>
  const worker = new Worker("worker.js")
  worker.addEventListener("message", event => { answer.textContent = event.data })
  worker.postMessage("journal")
</script></body>
"""


def test_the_site_loads_nothing_from_elsewhere() -> None:
    """The theme would add a script of a public server; the configuration names ours instead."""
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text())

    assert configuration["extra"]["polyfills"] == [str(SHIM.relative_to(ROOT))]
    assert configuration["theme"]["font"] is False
    assert "offline" in configuration["plugins"]


@pytest.mark.e2e
@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: `make browser` installs one")
def test_a_worker_answers_on_a_page_that_is_a_file(tmp_path: Path) -> None:
    """What is posted reaches the worker, what it imports is loaded, its answer comes back."""
    from playwright.sync_api import expect, sync_playwright

    shutil.copy(SHIM, tmp_path)
    (tmp_path / "worker.js").write_text(WORKER)
    (tmp_path / "words.js").write_text("words = { journal: 'found' }")
    (tmp_path / "page.html").write_text(PAGE)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-background-networking"]
        )
        page = browser.new_page()
        asked: list[str] = []
        page.on("request", lambda request: asked.append(request.url))
        page.goto((tmp_path / "page.html").as_uri())
        expect(page.locator("#answer")).to_have_text("found", timeout=10_000)
        browser.close()

    assert [url for url in asked if not url.startswith("file:")] == []
