"""docs/leaving-cloudwatch.md and the stages of docs/operate.md, run as the templates set them."""

from __future__ import annotations

import json
from typing import Any

import pytest

from firehose_logging._cli.__main__ import main as command_line
from local_firehose import Fault
from support import cloudformation
from support.e2e_lambda import Run, deployed
from support.pages import ROOT

pytestmark = pytest.mark.e2e
STAGES = {"keep": "false", "safety-net": "safety-net", "deny": "true"}
METRIC = {
    "_aws": {
        "Timestamp": 1764374400000,
        "CloudWatchMetrics": [
            {"Namespace": "shop", "Dimensions": [[]], "Metrics": [{"Name": "Orders"}]}
        ],
    },
    "Orders": 1,
}


def variables(stage: str) -> dict[str, str | None]:
    """What template.yaml sets for a stage, but for where layer and stream are in a test."""
    found = cloudformation.resolve({"DenyCloudWatchLogs": STAGES[stage]})["Resources"]
    function = found["SampleFunction"]["Properties"]
    names = ("AWS_LAMBDA_EXEC_WRAPPER", "AWS_KINESIS_STREAM_NAME")
    given: dict[str, str] = function["Environment"]["Variables"]
    return {name: value for name, value in given.items() if name not in names}


def said(run: Run) -> list[str]:
    """What of the function's words is in its own output, which is what CloudWatch would get."""
    output = "\n".join(text for texts in run.output.values() for text in texts)
    return [word for word in ("logged", "printed") if word in output]


def delivered(run: Run) -> list[str]:
    """What of them is in the bucket."""
    return [line["message"] for line in run.lines if line.get("message") in ("logged", "printed")]


@pytest.mark.parametrize("stage", STAGES)
def test_a_good_day(stage: str) -> None:
    """All is in the bucket; the safety net gets nothing, which is why it costs nothing."""
    with deployed("scripted", variables(stage)) as run:
        run.do(("log", "INFO", "logged"), ("print", "printed"))
        run.shutdown()

        assert delivered(run) == ["logged", "printed"]
        # Under deny the output goes where the role may not write: template.yaml's policy.
        assert said(run) == ([] if stage == "safety-net" else ["logged", "printed"])


@pytest.mark.parametrize("stage", STAGES)
def test_a_bad_day(stage: str) -> None:
    """Firehose takes nothing: whoever may still write to CloudWatch has every line there."""
    with deployed("scripted", variables(stage)) as run:
        run.firehose.faults.set(Fault.access_denied())
        run.do(("log", "INFO", "logged"), ("print", "printed"))
        run.shutdown()

        assert delivered(run) == []
        assert said(run) == ["logged", "printed"]


def test_out_by_one_variable() -> None:
    """Without the wrapper all output is as it was, though layer and other variables are there."""
    with deployed("scripted", {**variables("safety-net"), "AWS_LAMBDA_EXEC_WRAPPER": None}) as run:
        run.do(("log", "INFO", "logged"), ("print", "printed"))
        run.shutdown()

        assert said(run) == ["logged", "printed"]
        assert run.lines == []


def test_embedded_metrics_alone() -> None:
    """With the variable that the page names, metric lines go to CloudWatch, and nothing else."""
    name, _, value = "FIREHOSE_LOGGING_PASSTHROUGH=metrics".partition("=")
    assert f"{name}={value}" in (ROOT / "docs/leaving-cloudwatch.md").read_text()
    with deployed("scripted", {name: value}) as run:
        run.do(("print", json.dumps(METRIC)), ("print", "printed"), ("log", "INFO", "logged"))
        run.shutdown()
        output = [text for texts in run.output.values() for text in texts]
        lines = [line for line in run.lines if "Orders" in line]

        assert said(run) == []
        assert [json.loads(text) for text in output] == [METRIC]
        assert [(line["Orders"], line["_aws"]) for line in lines] == [(1, METRIC["_aws"])]
        assert delivered(run) == ["printed", "logged"]


def test_what_replaces_the_console(capsys: pytest.CaptureFixture[str], tmp_path: Any) -> None:
    """The story of one request, and the newest lines, by the commands that the page names."""
    with deployed("scripted") as run:
        answer = run.do(("log", "INFO", "logged"))
        run.do(("log", "INFO", "of another request"))
        run.shutdown()
        text = "".join(json.dumps(line) + "\n" for line in run.lines)
    (tmp_path / "object").write_text(text)
    request = ["query", "--saved", "request", "--param", f"request={answer.request_id}"]
    found = []
    for words in (request, ["tail"]):
        assert command_line([*words, "--from", str(tmp_path)]) == 0
        found.append(capsys.readouterr().out)

    assert "logged" in found[0]
    assert "of another request" not in found[0]
    assert "of another request" in found[1]
