"""Where objects are: a folder laid out like the bucket, or a bucket of any S3 endpoint."""

from __future__ import annotations

import os
import re
import stat
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.window import arrival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from firehose_logging._cli.window import Window

#: What Firehose could not process stands under such a name (error output types).
FAILED = re.compile(r"(^|/)([a-z-]+-failed|firehose-errors)/")
_YEAR = re.compile(r"\d{4}/$")
#: How deep below the prefix given the years may begin.
DEPTH = 3
#: From so many hours on, days are listed instead: fewer calls.
MANY_HOURS = 48
MANY_DAYS = 100
DOWNLOADS = 16


@dataclass(frozen=True)
class Object:
    """One object: its key below the source, and bytes as stored."""

    key: str
    size: int


@dataclass(frozen=True)
class Listing:
    """What a source has for a window.

    Args:
        objects: those to read, oldest first.
        failed: how many stand under Firehose's error prefix.
        outside: how many were seen and are of other hours.
        newest: key of the newest object seen, of whatever hour; empty when none was.
    """

    objects: tuple[Object, ...]
    failed: int = 0
    outside: int = 0
    newest: str = ""


class Source(Protocol):
    """A place with objects."""

    name: str

    def find(self, window: Window) -> Listing:
        """The objects that may hold lines of a window."""

    def fetch(
        self, objects: Sequence[Object], folder: Path, done: Callable[[int], None]
    ) -> list[Path]:
        """Files with the objects' bytes; ``done`` is told of each object's bytes."""


def open_source(text: str, endpoint_url: str | None = None) -> Source:
    """The source of ``--from``.

    Args:
        text: a folder, or ``s3://bucket/prefix``.
        endpoint_url: another S3 endpoint; None for AWS, or what botocore's variables say.

    Raises:
        CommandError: it names no folder and no bucket, or no S3 client can be made.
    """
    if text.startswith("s3://"):
        bucket, _, prefix = text.removeprefix("s3://").partition("/")
        if not bucket:
            raise CommandError(f"--from {text}: names no bucket; write s3://BUCKET/PREFIX")
        return BucketSource(bucket, prefix, endpoint_url)
    if "://" in text:
        raise CommandError(f"--from {text}: a folder or s3://BUCKET/PREFIX is needed")
    folder = Path(text)
    if not folder.is_dir():
        what = "is a file" if folder.exists() else "does not exist"
        raise CommandError(
            f"--from {text}: {what}; name a folder laid out like the bucket, or s3://BUCKET/PREFIX"
        )
    return FolderSource(folder)


def _choose(objects: Iterable[Object], window: Window) -> Listing:
    chosen, failed, outside = [], 0, 0
    newest: tuple[datetime, str] = (datetime.min.replace(tzinfo=timezone.utc), "")
    for each in objects:
        first, last = arrival(each.key)
        if FAILED.search(each.key):
            failed += 1
            continue
        if first is not None:
            newest = max(newest, (first, each.key))
        if window.holds(first, last):
            chosen.append((first or newest[0], each))
        else:
            outside += 1
    chosen.sort(key=lambda pair: (pair[0], pair[1].key))
    return Listing(tuple(each for _, each in chosen), failed, outside, newest[1])


class FolderSource:
    """A folder whose files are objects."""

    def __init__(self, folder: Path) -> None:
        self.name = str(folder)
        self._folder = folder

    def find(self, window: Window) -> Listing:
        """The files that may hold lines of a window; hidden ones are none of ours."""
        return _choose(self._files(), window)

    def _files(self) -> Iterator[Object]:
        for root, folders, files in os.walk(self._folder):
            folders[:] = sorted(name for name in folders if not name.startswith("."))
            for name in sorted(files):
                if not name.startswith("."):
                    path = Path(root, name)
                    try:
                        found = path.stat()
                    except OSError:
                        continue  # gone since it was listed, or a link to nowhere
                    if stat.S_ISREG(found.st_mode):
                        key = path.relative_to(self._folder).as_posix()
                        yield Object(key, found.st_size)

    def fetch(
        self, objects: Sequence[Object], folder: Path, done: Callable[[int], None]
    ) -> list[Path]:
        """The files themselves."""
        del folder
        for each in objects:
            done(each.size)
        return [self._folder / each.key for each in objects]


