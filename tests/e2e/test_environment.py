"""Facts of the process: whatever settings or variables a function makes, they stay."""

from __future__ import annotations

import textwrap
from pathlib import Path

import pytest

from support.e2e_lambda import deployed
from tools.ports import free_port

pytestmark = pytest.mark.e2e


def function(folder: Path, source: str) -> Path:
    """A function of this source."""
    (folder / "app.py").write_text(textwrap.dedent(source))
    return folder


SETTINGS_IN_CODE = """
    import logging
    from firehose_logging import {names}
    {made}
    logging.getLogger().setLevel(logging.INFO)

    def handler(event, context):
        logging.info("hello")
"""
MADE = {
    "install": "install(Settings(stream_name='logs'))",
    "handler": "logging.getLogger().addHandler(FirehoseHandler(settings=Settings("
    "stream_name='logs')))",
}


@pytest.mark.parametrize("how", MADE)
def test_settings_made_in_code(tmp_path, how):
    """They register, hook and name the function like those of variables."""
    # A port of its own: the default one may be somebody else's, which is told.
    made = MADE[how].replace("'logs'", f"'logs', listener_port={free_port()}")
    source = SETTINGS_IN_CODE.format(names="FirehoseHandler, Settings, install", made=made)
    with deployed(
        function(tmp_path, source),
        {"AWS_LAMBDA_EXEC_WRAPPER": None, "AWS_KINESIS_STREAM_NAME": None},
    ) as run:
        first, second = run.invoke(), run.invoke()
        run.shutdown()

        lines = run.lines
    said = [line for line in lines if line.get("message") == "hello"]
    assert [line["requestId"] for line in said] == [first.request_id, second.request_id]
    assert {line["functionName"] for line in said} == {run.env.function.name}
    # Telemetry comes to registered extensions only.
    assert "platform.report" in {line["type"] for line in lines}
    assert run.told == []


def test_settings_given_later(tmp_path):
    """Settings made in code after the wrapper has started change no fact of the process."""
    source = SETTINGS_IN_CODE.format(names="Settings, install", made=MADE["install"])
    with deployed(function(tmp_path, source)) as run:
        answer = run.invoke()
        run.shutdown()

        (line,) = [line for line in run.lines if line.get("message") == "hello"]
    assert line["requestId"] == answer.request_id
    assert line["functionName"] == run.env.function.name


@pytest.mark.parametrize("transport", ["direct", "boto3"])
def test_a_function_that_changes_variables_of_the_sdk(tmp_path, transport):
    """Credentials and region of the function's other clients are none of ours."""
    source = """
        import logging, os

        os.environ["AWS_ACCESS_KEY_ID"] = "ASIAOTHERACCOUNT0000"
        os.environ["AWS_SECRET_ACCESS_KEY"] = "another-accounts-secret"
        os.environ["AWS_SESSION_TOKEN"] = "another-accounts-token"
        os.environ["AWS_DEFAULT_REGION"] = "us-west-2"
        os.environ["AWS_ENDPOINT_URL_FIREHOSE"] = "http://127.0.0.1:9"

        def handler(event, context):
            logging.warning("a line")
    """
    variables = {"FIREHOSE_LOGGING_TRANSPORT": transport}
    with deployed(function(tmp_path, source), variables) as run:
        run.invoke()
        run.shutdown()

        assert [line.get("message") for line in run.lines].count("a line") == 1
    assert run.told == []
