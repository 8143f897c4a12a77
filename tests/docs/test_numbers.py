"""Limits and times that the docs name are those of the code: a change of one shows the other."""

from __future__ import annotations

import re

import pytest

from firehose_logging import _http, _limits, _process, _readers, _runtime, _termination
from firehose_logging._capture import descriptors, output, sink
from firehose_logging._cli import athena
from firehose_logging._delivery import caller, journal_files, retry
from firehose_logging._extension import (
    flush_policy,
    lambda_api,
    last_flush,
    lifecycle,
    listener,
    telemetry_batch,
)
from firehose_logging._firehose import boto, direct
from firehose_logging._line import json_text, values
from firehose_logging.settings import Settings
from support.pages import ROOT

MIB = 1 << 20
#: Pages, and words that stand on them, with the numbers that the code has.
SAID = [
    ("delivery", f"rounded up to {_limits.BILLING_STEP_BYTES:,} bytes"),
    ("delivery", f"records of up to {_limits.TARGET_RECORD_BYTES:,} bytes"),
    ("delivery", f"up to the service's {_limits.MAX_RECORD_BYTES:,}"),
    (
        "delivery",
        f"calls of up to {_limits.MAX_CALL_RECORDS} records and {_limits.MAX_CALL_BYTES:,} bytes",
    ),
    ("delivery", f"one gzip member of up to {_limits.TARGET_GZIP_BYTES:,} raw bytes"),
    ("delivery", f"until Firehose has answered, at most {lifecycle.HOLD_LIMIT:g} s"),
    ("delivery", f"the deadline less {lifecycle.LAST_MOMENT * 1000:g} ms"),
    ("delivery", f"the mean of the last {flush_policy.LOOKBACK} gaps"),
    ("delivery", f"for at least {flush_policy.ENOUGH_GAPS}"),
    (
        "delivery",
        f"Connect time-out {boto.CONNECT_TIMEOUT:g} s, read time-out {boto.READ_TIMEOUT:g} s",
    ),
    ("delivery", f"up to {retry.BASE * 2:g} s, doubling to {retry.CAP:g} s"),
    ("delivery", f"until {last_flush.VERDICT_LIMIT * 1000:g} ms after SIGTERM"),
    ("delivery", f"pending {last_flush.DIVERT_AFTER * 1000:g} ms after SIGTERM"),
    ("delivery", f"({last_flush.DIVERT_FAILING_AFTER * 1000:g} ms while calls fail)"),
    ("delivery", f"(back-off to {retry.BLOCKED_CAP:g} s)"),
    ("how-it-works", f"records of up to {_limits.TARGET_RECORD_BYTES:,} bytes"),
    ("how-it-works", f"calls of up to {_limits.MAX_CALL_BYTES:,}"),
    ("faq", f"bounded by {lifecycle.HOLD_LIMIT:g} seconds"),
    (
        "security",
        f"{listener.MAX_CONNECTIONS} connections, {listener.REQUEST_TIMEOUT:g} s a request, "
        f"{_http.MAX_HEAD_BYTES // 1024} KiB of headers, "
        f"{_limits.MAX_TELEMETRY_BODY_BYTES // MIB} MiB of body, "
        f"one half event of {telemetry_batch.MAX_FRAGMENT // MIB} MiB",
    ),
    ("security", f"bounded ({lambda_api._MAX_ANSWER_BYTES // MIB} MiB)"),
    ("security", f"At most {direct._MAX_ANSWER_BYTES // MIB} MiB, read until a deadline"),
    ("security", f"one file of up to {journal_files.KEEP_BYTES // MIB} MiB is kept"),
    ("capture", f"of the last {sink.MAX_TAKEN:,} records"),
    ("capture", f"the newest {descriptors.MAX_WAITING // MIB} MiB become lines"),
    ("capture", f"for at most {_runtime.INIT_ERROR_TIMEOUT:g} s"),
    ("schema", f"lines over {_limits.MAX_RECORD_BYTES:,} bytes"),
    ("schema", f"nesting ends after {json_text.MAX_DEPTH} levels"),
    ("schema", f"sequences objects and lists, up to {values.MAX_ITEMS:,} items"),
    ("query", f"the newest {athena.HOURS} hours"),
    ("recipes/outside-lambda", f"the last flush, {_process.EXIT_TIMEOUT:g} seconds at most"),
    ("recipes/outside-lambda", f"is delivered, {_termination.TIMEOUT:g} seconds at most"),
]
#: The same, where a page says it in words.
IN_WORDS = [
    ("delivery", "one second before the deadline", lifecycle.EARLY_FLUSH, 1.0),
    ("delivery", "under a fifth of the interval", flush_policy.DENSE_SHARE, 1 / 5),
    ("delivery", "a twentieth of the invocations", flush_policy.LEFT_SHARE, 1 / 20),
    ("how-it-works", "A second before the deadline", lifecycle.EARLY_FLUSH, 1.0),
    ("capture", "four times a second", output.LOOK, 1 / 4),
    ("variables", "never more than a quarter of the function's", _process.MEMORY_PARTS, 4),
    ("variables", "up to ten, separated by commas", _readers.MAX_STREAMS, 10),
    ("recipes/outside-lambda", "a twentieth of a second", _termination.EAGER_EVERY, 1 / 20),
    ("delivery", "read time-out 5 s", caller.CALL_TIMEOUT, 5.0),
]


def page(name: str) -> str:
    """A page of docs/."""
    return (ROOT / "docs" / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(("name", "words"), SAID)
def test_a_number_is_that_of_the_code(name: str, words: str) -> None:
    """The page has these words, with the number that holds."""
    assert words in page(name)


@pytest.mark.parametrize(("name", "words", "value", "meant"), IN_WORDS)
def test_so_it_is_in_words(name: str, words: str, value: float, meant: float) -> None:
    """The page has these words, and the code the number that they mean."""
    assert words in page(name)
    assert value == meant


def test_defaults_of_variables_are_those_of_the_settings() -> None:
    """Each number in the table's second column is what Settings has without the variable."""
    rows = dict(re.findall(r"(?m)^\| `FIREHOSE_LOGGING_(\w+)` \| `(\d+)` \|", page("variables")))
    usual = Settings.from_env({}, lambda report: None)

    assert set(rows) >= {"INTERVAL", "BUFFER_BYTES"}
    for name, shown in rows.items():
        assert float(getattr(usual, name.lower())) == float(shown)
