"""The log bucket of a deployed stack: show the newest logs, or remove the bucket for good.

    python -m tools.bucket show --stack NAME [--objects N]
    python -m tools.bucket name --stack NAME
    python -m tools.bucket remove --bucket NAME

Uses your AWS credentials and region as every AWS tool does.
"""

from __future__ import annotations

import argparse
import gzip
import sys
from typing import Any

import boto3
from botocore.exceptions import BotoCoreError, ClientError


def main(arguments: list[str]) -> int:
    """Do what the command line asks for; 1 with a message when AWS refuses or nothing is there."""
    options = _parse(arguments)
    try:
        if options.command == "remove":
            return remove(boto3.client("s3"), options.bucket)
        bucket = bucket_of(boto3.client("cloudformation"), options.stack)
        if options.command == "name":
            print(bucket)
            return 0
        return show(boto3.client("s3"), bucket, options.objects)
    except (BotoCoreError, ClientError, LookupError) as error:
        print(f"bucket: {error}", file=sys.stderr)
        return 1


def bucket_of(cloudformation: Any, stack: str) -> str:
    """The bucket that a stack names in its outputs; LookupError when it names none."""
    (description,) = cloudformation.describe_stacks(StackName=stack)["Stacks"]
    for output in description.get("Outputs", []):
        if output["OutputKey"] == "BucketName":
            return str(output["OutputValue"])
    raise LookupError(f"stack {stack} has no output BucketName: is it this project's?")


def show(s3: Any, bucket: str, count: int) -> int:
    """Print the newest ``count`` objects, oldest of them first."""
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket=bucket)
    objects = [entry for page in pages for entry in page.get("Contents", [])]
    if not objects:
        print(f"s3://{bucket} is empty yet: Firehose writes when its buffering interval is over")
        return 1
    for entry in sorted(objects, key=lambda entry: entry["LastModified"])[-count:]:
        print(f"== s3://{bucket}/{entry['Key']} ({entry['Size']} bytes)")
        body = s3.get_object(Bucket=bucket, Key=entry["Key"])["Body"].read()
        if body.startswith(b"\x1f\x8b"):
            body = gzip.decompress(body)
        print(body.decode("utf-8", "backslashreplace"), end="")
    return 0


def remove(s3: Any, bucket: str) -> int:
    """Delete every object and the bucket, once its name was typed in to confirm it."""
    print(f"This deletes all logs in {bucket}, for good. Type the bucket's name to go on:")
    if sys.stdin.readline().strip() != bucket:
        print("Nothing was deleted.")
        return 1
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        keys = [{"Key": entry["Key"]} for entry in page.get("Contents", [])]
        if keys:
            answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": keys, "Quiet": True})
            for error in answer.get("Errors", []):
                raise LookupError(f"could not delete {error.get('Key')}: {error.get('Message')}")
    s3.delete_bucket(Bucket=bucket)
    print(f"Deleted {bucket}.")
    return 0


def _parse(arguments: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bucket", description="The log bucket of a stack.")
    commands = parser.add_subparsers(dest="command", required=True)
    shown = commands.add_parser("show", help="print the newest log objects")
    shown.add_argument("--objects", type=int, default=3, help="how many (default: 3)")
    named = commands.add_parser("name", help="print the bucket's name")
    for command in (shown, named):
        command.add_argument("--stack", required=True, help="the stack's name")
    removed = commands.add_parser("remove", help="delete all logs and the bucket; asks first")
    removed.add_argument("--bucket", required=True, help="the bucket's name")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
