"""docs/recipes/: each function run with the layer and its library; what its page shows arrives."""

from __future__ import annotations

import gzip
import json
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from support.e2e_lambda import deployed
from support.e2e_lines import assert_whole
from support.recipes import NAMES, RECIPES, blocks, code, deployment, requirements
from support.servers import serving
from tools.libraries import REQUIREMENTS

#: What every line has, and what differs each time: the pages leave it out, and say so.
EVERYWHERE = (
    "timestamp", "type", "requestId", "functionName", "functionVersion", "instanceId", "seq",
    "coldStart", "invocationId",
)  # fmt: skip
#: What differs each time, or is long, and is shown as three dots.
CHANGING = (
    "traceId", "otelTraceID", "otelSpanID", "stackTrace", "location", "exception", "_aws",
    "function_request_id", "function_arn", "xray_trace_id", "request",
)  # fmt: skip
#: What arrives is written into the pages anew where this is set; look at the change.
WRITE = bool(os.environ.get("RECIPES_WRITE"))


@contextmanager
def sentry_server() -> Iterator[tuple[str, list[bytes]]]:
    """A place that takes what Sentry's SDK sends: its DSN, and what came."""
    came: list[bytes] = []

    class Takes(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            packed = self.headers.get("Content-Encoding") == "gzip"
            came.append(gzip.decompress(body) if packed else body)
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"{}")

        def log_message(self, *_: Any) -> None:
            pass

    with serving(ThreadingHTTPServer(("127.0.0.1", 0), Takes)) as server:
        yield f"http://key@127.0.0.1:{server.server_address[1]}/1", came


def shown(name: str, lines: list[dict[str, Any]]) -> str:
    """Lines as a page shows them."""
    texts = []
    for line in lines:
        if line["type"] == "function":
            left_out = EVERYWHERE if name == "xray" else (*EVERYWHERE, "traceId")
            kept = {column: value for column, value in line.items() if column not in left_out}
            for column in CHANGING:
                if column in kept:
                    kept[column] = ["..."] if isinstance(kept[column], list) else "..."
            if line["logger"] == "zappa.wsgi":  # its access log has the time and how long it took
                kept["message"] = re.sub(r"\[.*?\]|0/\d+$", "...", line["message"])
            texts.append(json.dumps(kept) + "\n")
    return "".join(texts)


@pytest.mark.e2e
@pytest.mark.timeout(240)  # a first installation
@pytest.mark.conformance(table="Recipes", columns=["run"], rows=["name"])
@pytest.mark.parametrize("name", NAMES)
def test_what_the_page_shows_arrives(name: str, tmp_path: Path) -> None:
    """With the layer, the library and the recipe's variables these lines come, and no others."""
    events = json.loads((RECIPES / name / "events.json").read_text())
    handler, variables = deployment(name)
    with sentry_server() as (dsn, came):
        environment = {
            variable: dsn if variable == "SENTRY_DSN" else value
            for variable, value in variables.items()
            # The test's own: where the layer lies, and its stream.
            if variable not in ("AWS_LAMBDA_EXEC_WRAPPER", "AWS_KINESIS_STREAM_NAME")
        }
        folder = code(name, tmp_path)
        with deployed(folder, environment, handler=handler, copy_code=False) as run:
            for event in events:
                run.invoke(event)
            run.shutdown()
            lines = run.lines
            output = [text for texts in run.output.values() for text in texts]
            assert not run.told
    arrived = shown(name, lines)
    page = RECIPES / name / "README.md"
    if WRITE:
        block = re.compile(r"(?ms)^```jsonl\n.*?^```$")
        page.write_text(block.sub(lambda _: f"```jsonl\n{arrived}```", page.read_text()))

    assert blocks(name, "jsonl") == [arrived]
    assert_whole(lines)
    if name == "sentry":  # the error reached Sentry too
        assert b"ZeroDivisionError" in b"".join(came)
    # Of the function's output CloudWatch gets the metrics, and nothing else.
    assert [json.loads(text)["Orders"] for text in output] == (
        [[1.0], [1.0]] if name == "powertools" else []
    )


def test_recipes_install_what_the_other_tests_do() -> None:
    """One version of each library: that of tools/libraries.py."""
    known = {one.partition("==")[0]: one for pins in REQUIREMENTS.values() for one in pins}

    for name in NAMES:
        for one in requirements(name):
            assert "==" in one
            assert known.get(one.partition("==")[0], one) == one, f"{name}: {one}"


def test_the_index_has_every_recipe() -> None:
    """docs/recipes/README.md leads to each of them."""
    index = (RECIPES / "README.md").read_text()

    for name in NAMES:
        assert f"({name}/README.md)" in index
