from __future__ import annotations

import os
import signal

import pytest

from firehose_logging._interruption import is_users


def test_a_signal_handlers_error_is_the_functions():
    """Its own frame is the innermost, whatever it raises."""

    def on_signal(number: int, frame: object) -> None:
        raise TimeoutError

    before = signal.signal(signal.SIGUSR1, on_signal)
    try:
        with pytest.raises(TimeoutError) as caught:
            os.kill(os.getpid(), signal.SIGUSR1)
    finally:
        signal.signal(signal.SIGUSR1, before)

    assert is_users(caught.value)


def test_an_error_of_our_own_call_is_ours():
    """A call into C that fails has our frame as the innermost."""
    code = compile(
        "import os\ntry:\n    os.close(-1)\nexcept OSError as e:\n    error = e", "f", "exec"
    )
    names: dict = {"__name__": "firehose_logging.anywhere"}
    exec(code, names)

    assert not is_users(names["error"])


def test_the_recursion_limit_is_the_functions():
    """It would have met it without us a few calls later."""
    assert is_users(RecursionError())
