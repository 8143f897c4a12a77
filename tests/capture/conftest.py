"""What several files here need."""

from __future__ import annotations

import pytest

from support.captured import Attributed, Stage, text_over


@pytest.fixture
def bytes_below():
    """A stage over a stream of bytes; the bytes are ``below.getvalue()``."""
    stage = Stage(below=text_over(Attributed()))
    stage.bytes = stage.below.buffer
    return stage
