"""Views and saved queries: files of Athena's SQL, the same here and in the template."""

from __future__ import annotations

import re
from functools import cache
from importlib import resources

from firehose_logging._cli.errors import CommandError

#: In the order in which they build on one another.
VIEWS = ("invocations", "errors", "instances")

_PARAMETER = re.compile(r"(?<![\w:]):([a-z]+)\b")


@cache
def view(name: str) -> str:
    """The query of a view."""
    return _text("views", name)


@cache
def names() -> tuple[str, ...]:
    """The names of the saved queries."""
    folder = resources.files("firehose_logging._cli").joinpath("sql/saved")
    return tuple(sorted(each.name.removesuffix(".sql") for each in folder.iterdir()))


@cache
def text(name: str) -> str:
    """A saved query as stored: comment lines that say what it answers, then SQL.

    Raises:
        CommandError: there is none of this name.
    """
    if name not in names():
        import difflib

        near = difflib.get_close_matches(name, names(), 1)
        hint = f"; did you mean {near[0]}?" if near else "."
        raise CommandError(f"--saved {name}: no such query{hint} There are: {', '.join(names())}")
    return _text("saved", name)


def about(name: str) -> str:
    """What a saved query answers: its first comment line."""
    return text(name).split("\n", 1)[0].removeprefix("-- ")


def parameters(name: str) -> list[str]:
    """Names of what the query needs to be told, such as ``request``."""
    return list(dict.fromkeys(_PARAMETER.findall(body(name))))


def query(name: str, values: dict[str, str] | None = None) -> str:
    """A saved query with its parameters filled in.

    Raises:
        CommandError: one is missing.
    """
    given = values or {}

    def fill(found: re.Match[str]) -> str:
        if found.group(1) not in given:
            raise CommandError(
                f"--saved {name} needs --param {found.group(1)}=VALUE: {about(name)}"
            )
        return "'" + given[found.group(1)].replace("'", "''") + "'"

    return _PARAMETER.sub(fill, body(name))


def body(name: str) -> str:
    """A saved query's SQL, its parameters as ``:name``."""
    lines = text(name).split("\n")
    return "\n".join(line for line in lines if not line.startswith("--")).strip()


def _text(folder: str, name: str) -> str:
    file = resources.files("firehose_logging._cli").joinpath(f"sql/{folder}/{name}.sql")
    return file.read_text("utf-8").strip()
