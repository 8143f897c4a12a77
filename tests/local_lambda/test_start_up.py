"""How the local Lambda starts a function: paths, wrapper, layers, environment, log fd."""

from __future__ import annotations

import importlib.metadata
import os
import stat
import sys
from pathlib import Path

import pytest

from local_lambda import Function, LocalLambda, SandboxError
from support.local_lambda_fixtures import (
    records,
    stub_function,
    texts,
    write_function,
    write_script,
)

SHOW = """
import json, os, sys


def handler(event, context):
    return {"path": sys.path, "env": dict(os.environ), "cwd": os.getcwd(), "argv": sys.argv,
            "log_fd": "_LAMBDA_TELEMETRY_LOG_FD" in os.environ}
"""
VERSION = f"python{sys.version_info.major}.{sys.version_info.minor}"
#: Of Python 3.15 the newest client says at each start that it is a preview.
QUIET = {"LAMBDA_DISABLE_PREVIEW_WARN": "1"}
LOG = """
import logging, sys

logger = logging.getLogger()
logger.setLevel("DEBUG")


def handler(event, context):
    for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
        logger.log(level, "two\\nlines")
    print("out")
    print("err", file=sys.stderr)
    sys.stdout.write("no end")
"""


def shown(tmp_path, source: str = SHOW, **settings):
    """Invoke a function and return its answer, environment and telemetry closed."""
    code = write_function(tmp_path / "my function", source)
    with LocalLambda(Function(code, "app.handler", **settings)) as env:
        result = env.invoke({})
        assert result.function_error is None, (result.raw, texts(env))
        return result.payload, env


@pytest.mark.e2e
def test_managed_start_builds_the_services_path(tmp_path):
    """The function comes first, then the layers' two folders, as in the managed runtime."""
    layer = tmp_path / "a layer"
    (layer / "python" / "lib" / VERSION / "site-packages").mkdir(parents=True)

    answer, env = shown(tmp_path, layers=[layer])

    assert [
        str(env.work / "task"),
        f"{env.opt}/python/lib/{VERSION}/site-packages",
        f"{env.opt}/python",
    ] == answer["path"][:3]
    assert str(env.work / "task") == answer["cwd"]
    assert [str(env.work / "var" / "runtime" / "bootstrap.py")] == answer["argv"]


@pytest.mark.e2e
def test_pythonpath_replaces_the_layers(tmp_path):
    """Who sets PYTHONPATH gets no /opt/python, but his own folders; /opt is mapped."""
    layer = tmp_path / "layer"
    write_function(layer / "other", "x = 1", "other.py")
    source = SHOW + "\nimport other\n"

    answer, env = shown(
        tmp_path, source, layers=[layer], environment={"PYTHONPATH": "/opt/other:/opt/none"}
    )

    assert f"{env.opt}/python" not in answer["path"]
    assert f"{env.opt}/other:{env.opt}/none" == answer["env"]["PYTHONPATH"]


@pytest.mark.e2e
def test_pth_files_of_a_layer_run(tmp_path):
    """The layers' folders are site folders: their .pth files are read."""
    layer = tmp_path / "layer"
    write_function(layer / "python", "import sys; sys.marked = True\n", "mark.pth")

    answer, _ = shown(tmp_path, SHOW + "\nassert sys.marked\n", layers=[layer])

    assert answer


@pytest.mark.e2e
def test_later_layers_win(tmp_path):
    """Layers are merged in order."""
    for name in ("one", "two"):
        write_function(tmp_path / name / "python", f"name = {name!r}", "which.py")

    source = "import which\n\n\ndef handler(event, context):\n    return which.name\n"
    answer, _ = shown(tmp_path, source, layers=[tmp_path / "one", tmp_path / "two"])

    assert answer == "two"


@pytest.mark.e2e
def test_environment_of_the_service(tmp_path):
    """The variables that Lambda sets are there, AWS_EXECUTION_ENV as in the managed runtime."""
    answer, env = shown(
        tmp_path, memory_mb=256, name="my-function", environment={"MINE": "1"}, log_level="INFO"
    )
    variables = answer["env"]

    assert {
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{VERSION}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "256",
        "AWS_LAMBDA_FUNCTION_NAME": "my-function",
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_FORMAT": "Text",
        "AWS_LAMBDA_LOG_GROUP_NAME": "/aws/lambda/my-function",
        "AWS_LAMBDA_LOG_LEVEL": "INFO",
        "AWS_REGION": "eu-west-1",
        "LAMBDA_TASK_ROOT": str(env.work / "task"),
        "MINE": "1",
        "TMPDIR": str(env.tmp),
        "TZ": ":UTC",
        "_HANDLER": "app.handler",
    }.items() <= variables.items()
    assert "[$LATEST]" in variables["AWS_LAMBDA_LOG_STREAM_NAME"]
    assert "HOME" not in variables


