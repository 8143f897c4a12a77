"""Container images: the Dockerfiles of docs/containers.md, run without Docker."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_firehose import LocalFirehose
from support import versions
from support.e2e_lambda import FUNCTIONS, ROOT, layer, lines_of, open_firehose, variables
from support.e2e_lines import assert_same, assert_whole, said_by, said_in
from support.image import Container, recipes
from support.rie_managed import why_not
from tools import clients

pytestmark = [
    pytest.mark.rie,
    pytest.mark.e2e,
    pytest.mark.skipif(why_not() is not None, reason=why_not() or ""),
    pytest.mark.conformance(table="Container images", columns=["pair"], rows=["base"]),
]

RECIPES = recipes()
PAIRS = versions.selected(
    [(versions.RUNNING, clients.NEWEST)], versions.everything((clients.NEWEST,))
)
INVOCATIONS: list[list[Any]] = [
    [["log", "INFO", "logged"], ["print", "printed"], ["stderr", "to stderr"], ["warn", "warned"]],
    [["log", "ERROR", "then"], ["raise", "ValueError", "wrong"]],
    [["print", "after the error"], ["write", "without line end"]],
]
LATER = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}


@pytest.fixture(params=PAIRS, ids=versions.name)
def pair(request: pytest.FixtureRequest) -> dict[str, Any]:
    """A Python, and the runtime client that the image installs."""
    return versions.runtime(request.param)


@contextmanager
def container(
    base: str, pair: dict[str, Any], scratch: Path, **environment: str | None
) -> Iterator[tuple[Container, LocalFirehose]]:
    """An environment of the image, and its Firehose."""
    with open_firehose() as firehose:
        values = {
            **firehose.environment(),
            # Nobody but the image names the wrapper.
            **variables(firehose, AWS_LAMBDA_EXEC_WRAPPER=None, **environment),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
        }
        folders = {"layer": layer(), "function": FUNCTIONS / "scripted"}
        with Container(RECIPES[base], scratch, environment=values, **folders, **pair) as env:
            yield env, firehose


@pytest.mark.parametrize("base", RECIPES)
def test_every_line_arrives(base: str, pair: dict[str, Any], tmp_path: Path) -> None:
    """The image's entry point starts us with the function: each line once, answers as they are."""
    with container(base, pair, tmp_path) as (env, firehose):
        answers = [env.invoke({"do": do, "answer": n}) for n, do in enumerate(INVOCATIONS)]
        assert env.stop() == 0
        lines = lines_of(firehose)
        output = env.output

    expected = [line for n, steps in enumerate(INVOCATIONS, 1) for line in said_by(steps, n)]
    assert_same(expected, said_in(lines))
    assert_whole(lines)
    assert (answers[0].body, answers[2].body) == (0, 2)
    assert answers[1].body["errorType"] == "ValueError"
    assert "firehose_logging:" not in output


@pytest.mark.parametrize("base", RECIPES)
def test_sigterm_delivers(base: str, pair: dict[str, Any], tmp_path: Path) -> None:
    """SIGTERM to the image's process delivers what was left for later."""
    with container(base, pair, tmp_path, **LATER) as (env, firehose):
        env.invoke({"do": [["logs", "INFO", 200]]})
        assert not lines_of(firehose)
        assert env.stop() == 0
        lines = lines_of(firehose)

    assert_same(said_by([["logs", "INFO", 200]], 1), said_in(lines))
    assert_whole(lines)


@pytest.mark.parametrize("base", RECIPES)
def test_without_the_wrapper_nothing_is_sent(
    base: str, pair: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is the wrapper that does it: the same image without it runs, and sends nothing."""
    recipe = RECIPES[base]
    bare = recipe._replace(
        entrypoint=[word for word in recipe.entrypoint if "wrapper" not in word],
        # What the runtime client alone does not read.
        environment={} if not recipe.entrypoint else {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/none"},
    )
    monkeypatch.setitem(RECIPES, base, bare)
    with container(base, pair, tmp_path) as (env, firehose):
        assert env.invoke({"do": INVOCATIONS[0], "answer": "ok"}).body == "ok"
        env.stop()
        assert not lines_of(firehose)


def test_the_first_stage_builds_the_layer(tmp_path: Path) -> None:
    """The Dockerfiles' own command writes the layer."""
    ((python, *arguments, destination),) = {tuple(recipe.build) for recipe in RECIPES.values()}
    assert (python, destination) == ("python", "/layer")
    subprocess.run([sys.executable, *arguments, tmp_path / "x"], cwd=ROOT, check=True, timeout=60)

    assert (tmp_path / "x" / "firehose_wrapper").stat().st_mode & 0o111


def test_there_are_two_recipes() -> None:
    """One for an image of one's own, one for AWS's."""
    assert list(RECIPES) == ["python", "public.ecr.aws/lambda/python"]
