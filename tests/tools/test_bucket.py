"""tools/bucket.py against answers of the shape that S3 and CloudFormation give."""

from __future__ import annotations

import gzip
import io
from datetime import datetime, timezone
from typing import Any

import boto3
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber

from tools import bucket


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Any:
    """An S3 client and the stub that answers for it."""
    client = boto3.client(
        "s3", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    with Stubber(client) as stub:
        yield client, stub
        stub.assert_no_pending_responses()


def listed(*keys: str) -> dict[str, Any]:
    """A listing whose later keys are newer."""
    return {
        "Contents": [
            {"Key": key, "Size": 3, "LastModified": datetime(2026, 1, 1 + day, tzinfo=timezone.utc)}
            for day, key in enumerate(keys)
        ]
    }


def body(content: bytes) -> dict[str, Any]:
    """An object's answer."""
    return {"Body": StreamingBody(io.BytesIO(content), len(content))}


def test_show_prints_the_newest_objects(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """The newest objects come last, gzip of several members is unpacked, others stay unread."""
    client, stub = s3
    stub.add_response("list_objects_v2", listed("old", "newer", "newest"), {"Bucket": "b"})
    stub.add_response("get_object", body(b"one\n"), {"Bucket": "b", "Key": "newer"})
    members = gzip.compress(b"two\n") + gzip.compress(b"three\n")
    stub.add_response("get_object", body(members), {"Bucket": "b", "Key": "newest"})

    assert bucket.show(client, "b", 2) == 0
    printed = [line for line in capsys.readouterr().out.splitlines() if line[0] != "="]
    assert printed == ["one", "two", "three"]


def test_show_says_that_a_bucket_is_empty(s3: Any, capsys: pytest.CaptureFixture[str]) -> None:
    """Before the first buffering interval is over there is nothing, and the reason is told."""
    client, stub = s3
    stub.add_response("list_objects_v2", {}, {"Bucket": "b"})

    assert bucket.show(client, "b", 2) == 1
    assert "buffering interval" in capsys.readouterr().out


def test_remove_asks_for_the_name(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Anything but the bucket's name typed in deletes nothing."""
    client, _ = s3
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))

    assert bucket.remove(client, "b") == 1


def test_remove_empties_then_deletes(s3: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Once confirmed, all objects go, then the bucket."""
    client, stub = s3
    monkeypatch.setattr("sys.stdin", io.StringIO("b\n"))
    stub.add_response("list_objects_v2", listed("one", "two"), {"Bucket": "b"})
    wanted = {"Objects": [{"Key": "one"}, {"Key": "two"}], "Quiet": True}
    stub.add_response("delete_objects", {}, {"Bucket": "b", "Delete": wanted})
    stub.add_response("delete_bucket", {}, {"Bucket": "b"})

    assert bucket.remove(client, "b") == 0


def test_a_foreign_stack_is_told() -> None:
    """A stack without the output is named, with what to check."""
    client = boto3.client(
        "cloudformation", region_name="us-east-1", aws_access_key_id="x", aws_secret_access_key="x"
    )
    stack = {"StackName": "s", "CreationTime": datetime.now(timezone.utc), "StackStatus": "X"}
    with Stubber(client) as stub:
        stub.add_response("describe_stacks", {"Stacks": [stack]}, {"StackName": "s"})
        with pytest.raises(LookupError, match="stack s has no output BucketName"):
            bucket.bucket_of(client, "s")