@pytest.mark.e2e
@pytest.mark.parametrize(("log_format", "level"), [("Text", None), ("JSON", "INFO")])
def test_log_level_that_nobody_chose(tmp_path, log_format, level):
    """With JSON the service's default level is INFO; with Text there is none."""
    answer, _ = shown(tmp_path, log_format=log_format)

    assert answer["env"]["AWS_LAMBDA_LOG_FORMAT"] == log_format
    assert answer["env"].get("AWS_LAMBDA_LOG_LEVEL") == level


def test_interpreter_by_name(tmp_path, monkeypatch):
    """A bare name is looked up on the PATH; a link is not followed."""
    link = tmp_path / "my-python"
    link.symlink_to(sys.executable)
    monkeypatch.setenv("PATH", str(tmp_path))

    assert Function(tmp_path, "a.b", python=Path("my-python")).python == link


@pytest.mark.e2e
def test_client_start_has_no_execution_environment(tmp_path):
    """`python -m awslambdaric` as in an own base image: the wrapper variable does nothing."""
    answer, env = shown(
        tmp_path, start_up="client", environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/nothing"}
    )

    assert "AWS_EXECUTION_ENV" not in answer["env"]
    assert str(env.work / "task") == answer["path"][0]


@pytest.mark.e2e
def test_execution_environment_can_be_chosen(tmp_path):
    """`execution_env` is what the runtime sees, whichever way it starts."""
    for start_up in ("managed", "client"):
        answer, _ = shown(tmp_path, start_up=start_up, execution_env="AWS_Lambda_python3.12")

        assert answer["env"]["AWS_EXECUTION_ENV"] == "AWS_Lambda_python3.12"


@pytest.mark.e2e
def test_wrapper_gets_interpreter_and_program(tmp_path):
    """The wrapper is executed with two arguments, finds the log fd open, and starts the runtime."""
    write_script(
        tmp_path / "layer with space" / "wrap me",
        '#!/bin/bash\nexport WRAPPED="$#:$1:$2"\nexec -- "$@"\n',
    )

    answer, env = shown(
        tmp_path,
        layers=[tmp_path / "layer with space"],
        environment={"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrap me"},
    )

    program = env.work / "var" / "runtime" / "bootstrap.py"
    assert f"2:{sys.executable}:{program}" == answer["env"]["WRAPPED"]
    assert f"{env.opt}/wrap me" == answer["env"]["AWS_LAMBDA_EXEC_WRAPPER"]


@pytest.mark.e2e
@pytest.mark.parametrize(("mode", "status"), [(None, 127), (0o644, 126)])
def test_wrapper_that_cannot_run(tmp_path, mode, status):
    """A missing wrapper is exit status 127, one without the x bit 126."""
    layer = tmp_path / "layer"
    layer.mkdir()
    if mode is not None:
        write_script(layer / "wrapper", "#!/bin/bash\n", mode)
    code = write_function(tmp_path / "function", SHOW)
    environment = {"AWS_LAMBDA_EXEC_WRAPPER": "/opt/wrapper"}

    with LocalLambda(Function(code, "app.handler", layers=[layer], environment=environment)) as env:
        result = env.invoke({})

    assert result.error_type == "Runtime.ExitError"
    assert (result.error_message or "").endswith(f"exit status {status}")
    assert any("/wrapper: " in text for text in texts(env, "stderr"))


@pytest.mark.e2e
def test_log_records_come_as_frames(tmp_path):
    """Logging goes through the log fd with its level, whole; print through stdout, by line."""
    _, env = shown(tmp_path, LOG, log_level="DEBUG", environment=QUIET)

    frames = [event for event in env.output if event.stream == "log"]
    assert [event.level for event in frames] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    assert {"Text"} == {event.format for event in frames}
    assert all(event.text.endswith("two\nlines") for event in frames)
    assert texts(env, "stdout") == ["out", "no end"]
    assert texts(env, "stderr") == ["err"]
    assert all(event.request_id for event in frames)
    assert frames[0].raw in records(env, "function")


@pytest.mark.e2e
def test_json_frames_are_objects_in_telemetry(tmp_path):
    """With log format JSON the runtime's records become objects."""
    _, env = shown(tmp_path, LOG, log_format="JSON", log_level="DEBUG", environment=QUIET)

    objects = [record for record in records(env, "function") if isinstance(record, dict)]
    assert [o["level"] for o in objects] == ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"]
    assert {"two\nlines"} == {o["message"] for o in objects}
    assert {"JSON"} == {e.format for e in env.output if e.stream == "log"}


@pytest.mark.e2e
def test_without_log_fd_logging_goes_to_stdout(tmp_path):
    """As in AWS's emulator: no fd, and multi-line records fall apart."""
    _, env = shown(tmp_path, LOG, framed_log_fd=False)

    assert texts(env, "log") == []
    assert texts(env, "stdout").count("lines") == 5


