"""A misspelt variable is told with the nearest name, in the stream too."""

from __future__ import annotations

from support.cases import printed

LINES = [printed("hello", during=during) for during in (1, 2)]
TOLD = True


def check(seen):
    """On stderr, and in the bucket."""
    in_stream = [
        str(found["message"])
        for found in seen.lines
        if str(found.get("logger")).startswith("firehose_logging")
    ]
    for texts in (seen.run.told, in_stream):
        assert any("FIREHOSE_LOGGING_FLSUH" in t and "FIREHOSE_LOGGING_FLUSH" in t for t in texts)
        assert any("FIREHOSE_LOGGING_COMPRESSION" in t and "gzip" in t for t in texts)
