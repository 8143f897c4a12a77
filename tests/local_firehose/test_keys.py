"""Object keys follow the service's prefix rules."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from zoneinfo import ZoneInfo

import pytest

from local_firehose import DeliveryStream, FolderBucket
from local_firehose.keys import check, evaluate, java_time, object_key

MOMENT = datetime(2018, 8, 7, 0, 5, 9, 123456, tzinfo=timezone.utc)
ERRORS = "errors/!{firehose:error-output-type}/"


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("yyyy/MM/dd", "2018/08/07"),
        ("yyyy-MM-dd-HH-mm-ss", "2018-08-07-00-05-09"),
        ("yy uuuu y", "18 2018 2018"),
        ("M MM MMM MMMM MMMMM", "8 08 Aug August A"),
        ("d dd D DDD", "7 07 219 219"),
        ("H HH k kk K h hh a", "0 00 24 24 0 12 12 AM"),
        ("S SSS SSSSSS SSSSSSSSS", "1 123 123456 123456000"),
        ("E EEE EEEE EEEEE", "Tue Tue Tuesday T"),
        ("Q qq", "3 03"),
        ("X XX XXX x xx xxx Z", "Z Z Z +00 +0000 +00:00 +0000"),
        ("'year='yyyy'/month='MM", "year=2018/month=08"),
        ("HH'h' ''yy'o''clock'", "00h '18o'clock"),
    ],
)
def test_java_patterns(pattern, text):
    """Pattern letters mean what they mean to Java's DateTimeFormatter."""
    assert java_time(pattern, MOMENT) == text


def test_offsets():
    """Offset letters show the zone's offset."""
    moment = MOMENT.astimezone(ZoneInfo("Asia/Kolkata"))

    assert java_time("X XX XXX Z", moment) == "+0530 +0530 +05:30 +0530"
    assert java_time("x", MOMENT.astimezone(ZoneInfo("Etc/GMT+3"))) == "-03"


@pytest.mark.parametrize("pattern", ["YYYY", "foo", "MMMMMM", "HHH", "yyyy'open", "{yyyy", "[MM]"])
def test_patterns_that_cannot_be_evaluated(pattern):
    """A letter not known, a run too long, an open quote or a reserved sign is told, not guessed."""
    with pytest.raises(ValueError, match="timestamp:"):
        java_time(pattern, MOMENT)


@pytest.mark.parametrize(
    ("prefix", "result"),
    [
        ("", "2018/08/07/00/"),
        ("firehose/", "firehose/2018/08/07/00/"),
        ("firehose", "firehose2018/08/07/00/"),
        ("!{timestamp:yyyy/MM/dd}", "2018/08/07"),
        ("date=!{timestamp:yyyy-MM-dd}/", "date=2018-08-07/"),
        ("y=!{timestamp:yyyy}/m=!{timestamp:MM}/", "y=2018/m=08/"),
    ],
)
def test_evaluated_prefix(prefix, result):
    """The default timestamp is appended only where the prefix has none, with nothing between."""
    assert evaluate(prefix, MOMENT) == result


def test_random_strings():
    """Each random string is eleven characters and new; the default timestamp still follows."""
    result = evaluate("!{firehose:random-string}/!{firehose:random-string}/", MOMENT)

    first, second, rest = result.split("/", 2)
    assert re.fullmatch("[0-9a-f]{11}", first)
    assert re.fullmatch("[0-9a-f]{11}", second)
    assert first != second
    assert rest == "2018/08/07/00/"


def test_error_prefix():
    """An error prefix holds the reason of the failure and needs no date."""
    result = evaluate(ERRORS, MOMENT, error_type="processing-failed")

    assert result == "errors/processing-failed/"


@pytest.mark.parametrize(
    ("prefix", "error_prefix", "words"),
    [
        ("!{timestamp:yyyy}/", None, "error_prefix is required"),
        ("!{firehose:random-string}/", "", "error_prefix is required"),
        ("!{firehose:error-output-type}/", ERRORS, "error_prefix only"),
        ("a/", "e/!{timestamp:yyyy}/", "must contain"),
        ("!{timestamp:}", ERRORS, "not supported"),
        ("!{firehose:nothing}", ERRORS, "not supported"),
        ("!{partitionKeyFromQuery:id}/", ERRORS, "not supported"),
        ("a!{timestamp:yyyy", ERRORS, "must begin a closed"),
        ("!{timestamp:YYYY}/", ERRORS, "'YYYY' cannot be evaluated"),
        ("x" * 500, None, "510 is|at most 512"),
    ],
)
def test_rules_of_prefixes(prefix, error_prefix, words):
    """A pair of prefixes that breaks a rule of the service is refused with the rule."""
    with pytest.raises(ValueError, match=words):
        check(prefix, error_prefix)


def test_prefix_rules_are_met_by_good_pairs():
    """Pairs that the service takes pass."""
    check("firehose/", None)
    check("firehose/", "errors/")
    check("p/!{timestamp:yyyy/MM/dd}/", ERRORS)
    check("x" * 498, None)


def test_object_key():
    """The suffix is stream, version, arrival time and a uuid, in the zone of the stream."""
    uuid = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
    utc = object_key("p/", "logs", "1", MOMENT, timezone.utc, ".gz")
    tokyo = object_key("p/", "logs", "1", MOMENT, ZoneInfo("Asia/Tokyo"), "")

    assert re.fullmatch(rf"p/2018/08/07/00/logs-1-2018-08-07-00-05-09-{uuid}\.gz", utc)
    assert re.fullmatch(rf"p/2018/08/07/09/logs-1-2018-08-07-09-05-09-{uuid}", tokyo)


@pytest.mark.parametrize(
    ("setting", "value", "words"),
    [
        ("name", "", "greater than or equal to 1"),
        ("name", "x" * 65, "less than or equal to 64"),
        ("name", "a b", "regular expression"),
        ("buffer_seconds", 901, "0 to 900"),
        ("buffer_seconds", -1, "0 to 900"),
        ("buffer_seconds", 1.5, "whole number"),
        ("buffer_mib", 0, "1 to 128"),
        ("buffer_mib", 129, "1 to 128"),
        ("buffer_mib", True, "1 to 128"),
        ("compression", "gzip", "GZIP"),
        ("compression", "zstd", "allowed are"),
        ("compression", "Snappy", "does not write"),
        ("file_extension", "gz", "a dot and then"),
        ("file_extension", ".GZ", "lower-case"),
        ("file_extension", "." + "x" * 128, "at most 128"),
        ("prefix", "../", "folder cannot hold"),
        ("prefix", "/abs/", "folder cannot hold"),
        ("prefix", "a//b/", "folder cannot hold"),
        ("time_zone", "Mars/Olympus", "no such zone"),
    ],
)
def test_settings_are_checked(tmp_path, setting, value, words):
    """A wrong setting of a stream is refused with its name, value and what is allowed."""
    settings = {"name": "logs", "bucket": tmp_path, setting: value}
    with pytest.raises(ValueError, match=words):
        DeliveryStream(**settings)


@pytest.mark.parametrize("key", ["../x", "a/../../x", "/x", "a//x", "./x", "a/"])
def test_folder_is_never_left(tmp_path, key):
    """A key that would leave the folder, or name another path, is not written."""
    with pytest.raises(ValueError, match="folder cannot hold"):
        FolderBucket(tmp_path / "bucket").put(key, b"x", None)

    assert list(tmp_path.rglob("*")) == []
