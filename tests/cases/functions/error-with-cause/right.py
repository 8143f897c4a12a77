"""The whole chain of the handler's error, as ``log.exception`` gives it."""

from __future__ import annotations

from support.cases import line

LINES = [
    line(
        "RuntimeError: could not price the order",
        "ERROR",
        "awslambdaric",
        during=during,
        error="RuntimeError",
    )
    for during in (1, 2)
]


def check(seen):
    """The cause, and the error that was being handled."""
    chains = ["".join(found["stackTrace"]) for found in seen.lines if "errorType" in found]
    assert "KeyError: 'cost'" in chains[0]
    assert "direct cause" in chains[0]
    assert "KeyError: 'cost'" in chains[1]
    assert "During handling" in chains[1]