class BucketSource:
    """A prefix of a bucket."""

    def __init__(self, bucket: str, prefix: str, endpoint_url: str | None) -> None:
        self.name = f"s3://{bucket}/{prefix}"
        self._bucket = bucket
        self._prefix = prefix
        self._client = _client(endpoint_url)

    def find(self, window: Window) -> Listing:
        """List the hours asked for, by key prefix; everything when the window is open."""
        hours = window.hours(datetime.now(timezone.utc))
        roots = self._roots(self._prefix, DEPTH) if hours is not None else []
        if hours is None or not roots:
            return _choose(self._pages(self._prefix), window)
        wanted = [f"{hour:%Y/%m/%d/%H}/" for hour in hours]
        if len(wanted) > MANY_HOURS:
            wanted = list(dict.fromkeys(each[:11] for each in wanted))
        if len(wanted) > MANY_DAYS:
            wanted = list(dict.fromkeys(each[:8] for each in wanted))
        found = [each for root in roots for part in wanted for each in self._pages(root + part)]
        listing = _choose(found, window)
        if listing.objects or listing.outside:
            return listing
        newest = max((self._newest(root) for root in roots), default="")
        return Listing((), listing.failed, 1 if newest else 0, newest)

    def _roots(self, prefix: str, depth: int) -> list[str]:
        """Prefixes directly below which years begin."""
        folders = self._folders(prefix)
        if any(_YEAR.search(each) for each in folders):
            return [prefix]
        if depth == 0:
            return []
        deeper = [each for each in folders if not FAILED.search(each)]
        return [root for each in deeper[:20] for root in self._roots(each, depth - 1)]

    def _newest(self, root: str) -> str:
        prefix = root
        for _ in range(4):
            folders = self._folders(prefix)
            if not folders:
                break
            prefix = max(folders)
        return prefix

    def _folders(self, prefix: str) -> list[str]:
        answer = self._call("list_objects_v2", Prefix=prefix, Delimiter="/")
        return [each["Prefix"] for each in answer.get("CommonPrefixes", [])]

    def _pages(self, prefix: str) -> Iterator[Object]:
        more: dict[str, str] = {}
        while True:
            answer = self._call("list_objects_v2", Prefix=prefix, **more)
            for each in answer.get("Contents", []):
                if not each["Key"].endswith("/"):
                    yield Object(each["Key"], each["Size"])
            if not answer.get("IsTruncated"):
                return
            more = {"ContinuationToken": answer["NextContinuationToken"]}

    def fetch(
        self, objects: Sequence[Object], folder: Path, done: Callable[[int], None]
    ) -> list[Path]:
        """Download what is not in ``folder`` already: objects never change."""
        from concurrent.futures import ThreadPoolExecutor

        def fetch_one(each: Object) -> Path:
            path = folder / self._bucket / each.key
            if not path.exists() or path.stat().st_size != each.size:
                path.parent.mkdir(parents=True, exist_ok=True)
                part = path.with_name(f".{path.name}.part")
                body = self._call("get_object", Key=each.key)["Body"]
                with part.open("wb") as file:
                    for chunk in body.iter_chunks(1 << 20):
                        file.write(chunk)
                part.rename(path)
            done(each.size)
            return path

        with ThreadPoolExecutor(DOWNLOADS) as pool:
            futures = [pool.submit(fetch_one, each) for each in objects]
            try:
                return [future.result() for future in futures]
            except BaseException:
                pool.shutdown(wait=False, cancel_futures=True)
                raise

    def _call(self, operation: str, **arguments: Any) -> dict[str, Any]:
        from botocore.exceptions import BotoCoreError, ClientError

        try:
            answer: dict[str, Any] = getattr(self._client, operation)(
                Bucket=self._bucket, **arguments
            )
        except ClientError as error:
            raise CommandError(f"{self.name}: {_meaning(error, self._bucket)}") from error
        except BotoCoreError as error:
            raise CommandError(
                f"{self.name}: {str(error).rstrip('.')}. Credentials, profile and region come "
                "from botocore's usual variables and files; --endpoint-url names another endpoint"
            ) from error
        return answer


def _client(endpoint_url: str | None) -> Any:
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError

    # A custom endpoint rarely has a host name for each bucket.
    style = {"addressing_style": "path"} if endpoint_url else {}
    config = Config(max_pool_connections=DOWNLOADS, s3=style)
    try:
        return boto3.client("s3", endpoint_url=endpoint_url, config=config)
    except (BotoCoreError, ValueError) as error:
        raise CommandError(f"no S3 client can be made: {error}") from error


def _meaning(error: Any, bucket: str) -> str:
    code = error.response.get("Error", {}).get("Code", "")
    if code in ("NoSuchBucket", "404"):
        return "there is no such bucket; the stack's output BucketName names it"
    if code in ("AccessDenied", "403"):
        return (
            f"access denied; reading needs s3:ListBucket on arn:aws:s3:::{bucket} and "
            f"s3:GetObject on arn:aws:s3:::{bucket}/*"
        )
    return str(error)
