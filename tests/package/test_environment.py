from __future__ import annotations

import json
import os

from firehose_logging import _environment
from firehose_logging._environment import Environment, trace_header
from support.stage import run_python

LAMBDA = {
    "AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001",
    "AWS_LAMBDA_FUNCTION_NAME": "f",
    "AWS_LAMBDA_FUNCTION_VERSION": "7",
    "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
    "AWS_LAMBDA_LOG_STREAM_NAME": "2026/11/28/[7]abc",
    "AWS_LAMBDA_INITIALIZATION_TYPE": "snap-start",
    "AWS_LAMBDA_MAX_CONCURRENCY": "4",
    "AWS_REGION": "eu-west-1",
    "TMPDIR": "/tmp/x",
}


def test_outside_lambda():
    """What only Lambda tells is None elsewhere; the rest has the defaults of the system."""
    outside = Environment({})

    assert outside.runtime_api is outside.function_name is outside.workers is None
    assert outside.memory_size is outside.log_stream is outside.region is None
    assert (outside.init_type, outside.temp_dir) == ("on-demand", "/tmp")


def test_inside_lambda():
    """What Lambda says is read from its reserved variables."""
    inside = Environment(LAMBDA)

    assert (inside.runtime_api, inside.function_name) == ("127.0.0.1:9001", "f")
    assert (inside.function_version, inside.memory_size) == ("7", "512")
    assert (inside.log_stream, inside.region) == ("2026/11/28/[7]abc", "eu-west-1")
    assert (inside.init_type, inside.workers, inside.temp_dir) == ("snap-start", "4", "/tmp/x")


def test_variables_of_the_sdk():
    """The copy for the transports has what configures SDKs and HTTP clients, and nothing else."""
    kept = {"AWS_PROFILE": "p", "https_proxy": "http://h", "REQUESTS_CA_BUNDLE": "/x"}

    assert Environment({**kept, "PATH": "/bin", "PASSWORD": "x"}).sdk_variables == kept


READS = """
    import json, os
    os.environ["AWS_DEFAULT_REGION"] = "us-west-2"
    from firehose_logging._environment import Environment
    found = Environment.of_process()
    print(json.dumps([found.function_name, found.sdk_variables.get("AWS_DEFAULT_REGION")]))
"""


def found_by_a_process(**environ: str) -> list[str | None]:
    """Function name and region that a process finds, started with these variables."""
    code = "\n".join(line.removeprefix("    ") for line in READS.splitlines())
    found: list[str | None] = json.loads(run_python(code, env=environ).stdout)
    return found


def test_in_lambda_the_start_counts():
    """What a function puts into os.environ before we are made changes no fact of the process."""
    assert found_by_a_process(**LAMBDA, AWS_DEFAULT_REGION="eu-west-1") == ["f", "eu-west-1"]


def test_elsewhere_a_variable_may_be_set_before_we_are_made():
    """Outside of Lambda a program may read its configuration into os.environ first."""
    assert found_by_a_process(AWS_DEFAULT_REGION="eu-west-1") == [None, "us-west-2"]


def test_trace_header(monkeypatch):
    """The X-Ray header is the one of now: the runtime client sets it for each invocation."""
    monkeypatch.delenv("_X_AMZN_TRACE_ID", raising=False)
    assert trace_header() is None
    os.environ["_X_AMZN_TRACE_ID"] = "Root=1-2-3"

    assert trace_header() == "Root=1-2-3"


def test_a_system_that_does_not_tell(monkeypatch, tmp_path):
    """Where there is no /proc the variables are those of now."""
    monkeypatch.setattr(_environment, "_STARTED_WITH", str(tmp_path / "nowhere"))
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "now")

    assert Environment.of_process().function_name == "now"
