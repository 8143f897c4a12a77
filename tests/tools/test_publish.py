"""`make publish` against an API of the shape of Lambda's: what it sends, keeps and goes on with."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.servers import serving
from support.stage import CHILD_DEADLINE, ROOT, child_environment

REGIONS = "eu-central-1,us-east-1"


class LayerApi(ThreadingHTTPServer):
    """PublishLayerVersion, with a version that counts up for each layer and region."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        #: What was published: region, layer, request.
        self.published: list[tuple[str, str, dict[str, Any]]] = []
        #: Regions that refuse.
        self.refuses: set[str] = set()

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    server: LayerApi

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        layer = re.fullmatch(r"/2018-10-31/layers/([\w-]+)/versions", self.path)
        region = self.headers["Authorization"].split("/")[2]  # of the signature's scope
        if layer is None:
            self._answer(404, {})
        elif region in self.server.refuses:
            self._answer(403, {"message": "not authorized"}, "AccessDeniedException")
        else:
            before = [one for one in self.server.published if one[:2] == (region, layer[1])]
            self.server.published.append((region, layer[1], body))
            arn = f"arn:aws:lambda:{region}:123456789012:layer:{layer[1]}"
            version = len(before) + 1
            content = base64.b64decode(body["Content"]["ZipFile"])
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            self._answer(
                201,
                {
                    "LayerArn": arn, "LayerVersionArn": f"{arn}:{version}", "Version": version,
                    "Content": {"CodeSha256": digest, "CodeSize": len(content)},
                },
            )  # fmt: skip

    def _answer(self, status: int, body: dict[str, Any], error: str = "") -> None:
        text = json.dumps(body).encode()
        self.send_response(status)
        if error:
            self.send_header("x-amzn-ErrorType", error)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    def log_message(self, *_: Any) -> None:
        """Nobody reads it."""


@pytest.fixture
def api() -> Iterator[LayerApi]:
    """An API that listens."""
    with serving(LayerApi()) as server:
        yield server


@pytest.fixture
def dist(tmp_path: Path) -> Path:
    """What a release left: two layers, and papers that are no layers."""
    for name in ("firehose-logging-1.2.3.zip", "firehose-logging-1.2.3-python3.13.zip"):
        with zipfile.ZipFile(tmp_path / name, "w") as archive:
            archive.writestr("firehose_wrapper", name)
    (tmp_path / "SHA256SUMS").touch()
    return tmp_path


def publish(api: LayerApi, dist: Path, regions: str = REGIONS) -> subprocess.CompletedProcess[str]:
    """What the Makefile's target runs."""
    environment = child_environment(
        AWS_ENDPOINT_URL_LAMBDA=api.url, AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="x",
        AWS_MAX_ATTEMPTS="1",
    )  # fmt: skip
    return subprocess.run(
        [sys.executable, "-m", "tools.release", "publish", "--regions", regions, "--from", dist],
        cwd=ROOT, env=environment,
        capture_output=True, text=True, check=False, timeout=CHILD_DEADLINE,
    )  # fmt: skip


def test_every_layer_goes_into_every_region(api: LayerApi, dist: Path) -> None:
    """The zip as it is, with the runtimes that it is for; the ARNs are printed and kept."""
    done = publish(api, dist)

    assert done.returncode == 0, done.stderr
    assert [(region, layer) for region, layer, _ in api.published] == [
        (region, layer)
        for region in REGIONS.split(",")
        for layer in ("firehose-logging-python313", "firehose-logging")
    ]
    for _, layer, body in api.published:
        one = layer.endswith("313")
        content = io.BytesIO(base64.b64decode(body["Content"]["ZipFile"]))
        name = f"firehose-logging-1.2.3{'-python3.13' if one else ''}"
        assert zipfile.ZipFile(content).read("firehose_wrapper").decode() == f"{name}.zip"
        assert body["Description"] == name
        assert ("python3.10" in body["CompatibleRuntimes"]) != one
        assert "python3.13" in body["CompatibleRuntimes"]
        assert body["CompatibleArchitectures"] == ["x86_64", "arm64"]
    assert done.stdout.split() == (dist / "layers.txt").read_text().split()
    assert "arn:aws:lambda:us-east-1:123456789012:layer:firehose-logging:1" in done.stdout


def test_a_region_that_refuses_is_named_and_done_later(api: LayerApi, dist: Path) -> None:
    """What is out is kept; the same command goes on from there and makes no version twice."""
    api.refuses = {"us-east-1"}
    refused = publish(api, dist)

    assert refused.returncode == 1
    assert "us-east-1" in refused.stderr
    assert "AccessDeniedException" in refused.stderr
    assert "Traceback" not in refused.stderr
    assert len((dist / "layers.txt").read_text().split()) == 2

    api.refuses = set()
    done = publish(api, dist)

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.split()) == len(api.published) == 4
    assert all(arn.endswith(":1") for arn in done.stdout.split())


@pytest.mark.parametrize(("regions", "why"), [("", "no region"), (",", "no region")])
def test_no_region(api: LayerApi, dist: Path, regions: str, why: str) -> None:
    """`make publish` alone says what it needs."""
    done = publish(api, dist, regions)

    assert (done.returncode, api.published) == (1, [])
    assert why in done.stderr
