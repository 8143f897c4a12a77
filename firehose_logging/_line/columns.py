"""The names of a line's own columns."""

from __future__ import annotations

#: The column names that a user's ``extra`` cannot take; such keys go under ``extra``.
COLUMNS = frozenset(
    {
        "coldStart",
        "errorMessage",
        "errorType",
        "executionArn",
        "extra",
        "fragment",
        "functionName",
        "functionVersion",
        "instanceId",
        "invocationId",
        "level",
        "location",
        "logger",
        "message",
        "part",
        "parts",
        "record",
        "requestId",
        "seq",
        "stackInfo",
        "stackTrace",
        "tenantId",
        "timestamp",
        "traceId",
        "type",
    }
)

#: The same in lower case: Athena, Glue and DuckDB take names that differ in case for one.
FOLDED = frozenset({name.lower() for name in COLUMNS})

#: Names that lines of this package have besides: extras may have them, a field of every line not.
TOLD = frozenset({"code", "diverted", "lost", "recovered"})
