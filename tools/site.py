"""Lay the docs out as a site, write its reference, and have MkDocs build it strictly.

    python -m tools.site [DESTINATION]

Pages link to one another and to files of the repository by their paths, so the source of the site
is the repository itself: every page, and every file that a page links to, in the same places.
"""

from __future__ import annotations

import inspect
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import yaml

from firehose_logging import settings

ROOT = Path(__file__).resolve().parent.parent
SOURCE = ROOT / "build" / "site-source"
SITE = ROOT / "build" / "site"
CONFIGURATION = ROOT / "build" / "mkdocs.yml"
#: Folders whose pages are part of the site, besides those at the top.
FOLDERS = ("docs", "deploy", "local_lambda", "local_firehose")
TOP = ("README.md", "CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
#: What no page links to, and the site needs: the search of pages that are read from files.
ASSETS = ("docs/assets/iframe-worker.js",)
LINK = re.compile(r"\]\(([^)#?\s]+)")
HEADING = re.compile(r"(?m)^# (.+)$")

#: The site's parts in their order, and the pages of each. What is not named comes under Reference.
PARTS: tuple[tuple[str, tuple[str, ...]], ...] = (
    ("Start here", ("docs/start.md", "docs/how-it-works.md", "docs/terms.md")),
    (
        "How to",
        (
            "docs/query.md", "docs/leaving-cloudwatch.md", "docs/moving-from.md",
            "docs/containers.md", "docs/web-adapter.md", "docs/durable-functions.md",
        ),
    ),
    ("Operate", ("deploy/README.md", "docs/operate.md", "docs/scale.md", "docs/messages.md")),
    ("Recipes", ("docs/recipes/*.md", "docs/recipes/*/README.md")),
    (
        "Trust",
        (
            "docs/reliability.md", "docs/security.md", "docs/support.md", "docs/compatibility.md",
            "docs/conformance.md",
        ),
    ),
    ("Performance", ("docs/performance.md", "docs/benchmarks.md", "docs/flush.md")),
    ("Help", ("docs/troubleshooting.md", "docs/faq.md")),
)  # fmt: skip


def main(arguments: list[str]) -> int:
    """Build the site into the folder given, or build/site."""
    site = Path(arguments[0]).resolve() if arguments else SITE
    shutil.rmtree(SOURCE, ignore_errors=True)
    pages = copy_pages()
    reference = write_reference()
    configuration = yaml.safe_load((ROOT / "mkdocs.yml").read_text(encoding="utf-8"))
    configuration |= {
        "docs_dir": str(SOURCE),
        "site_dir": str(site),
        "nav": navigation(pages, reference),
    }
    for plugin in configuration["plugins"]:
        if isinstance(plugin, dict) and "mkdocstrings" in plugin:
            plugin["mkdocstrings"]["handlers"]["python"]["paths"] = [str(ROOT)]
    CONFIGURATION.write_text(yaml.safe_dump(configuration, sort_keys=False), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "-f", CONFIGURATION],
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1"},
        check=False,
    )
    if done.returncode == 0:
        print(f"site: {site / 'index.html'}, {len(pages) + len(reference)} pages")
    return done.returncode


def copy_pages() -> list[str]:
    """Every page, and what they link to, in the places that they have here; the pages' names."""
    pages = [name for name in TOP if (ROOT / name).exists()]
    for folder in FOLDERS:
        pages += [str(path.relative_to(ROOT)) for path in sorted((ROOT / folder).rglob("*.md"))]
    wanted = {*pages, *ASSETS}
    for page in pages:
        text = (ROOT / page).read_text(encoding="utf-8")
        for link in LINK.findall(text):
            target = (ROOT / page).parent / link
            if "://" not in link and target.exists():
                wanted.add(str(target.resolve().relative_to(ROOT)))
    for name in sorted(wanted):
        path = ROOT / name
        if path.is_dir():  # shown as its list of files
            copy = SOURCE / name / "index.md"
            if not (path / "README.md").exists():
                copy.parent.mkdir(parents=True, exist_ok=True)
                files = "\n".join(f"- `{entry.name}`" for entry in sorted(path.iterdir()))
                copy.write_text(f"# {name}\n\n{files}\n", encoding="utf-8")
            continue
        copy = SOURCE / name
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".md":
            copy.write_text(to_files(path), encoding="utf-8")
        else:
            shutil.copyfile(path, copy)
    return pages


