"""A bucket that a real run of the local Lambda filled, and the command run in this process."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import pytest

from firehose_logging._cli.__main__ import main
from support.e2e_lambda import deployed, open_firehose
from support.stories import STORIES

#: As the template sets it.
PREFIX = "firehose/!{timestamp:yyyy/MM/dd/HH}/"
ERRORS = "firehose-errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/"

#: Milliseconds. The report of a time-out comes with SIGTERM, and the service gives 500 to deliver
#: it: too little on a busy machine.
SHUTDOWN_MS = 5_000


class Ran(NamedTuple):
    """What a command left."""

    status: int
    out: str
    err: str


class Bucket(NamedTuple):
    """A real run: the folder with its objects, and the request ids by name of their story."""

    folder: Path
    requests: dict[str, str]


@pytest.fixture(scope="session")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Bucket:
    """One environment that answered, failed, timed out and came back: ``support.stories``."""
    folder = tmp_path_factory.mktemp("bucket")
    requests = {}
    options = {"prefix": PREFIX, "error_prefix": ERRORS, "compression": "GZIP"}
    with open_firehose(folder, **options) as firehose:
        patient = {"shutdown_ms": SHUTDOWN_MS}
        with deployed("scripted", firehose=firehose, name="shop", lambda_options=patient) as run:
            for name, steps in STORIES.items():
                timeout = 2.0 if name == "timed out" else None  # an Init is in the next one
                requests[name] = run.do(*steps, timeout=timeout).request_id
                if name == "whole":
                    firehose.flush()
            run.shutdown()
        firehose.flush()
    return Bucket(folder, requests)


@pytest.fixture
def command(capsys: pytest.CaptureFixture[str]) -> Callable[..., Ran]:
    """Run the command with these arguments."""

    def run(*arguments: object) -> Ran:
        capsys.readouterr()
        try:
            status = main([str(each) for each in arguments])
        except SystemExit as end:
            status = int(end.code or 0)
        out, err = capsys.readouterr()
        return Ran(status, out, err)

    return run
