"""The same function, unchanged, gives the same lines wherever it runs."""

from __future__ import annotations

import json
import shutil
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from support import versions
from support.e2e_lambda import FUNCTIONS, deployed, deployed_on_rie, layer, lines_of
from support.e2e_lines import Said, assert_same, assert_whole, said_by, said_in
from tools import clients, rie

pytestmark = pytest.mark.e2e

SITE_PACKAGES = sysconfig.get_paths()["platlib"]

#: What is done in three invocations; the second one fails.
INVOCATIONS: list[list[Any]] = [
    [
        *(["log", level, f"at {level}"] for level in ("DEBUG", "INFO", "WARNING", "ERROR")),
        ["log", "INFO", {"a": "dict", "n": 1}],
        ["log", "INFO", "two\nlines"],
        ["log", "INFO", "with extra", {"customer": "c-42"}],
        ["caught", "caught"],
        ["print", "printed"],
        ["print", "two\nprinted"],
        ["stderr", "to stderr"],
        ["warn", "first warning"],
    ],
    [["log", "INFO", "then"], ["warn", "second warning"], ["raise", "ValueError", "wrong"]],
    [["print", "after the error"], ["write", "without line end"]],
]
EXPECTED = [line for n, steps in enumerate(INVOCATIONS, 1) for line in said_by(steps, n)]

HOW: dict[str, dict[str, Any]] = {
    "framed": {},
    "unframed": {"framed_log_fd": False},
    "entry-point": {
        "start_up": ["/opt/firehose_wrapper", sys.executable, "-m", "awslambdaric", "app.handler"],
        "framed_log_fd": False,
    },
    "entry-point-framed": {
        "start_up": ["/opt/firehose_wrapper", sys.executable, "-m", "awslambdaric", "app.handler"],
    },
}


@pytest.mark.parametrize("log_format", ["Text", "JSON"])
@pytest.mark.parametrize("how", HOW)
def test_lines_in_the_local_lambda(how: str, log_format: str) -> None:
    """Managed start-up or entry point of an image, log descriptor or none: the same lines."""
    with deployed(log_format=log_format, log_level="DEBUG", **HOW[how]) as run:
        for steps in INVOCATIONS:
            run.do(*steps)
        run.shutdown()

        run.expect(*EXPECTED)
        assert not run.told


@pytest.mark.rie
@pytest.mark.skipif(not rie.BINARY.exists(), reason="no emulator: run `make rie`")
@pytest.mark.parametrize("log_format", ["Text", "JSON"])
def test_lines_in_the_emulator(log_format: str, tmp_path: Path) -> None:
    """AWS's own emulator, with the layer's wrapper as entry point: the same lines."""
    variables = {"AWS_LAMBDA_LOG_FORMAT": log_format, "AWS_LAMBDA_LOG_LEVEL": "DEBUG"}
    with deployed_on_rie("scripted", tmp_path, variables) as (environment, firehose):
        answers = [environment.invoke({"do": s, "answer": n}) for n, s in enumerate(INVOCATIONS)]
        assert environment.stop() == 0
        lines = lines_of(firehose)

        assert_same(EXPECTED, said_in(lines))
        assert_whole(lines)
        assert [answer.body for answer in (answers[0], answers[2])] == [0, 2]
        assert answers[1].body["errorType"] == "ValueError"
        assert answers[1].body["requestId"] in {line.get("requestId") for line in lines}
        assert "firehose_logging" not in environment.output


