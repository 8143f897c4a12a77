"""The page: what is in it, and how it behaves in a real browser."""

from __future__ import annotations

import base64
import gzip
import json
import re
import shutil
from pathlib import Path

import pytest

pytestmark = pytest.mark.e2e

CHROMIUM = next(
    filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None
)
#: As root, without a network, without what Chromium asks its maker for.
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
LOOKS = {
    "light": {"color_scheme": "light", "viewport": {"width": 1200, "height": 900}},
    "dark": {"color_scheme": "dark", "viewport": {"width": 1200, "height": 900}},
    "phone": {"color_scheme": "light", "viewport": {"width": 390, "height": 844}},
}


@pytest.fixture(scope="module")
def page_file(bucket, tmp_path_factory):
    """A report of the real run."""
    from firehose_logging._cli.__main__ import main

    out = tmp_path_factory.mktemp("report") / "report.html"
    assert (
        main(["report", "--from", str(bucket.folder), "--out", str(out), "--title", "A <shop>"])
        == 0
    )
    return out


@pytest.fixture(scope="module")
def browser():
    """A headless Chromium; `make browser` installs one."""
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine: make browser")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser, page_file):
    """Open the report in one of its looks; what the console said is in ``page.said``."""
    contexts = []

    def open_as(look, file=page_file):
        context = browser.new_context(offline=True, reduced_motion="reduce", **LOOKS[look])
        contexts.append(context)
        page = context.new_page()
        said: list[str] = []
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.goto(file.as_uri())
        page.wait_for_selector("html[data-ready=yes]")
        return page, said

    yield open_as
    for context in contexts:
        context.close()


def contents(file: Path):
    """The two data blocks of a page."""
    text = file.read_text()
    summary = json.loads(re.search(r'id="summary">(.*?)</script>', text, re.DOTALL).group(1))
    packed = re.search(r'id="lines">(.*?)</script>', text, re.DOTALL).group(1)
    return summary, json.loads(gzip.decompress(base64.b64decode(packed)))


def test_the_page_holds_everything(page_file, bucket):
    """Invocations, failures, proof, cost and every line; nothing is loaded from anywhere."""
    summary, lines = contents(page_file)

    assert set(summary["invocations"]["id"]) == set(bucket.requests.values())
    assert len(lines["time"]) == summary["lines"]
    assert {"order taken", "last words"} <= set(lines["texts"])
    types = {each["type"] for each in summary["errors"]}
    assert types >= {"RuntimeError", "KeyError", "Sandbox.Timedout"}
    assert [each["missing"] for each in summary["proof"]] == [0, 0]
    assert len(summary["cost"]) == 6
    text = page_file.read_text()
    assert "<title>A &lt;shop&gt;</title>" in text
    assert not re.search(r"""(src|href)=["'](?!data:|#)""", text)


def test_lines_cannot_leave_their_place(tmp_path, command):
    """A message that looks like HTML stays a message."""
    line = {
        "timestamp": "2026-11-28T10:00:00Z",
        "type": "function",
        "level": "ERROR",
        "logger": "x",
        "message": "</script><script>alert(1)</script>",
        "errorType": "</script><b>",
        "instanceId": "i",
        "seq": 1,
    }
    (tmp_path / "lines").write_text(json.dumps(line) + "\n")
    out = tmp_path / "report.html"
    command("report", "--from", tmp_path, "--out", out)

    assert out.read_text().count("</script>") == 4
    assert contents(out)[0]["errors"][0]["type"] == "</script><b>"


def test_a_page_may_carry_fewer_lines(bucket, command, tmp_path):
    """The numbers are of all of them, and the page says so."""
    out = tmp_path / "report.html"
    command("report", "--from", bucket.folder, "--out", out, "--lines", "10")
    summary, lines = contents(out)

    assert len(lines["time"]) == 10
    assert "newest 10 of" in summary["notes"][0]


@pytest.mark.parametrize("look", LOOKS)
def test_in_a_browser(opened, look):
    """Both themes and a phone: no error, nothing wider than the screen, axe-core has no remark."""
    from axe_playwright_python.sync_playwright import Axe

    page, said = opened(look)

    assert said == []
    assert page.evaluate("document.documentElement.scrollWidth") <= LOOKS[look]["viewport"]["width"]
    found = Axe().run(page).response["violations"]
    assert [(each["id"], [node["html"] for node in each["nodes"]]) for each in found] == []


def test_a_request_opens_its_story(opened, bucket):
    """A dialog with its lines, opened and closed by keyboard; axe-core has no remark."""
    from axe_playwright_python.sync_playwright import Axe

    page, said = opened("light")
    page.get_by_role("button", name=bucket.requests["raised"]).last.focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("dialog[open]")
    told = page.inner_text("#story-body")

    assert told.index("about to fail") < told.index("RuntimeError: asked for it")
    assert "in _raise" in told
    assert Axe().run(page).response["violations"] == []
    page.keyboard.press("Escape")
    page.wait_for_selector("dialog:not([open])", state="attached")
    assert said == []


def test_filter_and_zoom(opened, bucket):
    """By text of any line, by status, by time; with the keyboard too."""
    from playwright.sync_api import expect

    page, said = opened("light")
    shown = page.locator("#shown")

    page.fill("#text", "order taken")
    expect(shown).to_contain_text("1 of 6")
    assert page.get_by_role("button", name=bucket.requests["whole"]).count() == 1
    page.click("text=Clear")
    expect(shown).to_contain_text("6 of 6")
    page.select_option("#status", "timeout")
    expect(shown).to_contain_text("1 of 6")
    page.click("text=Clear")
    expect(shown).to_contain_text("6 of 6")
    before = page.inner_text("#range")
    page.focus("#timeline")
    page.keyboard.press("+")
    assert page.inner_text("#range") != before
    page.keyboard.press("0")
    assert page.inner_text("#range") == before
    assert shown.inner_text().startswith("6 of 6")
    assert said == []


def test_many_lines_open(opened, tmp_path, command):
    """A hundred thousand lines are unpacked and drawn; docs/benchmarks.md has how fast."""
    with (tmp_path / "lines").open("w") as file:
        for number in range(100_000):
            clock = f"{number // 3600 % 24:02}:{number // 60 % 60:02}:{number % 60:02}"
            line = {"timestamp": f"2026-11-28T{clock}Z", "type": "function", "level": "INFO"}
            line |= {"logger": "x", "message": f"line {number}", "seq": number + 1}
            line |= {"requestId": f"request-{number // 20}", "instanceId": "i"}
            file.write(json.dumps(line) + "\n")
    out = tmp_path / "report.html"
    assert command("report", "--from", tmp_path, "--out", out).status == 0
    page, said = opened("light", out)

    assert page.inner_text("#shown").startswith("5,000 of 5,000")
    assert said == []
