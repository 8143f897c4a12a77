"""Athena and CloudWatch as far as the function of deploy/table_metrics.py asks them, on loopback.

Queries are run: over the objects of a folder, through the view that the templates give Glue,
translated for DuckDB. The calls' form is checked by botocore's own models, on both sides.
"""

from __future__ import annotations

import gzip
import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import botocore.session
import duckdb
from botocore import xform_name
from botocore.validate import ParamValidator

from firehose_logging._cli import athena, dialect
from support.servers import serving

#: One text column, as the templates' table has it.
DATABASE = "firehose_logging"


class AwsServer(ThreadingHTTPServer):
    """``bucket`` is the folder of the table's prefix.

    ``states`` are what a query says before it is done; ``metrics`` what was put, by its name.
    """

    daemon_threads = True

    def __init__(self, bucket: Path) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.bucket = bucket
        self.states: list[str] = []
        self.calls: list[str] = []
        self.queries: list[str] = []
        self.metrics: dict[str, dict[str, Any]] = {}
        self.outcome = "SUCCEEDED"

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.server_port}"

    def answer(self, service: str, operation: str, given: dict[str, Any]) -> dict[str, Any]:
        """What a call gets, after its parameters were checked."""
        model = botocore.session.get_session().get_service_model(service)
        shape = model.operation_model(operation).input_shape
        problems = ParamValidator().validate(given, shape)
        assert not problems.has_errors(), problems.generate_report()
        self.calls.append(f"{service}:{operation}")
        found: dict[str, Any] = getattr(self, f"_{xform_name(operation)}")(given)
        return found

    def _start_query_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        self.queries.append(given["QueryString"])
        return {"QueryExecutionId": f"query-{len(self.queries)}"}

    def _get_query_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        state = self.states.pop(0) if self.states else self.outcome
        status = {"State": state, "StateChangeReason": f"said {state}"}
        return {"QueryExecution": {**given, "Status": status}}

    def _stop_query_execution(self, given: dict[str, Any]) -> dict[str, Any]:
        return {}

    def _get_query_results(self, given: dict[str, Any]) -> dict[str, Any]:
        names, rows = run(self.queries[-1], self.bucket)
        texts = [[name.lower() for name in names], *([str(one) for one in row] for row in rows)]
        data = [{"Data": [{"VarCharValue": text} for text in row]} for row in texts]
        return {"ResultSet": {"Rows": data}}

    def _put_metric_data(self, given: dict[str, Any]) -> dict[str, Any]:
        for one in given["MetricData"]:
            self.metrics[f"{given['Namespace']}/{one['MetricName']}"] = one
        return {}


def run(sql: str, bucket: Path) -> tuple[list[str], list[tuple[Any, ...]]]:
    """A query in Athena's SQL over the objects of a folder, each in the hour of its key."""
    connection = duckdb.connect()
    for macro in dialect.MACROS:
        connection.execute(macro)
    connection.execute(f"CREATE SCHEMA {DATABASE}; USE {DATABASE}")
    connection.execute("CREATE TABLE lines (line VARCHAR, hour VARCHAR)")
    for path in bucket.rglob("*"):
        hour = re.search(r"/(\d{4}/\d\d/\d\d/\d\d)/", str(path))
        if hour and path.is_file():
            body = path.read_bytes()
            text = gzip.decompress(body) if body[:2] == b"\x1f\x8b" else body
            rows = [(line, hour[1]) for line in text.decode().splitlines()]
            connection.executemany("INSERT INTO lines VALUES (?, ?)", rows)
    connection.execute(f"CREATE VIEW logs AS {dialect.to_duckdb(athena.logs_view())}")
    found = connection.execute(dialect.to_duckdb(sql))
    return [each[0] for each in found.description or []], found.fetchall()


class _Handler(BaseHTTPRequestHandler):
    server: AwsServer
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        prefix, _, operation = self.headers["X-Amz-Target"].partition(".")
        service = {"AmazonAthena": "athena"}.get(prefix, "cloudwatch")
        answer = json.dumps(self.server.answer(service, operation, body)).encode()
        self.send_response(200)
        self.send_header("Content-Type", self.headers["Content-Type"])
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


@contextmanager
def aws_server(bucket: Path) -> Iterator[AwsServer]:
    """A server over a folder of objects."""
    with serving(AwsServer(bucket)) as server:
        yield server
