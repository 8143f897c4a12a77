from __future__ import annotations

import logging

from firehose_logging._levels import set_levels


def test_levels_of_loggers(monkeypatch):
    """Each logger gets its level, the root by its name; others keep theirs."""
    root, one, other = (logging.getLogger(name) for name in (None, "levels.one", "levels.other"))
    for logger in (root, one, other):
        monkeypatch.setattr(logger, "level", logging.INFO)

    set_levels((("levels.one", 10), ("root", 40)))

    assert (root.level, one.level, other.level) == (40, 10, logging.INFO)
    assert one.isEnabledFor(10)
