"""A handler made inside the function: no extension, and the function's own thread delivers."""

from __future__ import annotations

import pytest

from support.e2e_lambda import deployed

pytestmark = pytest.mark.e2e


def test_delivered_after_the_response() -> None:
    """Each invocation's lines, the first one's too, are there when it is over; and that is told."""
    with deployed("late", {"AWS_LAMBDA_EXEC_WRAPPER": None}) as run:
        for number in range(1, 4):
            run.invoke()
            messages = [line["message"] for line in run.lines]
            assert messages.count("late") == number
        (told,) = [line for line in run.lines if line.get("code") == "not_registered"]
        assert "may be lost" in told["message"]
