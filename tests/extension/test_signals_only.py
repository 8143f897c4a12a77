from __future__ import annotations

from firehose_logging._extension.signals_only import SignalsOnly


def test_nothing_but_the_last_flush():
    """A worker that is not the extension reacts to nothing and waits for nothing."""
    mode = SignalsOnly()
    mode.hooked()
    mode.decorated()
    mode.event({"eventType": "INVOKE"}, 100.0)
    mode.ended("a", 100.0)
    mode.telemetry(100.0)
    mode.signalled(100.0)
    mode.failed(100.0)
    mode.tick(100.0)

    assert mode.wakes_at() is None
    assert not mode.ends_by_telemetry
    assert repr(mode) == "<SignalsOnly>"