def to_files(page: Path) -> str:
    """A page's text, its links to folders made links to the pages that stand for them."""

    def replaced(link: re.Match[str]) -> str:
        folder = page.parent / link[1]
        if "://" in link[1] or not folder.is_dir():
            return link[0]
        name = "README.md" if (folder / "README.md").exists() else "index.md"
        return f"]({link[1].rstrip('/')}/{name}"

    return LINK.sub(replaced, page.read_text(encoding="utf-8"))


def write_reference() -> list[str]:
    """The pages that the code writes: variables, API, command line."""
    pages = {"reference/variables.md": variables(), "reference/api.md": api()}
    commands = command_line()
    if commands:
        pages["reference/cli.md"] = commands
    for name, text in pages.items():
        path = SOURCE / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(pages)


def variables() -> str:
    """Every variable, from the settings' own docstring."""
    rows = []
    # Python 3.13 and later leave the indentation out themselves.
    doc = inspect.cleandoc(settings.Settings.__doc__ or "").partition("Raises:")[0]
    for field, text in re.findall(r"(?ms)^    (\w+): (.*?)(?=^    \w+: |\Z)", doc):
        words = " ".join(text.split())
        found = re.search(r"\(``([A-Z_]+)``", words)
        rows.append(f"| `{found[1] if found else '-'}` | `{field}` | {words} |")
    head = "| variable | in `Settings` | meaning |\n|---|---|---|\n"
    return "# Variables\n\nAs the code reads them.\n\n" + head + "\n".join(rows) + "\n"


def api() -> str:
    """The public names, from their docstrings."""
    import firehose_logging

    parts = [f"::: firehose_logging.{name}\n" for name in firehose_logging.__all__]
    if (ROOT / "firehose_logging" / "middleware.py").exists():
        parts.append("::: firehose_logging.middleware\n")
    parts.append("::: firehose_logging.testing\n")
    return "# API\n\n" + "\n".join(parts)


def command_line() -> str:
    """What each command says of itself; empty where the command line is not there."""
    if not (ROOT / "firehose_logging" / "_cli" / "__main__.py").exists():
        return ""
    text = ["# Command line\n"]
    for words in ([], *([one] for one in ("query", "tail", "verify", "report", "cost", "doctor"))):
        done = subprocess.run(
            [sys.executable, "-m", "firehose_logging._cli", *words, "--help"],
            cwd=ROOT, capture_output=True, text=True, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            title = " ".join(["firehose-logging", *words])
            text.append(f"## {title}\n\n```text\n{done.stdout.rstrip()}\n```\n")
    return "\n".join(text)


def navigation(pages: list[str], reference: list[str]) -> list[dict[str, object]]:
    """The site's contents: the parts above, and the rest under Reference."""
    left = [page for page in pages if page != "README.md"]
    nav: list[dict[str, object]] = [{"firehose-logging": "README.md"}]
    for part, patterns in PARTS:
        chosen = [p for pattern in patterns for p in left if Path(p).match(pattern)]
        if chosen:
            nav.append({part: [{title(page): page} for page in chosen]})
        left = [page for page in left if page not in chosen]
    nav.append({"Reference": [{title(page): page} for page in [*reference, *left]]})
    return nav


def title(page: str) -> str:
    """A page's first heading."""
    found = HEADING.search((SOURCE / page).read_text(encoding="utf-8"))
    return found[1].replace("`", "") if found else page


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
