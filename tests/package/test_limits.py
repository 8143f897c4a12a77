"""The numbers that AWS set: how they belong together, and that each says where it is from."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from firehose_logging import _limits
from firehose_logging._limits import (
    BILLING_STEP_BYTES,
    MAX_CALL_BYTES,
    MAX_RECORD_BYTES,
    MAX_TELEMETRY_BODY_BYTES,
    TARGET_GZIP_BYTES,
    TARGET_RECORD_BYTES,
    TELEMETRY_MAX_BYTES,
)

SOURCE = Path(_limits.__file__).read_text()
NAMES = [name for name in vars(_limits) if name.isupper()]


@pytest.mark.parametrize("name", NAMES)
def test_each_is_explained(name):
    """Above each number, or above those that it is listed with, stands what it is."""
    above = SOURCE[: SOURCE.index(f"\n{name} = ")].split("\n\n")[-1]

    assert "#:" in above


@pytest.mark.parametrize("word", ["PutRecordBatch", "Firehose pricing", "Lambda developer guide"])
def test_sources_are_named(word):
    """The documents that set the numbers are named beside them."""
    assert re.search(word, SOURCE)


def test_what_we_make_is_allowed():
    """A record that we close is legal, whole billing steps, and fits into a call."""
    assert TARGET_RECORD_BYTES % BILLING_STEP_BYTES == 0
    assert TARGET_RECORD_BYTES < MAX_RECORD_BYTES
    assert TARGET_GZIP_BYTES * 1.001 < MAX_RECORD_BYTES
    assert MAX_RECORD_BYTES < MAX_CALL_BYTES <= 4 * 1024 * 1024


def test_what_the_platform_posts_is_read():
    """The platform posts up to twice ``maxBytes``, and metadata."""
    assert MAX_TELEMETRY_BODY_BYTES > 2 * TELEMETRY_MAX_BYTES
