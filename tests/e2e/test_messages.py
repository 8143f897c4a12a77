"""What the package says about itself, in the stream of a whole environment."""

from __future__ import annotations

import socket

import pytest

from support.e2e_lambda import deployed

pytestmark = pytest.mark.e2e


def test_wrong_settings_and_a_taken_port_are_in_the_stream() -> None:
    """Each is a line of ours, with its code, though it was said before there was a stream."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        variables = {
            "FIREHOSE_LOGGING_FLSUH": "end",
            "FIREHOSE_LOGGING_COMPRESSION": "gz",
            "HTTP_LOGS_LISTENER_PORT": port,
        }
        with deployed(environment=variables) as run:
            run.do(["log", "INFO", "hello"])
            run.shutdown()

            ours = {line["code"]: line for line in run.lines if "code" in line}
            assert set(ours) == {"setting_unknown", "setting_wrong", "port_taken"}
            for line in ours.values():
                assert (line["type"], line["logger"]) == ("extension", "firehose_logging")
            assert "FIREHOSE_LOGGING_FLUSH" in ours["setting_unknown"]["message"]
            assert "FIREHOSE_LOGGING_COMPRESSION='gz'" in ours["setting_wrong"]["message"]
            assert port in ours["port_taken"]["message"]
            assert any(line["type"] == "platform.start" for line in run.lines)
