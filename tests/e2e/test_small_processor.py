"""A function of little memory that computes until its time-out, over TLS."""

from __future__ import annotations

from pathlib import Path

import pytest

from support.e2e_lambda import deployed, open_firehose
from support.e2e_lines import Said, assert_same
from tools.processor_share import limited

pytestmark = pytest.mark.e2e

#: Of one processor: what a function of some 300 MB has.
SHARE = 1 / 6


def test_a_time_out_on_a_sixth_of_a_processor(tmp_path: Path) -> None:
    """Everything that it logged arrives, though it never lets go of the interpreter by itself.

    The function goes on only where it finds hand-overs made quick: for the flush before the
    deadline, and for the last one, in its own SIGTERM handler.
    """
    with open_firehose(tmp_path, tls=True) as firehose:
        variables = {"AWS_CA_BUNDLE": str(firehose.ca_file), "FIREHOSE_LOGGING_FLUSH": "periodic"}
        with deployed("busy", variables, firehose=firehose, timeout=1.0) as run:
            assert run.env.init().status == "success"
            pid = run.env.pid
            assert pid is not None
            with limited(pid, SHARE):
                run.invoke()
            run.shutdown()
            assert_same(
                [
                    Said(1, "INFO", "user", "before"),
                    Said(1, "INFO", "stdout", "printed"),
                    Said(1, "INFO", "user", "quick before the deadline"),
                ],
                run.said,
            )
            assert (run.env.tmp / "quick").exists()
