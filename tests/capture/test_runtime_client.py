"""The runtime client's module as it is imported: what is put in place then."""

from __future__ import annotations

import subprocess
import sys

import pytest

#: Imports the real client behind our finder, as the process that starts workers or as another.
PROGRAM = """
import multiprocessing, sys
from firehose_logging._capture import runtime_client


class Observer:
    def hooked(self): pass


multiprocessing.set_start_method("spawn")
runtime_client.install(Observer(), workers=sys.argv[1] == "workers")
from awslambdaric import bootstrap, lambda_multi_concurrent_utils as utils

print(utils.multiprocessing.Process(target=print)._start_method, hasattr(bootstrap.run, "firehose_logging"))
print(multiprocessing.get_start_method())
"""  # noqa: E501 - a program


@pytest.mark.parametrize(("who", "method"), [("workers", "fork"), ("one", "None")])
def test_workers_are_forked(who: str, method: str) -> None:
    """Workers inherit what the wrapper has set up; the function's own default stays."""
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, who], capture_output=True, text=True, check=True, timeout=50
    )

    assert done.stdout.split() == [method, "True", "spawn"]
