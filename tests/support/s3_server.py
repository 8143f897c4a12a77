"""The two calls of S3 that a reader makes, served from a folder: ListObjectsV2 and GetObject."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from support.servers import serving

#: Small, so that a listing has several pages.
PAGE = 3


class S3Server(ThreadingHTTPServer):
    """Buckets are folders of ``root``; every request is noted in ``asked``."""

    def __init__(self, root: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.root = root
        self.asked: list[str] = []
        self.denied = False

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: S3Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        parts = urlsplit(self.path)
        bucket, _, key = unquote(parts.path).lstrip("/").partition("/")
        folder = self.server.root / bucket
        if self.server.denied:
            self._error(403, "AccessDenied")
        elif not folder.is_dir():
            self._error(404, "NoSuchBucket")
        elif key:
            self._answer(200, (folder / key).read_bytes(), "application/octet-stream")
        else:
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            self._answer(200, _listing(folder, query).encode(), "application/xml")

    def _error(self, status: int, code: str) -> None:
        text = f"<Error><Code>{code}</Code><Message>no</Message></Error>"
        self._answer(status, text.encode(), "application/xml")

    def _answer(self, status: int, body: bytes, kind: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def _listing(folder: Path, query: dict[str, str]) -> str:
    prefix, delimiter = query.get("prefix", ""), query.get("delimiter", "")
    keys = sorted(
        each.relative_to(folder).as_posix() for each in folder.rglob("*") if each.is_file()
    )
    keys = [key for key in keys if key.startswith(prefix)]
    folders: set[str] = set()
    if delimiter:
        rest = {key: key[len(prefix) :] for key in keys}
        folders = {
            prefix + r.split(delimiter)[0] + delimiter for r in rest.values() if delimiter in r
        }
        keys = [key for key, r in rest.items() if delimiter not in r]
    after = query.get("continuation-token", "")
    keys = [key for key in keys if key > after]
    page, more = keys[:PAGE], len(keys) > PAGE
    contents = "".join(
        f"<Contents><Key>{escape(key)}</Key><Size>{(folder / key).stat().st_size}</Size></Contents>"
        for key in page
    )
    common = "".join(
        f"<CommonPrefixes><Prefix>{escape(each)}</Prefix></CommonPrefixes>"
        for each in sorted(folders)
    )
    token = f"<NextContinuationToken>{page[-1]}</NextContinuationToken>" if more else ""
    return (
        f"<ListBucketResult><IsTruncated>{str(more).lower()}</IsTruncated>{token}{contents}{common}"
        "</ListBucketResult>"
    )


@contextmanager
def s3_server(root: Path) -> Iterator[S3Server]:
    """A server over a folder of buckets."""
    with serving(S3Server(root)) as server:
        yield server
