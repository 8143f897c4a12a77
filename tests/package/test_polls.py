"""``select.poll`` is the interpreter's, whoever has patched ``select`` since."""

from __future__ import annotations

import importlib
import os
import select

import pytest

from firehose_logging import _polls


@pytest.mark.parametrize("patched", [False, True], ids=["as it is", "patched"])
def test_a_poll_polls(monkeypatch, patched):
    """What was written is seen, also where somebody has put a function in its place."""
    with monkeypatch.context() as patch:
        if patched:
            patch.setattr(select, "poll", lambda: pytest.fail("somebody else's"))
        importlib.reload(_polls)
        reads, writes = os.pipe()
        try:
            poll = _polls.make_poll()
            poll.register(reads, _polls.POLLIN)
            assert poll.poll(0) == []
            os.write(writes, b"x")
            assert poll.poll(0) == [(reads, _polls.POLLIN)]
        finally:
            os.close(reads)
            os.close(writes)
    importlib.reload(_polls)