@pytest.mark.e2e
def test_code_is_a_read_only_copy(tmp_path):
    """The function runs from a copy without write permission; the original is untouched."""
    code = write_function(tmp_path / "function", SHOW)
    before = stat.S_IMODE(code.stat().st_mode)

    with LocalLambda(Function(code, "app.handler")) as env:
        assert not stat.S_IMODE((env.work / "task").stat().st_mode) & 0o222
        assert not stat.S_IMODE((env.work / "task" / "app.py").stat().st_mode) & 0o222
        assert not stat.S_IMODE(env.opt.stat().st_mode) & 0o222
        if os.geteuid() != 0:
            with pytest.raises(PermissionError):
                (env.work / "task" / "new").touch()

    assert before == stat.S_IMODE(code.stat().st_mode)
    assert sorted(path.name for path in code.iterdir()) == ["app.py"]


@pytest.mark.e2e
def test_a_given_work_folder_may_be_used_again(tmp_path):
    """What an earlier run has put there is replaced, its /tmp is left as it was."""
    work, layer = tmp_path / "work", tmp_path / "layer"
    write_function(layer / "python", "first = 1", "first.py")
    with LocalLambda(stub_function(tmp_path, layers=[layer]), work=work) as env:
        (env.tmp / "database").touch()
    (layer / "python" / "first.py").rename(layer / "python" / "second.py")

    with LocalLambda(stub_function(tmp_path, layers=[layer]), work=work) as env:
        assert [path.name for path in (env.opt / "python").iterdir()] == ["second.py"]
        assert (env.tmp / "database").exists()


@pytest.mark.parametrize("place", ["task", "opt", "var/lib", "task/deep/er"])
def test_what_was_not_made_here_is_never_removed(tmp_path, place):
    """A folder with somebody's files in it is refused, and they stay."""
    work = tmp_path / "work"
    for made in (False, True):
        if made:
            LocalLambda(stub_function(tmp_path), work=work).close()
        mine = write_function(work / place, "mine", "database.sqlite") / "database.sqlite"

        with pytest.raises(SandboxError, match=r"database\.sqlite was not made by local_lambda"):
            LocalLambda(stub_function(tmp_path), work=work)

        assert mine.read_text() == "mine"
        mine.unlink()
        for folder in (mine.parent, *mine.parent.parents):
            if folder == work or any(folder.iterdir()):
                break
            folder.rmdir()


@pytest.mark.e2e
def test_files_of_output_and_telemetry(tmp_path):
    """Output and telemetry can be kept as JSON lines."""
    output, telemetry = tmp_path / "out.ndjson", tmp_path / "telemetry.ndjson"
    with LocalLambda(stub_function(tmp_path), output_file=output, telemetry_file=telemetry) as env:
        env.invoke({"print": "kept"})

    assert '"text": "kept"' in output.read_text()
    assert '"type": "platform.start"' in telemetry.read_text()


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"code": "/no/such"}, "code='/no/such': no such folder"),
        ({"handler": ""}, "handler"),
        ({"layers": ["/no/such"]}, r"layers\[0\]"),
        ({"timeout": 0}, "timeout=0"),
        ({"timeout": 1801}, "timeout=1801"),
        ({"timeout": True}, "timeout=True"),
        ({"memory_mb": 127}, "memory_mb=127"),
        ({"start_up": "other"}, "start_up='other'"),
        ({"start_up": []}, "start_up"),
        ({"log_format": "json"}, "log_format='json'"),
        ({"environment": {"AWS_REGION": "x"}}, "AWS_REGION.*reserves"),
        ({"environment": {"_X": "x"}}, "_X.*begins with a letter"),
        ({"environment": {"MINE": 1}}, "must be text"),
        ({"environment": {"MINE": "x" * 4093}}, "4097 bytes"),
    ],
)
def test_wrong_functions_are_refused(tmp_path, settings, words):
    """Each wrong argument is named with its value and what is allowed."""
    arguments = {"code": tmp_path, "handler": "app.handler", **settings}

    with pytest.raises(ValueError, match=words):
        Function(**arguments)


def test_python_must_have_the_runtime_client(tmp_path):
    """An interpreter that is none, or has no awslambdaric, is refused with what to do."""
    code = write_function(tmp_path / "function", SHOW)
    bare = write_script(tmp_path / "bare", f'#!/bin/sh\nexec {sys.executable} -I -S "$@"\n')

    with pytest.raises(SandboxError, match="no usable interpreter"):
        LocalLambda(Function(code, "app.handler", python=tmp_path / "none"))
    with pytest.raises(SandboxError, match="-m pip install awslambdaric"):
        LocalLambda(Function(code, "app.handler", python=bare))


def test_port_in_use_is_named(tmp_path):
    """A taken port is named in the error."""
    with LocalLambda(stub_function(tmp_path)) as env:
        port = int(env.runtime_api.rpartition(":")[2])

        second = LocalLambda(stub_function(tmp_path), port=port)
        with pytest.raises(OSError, match=str(port)):
            second.start()
        second.close()


def test_environment_must_be_started(tmp_path):
    """Using an environment outside of its with block says so."""
    env = LocalLambda(stub_function(tmp_path))
    try:
        with pytest.raises(RuntimeError, match="with statement"):
            env.invoke({})
    finally:
        env.close()


def test_runtime_client_is_the_real_one():
    """These tests mean something only with AWS's own client."""
    assert importlib.metadata.version("awslambdaric")
