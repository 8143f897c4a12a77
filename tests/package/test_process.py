from __future__ import annotations

import json

import pytest

from firehose_logging import Settings
from firehose_logging._delivery.journal_files import Journal
from firehose_logging._environment import Environment
from firehose_logging._process import Process


@pytest.mark.parametrize("in_lambda", [True, False])
def test_what_dead_processes_left_is_claimed_at_the_start(tmp_path, in_lambda):
    """In Lambda /tmp is the function's alone, which may empty it before anything is read."""
    dead = Journal(str(tmp_path), "logs", "1-dead")
    dead.append(0, b'{"n":0}\n', 0.0, lambda: 0)
    dead.close(keep=True)
    environ = {"TMPDIR": str(tmp_path)}
    if in_lambda:
        environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:9"
    settings = Settings(stream_name="logs")

    delivery = Process(Environment(environ), settings).delivery("logs", settings, None)
    for path in tmp_path.iterdir():
        path.unlink()

    found = [json.loads(line) for line in delivery.backlog.journal.recover()]
    assert found == ([{"n": 0}] if in_lambda else [])
    delivery.close_journal()