@pytest.mark.rie
@pytest.mark.skipif(not rie.BINARY.exists(), reason="no emulator: run `make rie`")
def test_sigterm_delivers_in_the_emulator(tmp_path: Path) -> None:
    """Lines left for later are delivered when AWS's emulator ends the environment."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deployed_on_rie("scripted", tmp_path, variables) as (environment, firehose):
        environment.invoke({"do": [["logs", "INFO", 200]]})
        assert not lines_of(firehose)
        assert environment.stop() == 0

        assert_same(said_by([["logs", "INFO", 200]], 1), said_in(lines_of(firehose)))


@pytest.mark.parametrize(
    "arguments",
    [
        ["-u", "-m", "awslambdaric", "app.handler"],
        ["-W", "ignore", "-X", "utf8", "-Bum", "awslambdaric", "app.handler"],
    ],
    ids=["flag", "glued"],
)
def test_interpreter_flags(arguments: list[str]) -> None:
    """Flags of the interpreter and other ways to name the program reach it unchanged."""
    start_up = ["/opt/firehose_wrapper", sys.executable, *arguments]
    with deployed(start_up=start_up) as run:
        run.do(["log", "INFO", "here"], ["print", "and here"])
        run.shutdown()
        run.expect(*said_by([["log", "INFO", "here"], ["print", "and here"]], 1))


CODE = (
    "import sys; sys.argv[1:] = ['app.handler']; "
    "from awslambdaric.__main__ import main; main(sys.argv)"
)


@pytest.mark.parametrize(
    "arguments",
    [None, ["-m", "awslambdaric"], ["-I", "-m", "awslambdaric"], ["-c", CODE]],
    ids=["managed", "module", "isolated", "code"],
)
def test_the_program_finds_itself_unchanged(arguments: list[str] | None, tmp_path: Path) -> None:
    """Paths, arguments, main module, variables and flags are as behind a wrapper that does nothing.

    Not as without one: the shell of any wrapper script sets variables of its own.
    """
    both = tmp_path / "layer"
    shutil.copytree(layer(), both)
    (both / "bare").write_text('#!/bin/sh\nexec "$@"\n')
    (both / "bare").chmod(0o755)
    answers = []
    for wrapper in ("/opt/firehose_wrapper", "/opt/bare"):
        options: dict[str, Any] = {}
        if arguments is not None:
            options = {"start_up": [wrapper, sys.executable, *arguments, "app.handler"]}
        variables = {"AWS_LAMBDA_EXEC_WRAPPER": wrapper}
        with deployed("surroundings", variables, layers=(both,), **options) as run:
            text = run.invoke().raw.decode().replace(str(run.env.work), "")
            answers.append(json.loads(text))
    assert answers[0] == answers[1]


def test_paths_with_spaces(tmp_path: Path) -> None:
    """Function, layer and interpreter may lie in folders whose names hold spaces and quotes."""
    odd = tmp_path / "it's a folder"
    (odd / "my function").mkdir(parents=True)
    source = FUNCTIONS / "scripted" / "app.py"
    (odd / "my function" / "app.py").write_bytes(source.read_bytes())
    program = odd / "start it.py"
    program.write_text(
        f"import sys; sys.path[1:1] = [{str(odd / 'my function')!r}, {SITE_PACKAGES!r}]\n"
        "from awslambdaric.__main__ import main; main(sys.argv)\n"
    )
    interpreter = odd / "python3 here"
    interpreter.symlink_to(Path(sys.executable).resolve())
    start_up = ["/opt/firehose_wrapper", str(interpreter), str(program), "app.handler"]
    options = {"work": odd / "the environment"}
    with deployed(odd / "my function", start_up=start_up, lambda_options=options) as run:
        assert run.do(["log", "INFO", "here"], answer="ok").payload == "ok"
        run.shutdown()

        assert not run.told
        run.expect(Said(1, "INFO", "user", "here"))


def test_a_program_that_is_no_python(tmp_path: Path) -> None:
    """Another command is executed unchanged, arguments and all, with one warning."""
    script = tmp_path / "own runtime"
    script.write_text('#!/bin/sh\nexec "$REAL_PYTHON" -m awslambdaric "$@"\n')
    script.chmod(0o755)
    start_up = ["/opt/firehose_wrapper", str(script), "app.handler"]
    with deployed(start_up=start_up, environment={"REAL_PYTHON": sys.executable}) as run:
        assert run.do(["log", "INFO", "x"], answer="ok").payload == "ok"
        run.shutdown()

        (told,) = run.told
        assert "own runtime is no Python interpreter" in told
        assert run.lines == []


def test_the_layer_in_another_folder(tmp_path: Path) -> None:
    """The wrapper finds its package from its own place, also through a link to it."""
    elsewhere = tmp_path / "el se where"
    elsewhere.mkdir()
    (elsewhere / "layer").symlink_to(layer())
    (elsewhere / "link").symlink_to(layer() / "firehose_wrapper")
    for wrapper in (elsewhere / "layer" / "firehose_wrapper", elsewhere / "link"):
        with deployed(environment={"AWS_LAMBDA_EXEC_WRAPPER": str(wrapper)}, layers=()) as run:
            run.do(["log", "INFO", "here"])
            run.shutdown()
            run.expect(Said(1, "INFO", "user", "here"))


def test_children_are_not_instrumented() -> None:
    """Python programs that the function starts run as if we were not there."""
    with deployed("children") as run:
        answer = run.invoke()
        run.shutdown()

        assert answer.payload["modules"] == []
        assert answer.payload["variables"] == []
        run.expect(Said(1, "INFO", "user", "parent"), Said(1, "INFO", "stdout", "parent prints"))
        # What a child writes to the descriptor that it inherited is CloudWatch's alone.
        assert any("from the child" in event.text for event in run.env.output)


@pytest.mark.parametrize("damage", ["syntax", "missing", "old"])
def test_a_broken_package(damage: str, tmp_path: Path) -> None:
    """A layer that cannot be imported costs one message; the function runs."""
    broken = tmp_path / "layer"
    package = broken / "python" / "firehose_logging"
    package.mkdir(parents=True)
    wrapper = broken / "firehose_wrapper"
    wrapper.write_bytes((layer() / "firehose_wrapper").read_bytes())
    wrapper.chmod(0o755)
    if damage != "missing":
        for name in ("_launch.py", "_program.py"):
            text = (layer() / "python" / "firehose_logging" / name).read_text()
            if damage == "old":
                text = text.replace("(3, 10)", "(3, 99)")
            (package / name).write_text(text)
        (package / "__init__.py").write_text("this is no Python")
    with deployed(layers=(broken,)) as run:
        assert run.do(["log", "WARNING", "x"], ["print", "y"], answer="ok").payload == "ok"
        run.shutdown()

        (told,) = run.told
        expected = {
            "syntax": "cannot be imported (SyntaxError",
            "missing": "no package beside",
            "old": "needs Python 3.10 or later",
        }
        assert expected[damage] in told
        assert "y" in run.output["stdout"]
        assert run.lines == []


# -- other interpreters ------------------------------------------------------------------------

OTHERS = [version for version in clients.PYTHONS if version != versions.RUNNING]


@pytest.mark.slow
@pytest.mark.timeout(180)
@pytest.mark.parametrize("version", OTHERS)
def test_other_interpreters(version: str) -> None:
    """Every interpreter on this machine that Lambda offers: the same lines, and SIGTERM."""
    runtime = versions.runtime((version, clients.NEWEST))
    start_up = ["/opt/firehose_wrapper", str(runtime["python"]), "-c", CODE]
    variables = {"PYTHONPATH": f"/opt/python:{runtime['client']}", "PYTHONSAFEPATH": None}
    with deployed(start_up=start_up, environment=variables, timeout=20.0) as run:
        for steps in INVOCATIONS:
            run.do(*steps)
        run.shutdown()

        run.expect(*EXPECTED)
        assert not run.told
