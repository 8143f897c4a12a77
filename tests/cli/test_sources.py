"""Folders and buckets: only the hours asked for, and words where there is nothing."""

from __future__ import annotations

import gzip
import json
import os
import shutil
from datetime import datetime, timedelta, timezone

import pytest
from botocore.exceptions import ClientError

from firehose_logging._cli import sources
from support.s3_server import s3_server

NOW = datetime(2026, 11, 28, 10, 30, tzinfo=timezone.utc)


def at(hours):
    """An hour of the test's day."""
    return datetime(2026, 11, 28, tzinfo=timezone.utc) + timedelta(hours=hours)


def fill(folder, prefix="firehose/", count=11):
    """One object with one line for each hour of a morning."""
    for hour in range(count):
        name = f"logs-1-2026-11-28-{hour:02}-30-00-01234567-89ab-cdef-0123-4567{hour:08}.gz"
        key = f"{prefix}2026/11/28/{hour:02}/{name}"
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        line = {
            "timestamp": f"2026-11-28T{hour:02}:30:00.5Z",
            "type": "function",
            "seq": hour + 1,
            "instanceId": "i",
        }
        path.write_bytes(gzip.compress(json.dumps(line).encode() + b"\n"))


@pytest.fixture
def s3(tmp_path, monkeypatch):
    """A server with one bucket of eleven hours, and the variables to reach it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    fill(tmp_path / "my-logs")
    with s3_server(tmp_path) as server:
        yield server


def hours(command, *arguments):
    """Which hours a query saw."""
    ran = command(
        "query", "SELECT seq - 1 AS h FROM logs ORDER BY 1", "--format", "json", *arguments
    )
    assert ran.status == 0, ran.err
    return [json.loads(line)["h"] for line in ran.out.splitlines()]


def test_folder(tmp_path, command):
    """A folder's lines, all of them or those of a window."""
    fill(tmp_path)

    assert hours(command, "--from", tmp_path) == list(range(11))
    window = ("--since", "2026-11-28T03:00:00Z", "--until", "2026-11-28T05:31:00Z")
    assert hours(command, "--from", tmp_path, *window) == [3, 4, 5]


def test_bucket(s3, command):
    """Every page of a listing, and every object once."""
    assert hours(command, "--from", "s3://my-logs/firehose/", "--endpoint-url", s3.url) == list(
        range(11)
    )


@pytest.mark.parametrize("prefix", ["firehose/", ""], ids=["prefix", "whole bucket"])
def test_bucket_reads_only_the_hours_asked_for(s3, command, prefix):
    """Objects outside of the window, widened by the interval, are neither listed nor fetched."""
    window = ("--since", "2026-11-28T03:00:00Z", "--until", "2026-11-28T04:00:00Z")
    found = hours(command, "--from", f"s3://my-logs/{prefix}", "--endpoint-url", s3.url, *window)

    assert found == [3]
    fetched = [path for path in s3.asked if "logs-1-" in path and "list-type" not in path]
    assert [
        path[len("/my-logs/firehose/2026/11/28/")] + path[len("/my-logs/firehose/2026/11/28/") + 1]
        for path in fetched
    ] == ["03"]


def test_kept_downloads_are_not_fetched_again(s3, command, tmp_path):
    """Objects never change: what is there stays."""
    arguments = (
        "--from",
        "s3://my-logs/firehose/",
        "--endpoint-url",
        s3.url,
        "--keep",
        tmp_path / "kept",
    )
    hours(command, *arguments)
    before = len(s3.asked)
    hours(command, *arguments)

    assert not [path for path in s3.asked[before:] if "list-type" not in path]


def test_words_of_a_bucket(s3, command):
    """No bucket, no permission, nothing in these hours: each has its sentence."""
    ask = ("query", "SELECT 1", "--endpoint-url", s3.url, "--from")

    assert "no such bucket" in command(*ask, "s3://other/").err
    late = command(*ask, "s3://my-logs/firehose/", "--since", "2026-12-01", "--until", "2026-12-02")
    assert (late.status, "no objects in the hours asked for" in late.err) == (1, True)
    s3.denied = True
    assert "s3:ListBucket" in command(*ask, "s3://my-logs/").err


def test_words_of_a_folder(tmp_path, command):
    """Missing, a file, empty, only errors of Firehose."""
    ask = ("query", "SELECT 1", "--from")

    assert "does not exist" in command(*ask, tmp_path / "no").err
    (tmp_path / "file").write_text("x")
    assert "is a file" in command(*ask, tmp_path / "file").err
    (tmp_path / "empty").mkdir()
    assert "empty. Firehose writes" in command(*ask, tmp_path / "empty").err
    fill(tmp_path / "failed", "firehose-errors/processing-failed/")
    assert "error prefix" in command(*ask, tmp_path / "failed").err
    assert "no bucket" in command(*ask, "s3://").err
    assert "s3://BUCKET" in command(*ask, "https://x").err


def test_what_is_no_file_is_no_object(tmp_path, command):
    """A link to nowhere and a pipe stand in nobody's way; the lines beside them are read."""
    fill(tmp_path)
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    os.mkfifo(tmp_path / "pipe")

    assert hours(command, "--from", tmp_path) == list(range(11))


def test_an_object_that_cannot_be_read_is_named(tmp_path, command, monkeypatch):
    """It is not left out in silence."""
    fill(tmp_path)

    def refuse(path):
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr("firehose_logging._cli.objects.kind", refuse)
    ran = command("query", "SELECT 1", "--from", tmp_path)

    assert ran.status == 2
    assert ran.err.rstrip().endswith("cannot be read: Permission denied")
    assert "Traceback" not in ran.err


def test_a_window_must_begin_before_it_ends(tmp_path, command):
    """Nothing can match: that is said."""
    ran = command("query", "SELECT 1", "--from", tmp_path, "--since", "1h", "--until", "2h")

    assert "nothing can match" in ran.err


def test_a_folder_of_a_real_run_by_its_prefix(bucket, command, tmp_path):
    """The bucket's root, the prefix, or a copy of one hour: all are sources."""
    count = ("query", "SELECT count(*) AS n FROM logs", "--format", "json", "--from")
    whole = command(*count, bucket.folder).out
    shutil.copytree(next(bucket.folder.glob("firehose/*/*/*/*")), tmp_path / "hour")

    assert command(*count, bucket.folder / "firehose").out == whole
    assert json.loads(command(*count, tmp_path / "hour").out)["n"] > 0


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("NoSuchBucket", "there is no such bucket"),
        ("404", "there is no such bucket"),
        ("AccessDenied", "s3:GetObject on arn:aws:s3:::logs/*"),
        ("403", "s3:ListBucket on arn:aws:s3:::logs"),
        ("SlowDown", "An error occurred (SlowDown)"),
    ],
)
def test_what_s3_refuses_is_told_with_what_to_do(monkeypatch, command, code, words):
    """By its code; one that we do not know is told in S3's own words."""

    class Refuses:
        def list_objects_v2(self, **_):
            raise ClientError({"Error": {"Code": code, "Message": "no"}}, "ListObjectsV2")

    monkeypatch.setattr(sources, "_client", lambda *_: Refuses())
    ran = command("query", "SELECT 1", "--from", "s3://logs/")

    assert ran.status == 2
    assert words in ran.err
    assert "Traceback" not in ran.err


def test_a_client_that_cannot_be_made_is_told(command):
    """An endpoint that is none is a sentence, not a traceback."""
    ran = command("query", "SELECT 1", "--from", "s3://logs/", "--endpoint-url", "no address")

    assert ran.status == 2
    assert "no S3 client can be made" in ran.err
