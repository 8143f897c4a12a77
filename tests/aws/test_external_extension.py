"""An external extension beside us, written in bash: neither disturbs the other."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from local_firehose import Fault, LocalFirehose
from support import versions
from support.e2e_lambda import FUNCTIONS, deployed, layer, lines_of, open_firehose, variables
from support.e2e_lines import assert_same, assert_whole, said_by, said_in
from support.image import Container, recipes
from support.local_lambda_fixtures import write_script
from support.rie_managed import why_not
from tools import clients

CLASSIC, LOCAL = "RIE classic", "local Lambda"

pytestmark = [
    pytest.mark.rie,
    pytest.mark.e2e,
    pytest.mark.skipif(not Path("/bin/bash").exists(), reason="no /bin/bash on this machine"),
    pytest.mark.conformance(table="An external extension beside us", columns=["platform"]),
]

#: Notes each event, and what is left of its deadline in ms, in $TMPDIR/neighbour. It may be slow to
#: do its work after an invocation, or at the end, or crash with its N-th event.
NEIGHBOUR = r"""#!/bin/bash
set -eu
call() {  # method, path, header, body
  exec 3<>"/dev/tcp/${AWS_LAMBDA_RUNTIME_API%:*}/${AWS_LAMBDA_RUNTIME_API#*:}"
  printf '%s /2020-01-01/extension/%s HTTP/1.0\r\n' "$1" "$2" >&3
  printf '%s\r\nContent-Length: %d\r\n\r\n%s' "$3" "${#4}" "$4" >&3
  cat <&3
}
answer=$(call POST register "Lambda-Extension-Name: ${0##*/}" '{"events": ["INVOKE", "SHUTDOWN"]}')
id=$(sed -n 's/^Lambda-Extension-Identifier: \([0-9a-f-]*\).*/\1/Ip' <<<"$answer")
number=0
while true; do
  event=$(call GET event/next "Lambda-Extension-Identifier: $id" "" | tail -n 1)
  number=$((number + 1))
  [[ "$event" =~ \"deadlineMs\":\ *([0-9]+) ]]
  echo "$(( BASH_REMATCH[1] - ${EPOCHREALTIME/./} / 1000 )) $event" >>"$TMPDIR/neighbour"
  if [[ "$event" == *SHUTDOWN* ]]; then
    sleep "${AT_SHUTDOWN:-0}"
    echo "0 {\"eventType\": \"done\"}" >>"$TMPDIR/neighbour"
    exit 0
  fi
  sleep "${AT_INVOKE:-0}"
  [[ "$number" == "${CRASH_AT:-}" ]] && exit 3
done
"""
STEPS: list[Any] = [["log", "INFO", "logged"], ["print", "printed"], ["stderr", "to stderr"]]
LATER = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}


def notes(tmp: Path) -> list[tuple[int, dict[str, Any]]]:
    """What the extension noted: ms left, event."""
    found = []
    for line in (tmp / "neighbour").read_text().splitlines():
        left, _, event = line.partition(" ")
        found.append((int(left), json.loads(event)))
    return found


def kinds(tmp: Path) -> list[str]:
    """The types of the events, in order."""
    return [event["eventType"] for _, event in notes(tmp)]


def not_on_rie(why: str) -> pytest.MarkDecorator:
    """A rule of the documentation that AWS's emulator does not follow."""
    return pytest.mark.conformance(
        table="An external extension beside us", columns=["platform"], absent={CLASSIC: why}
    )


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    """A layer with nothing but the extension."""
    write_script(tmp_path / "theirs" / "extensions" / "neighbour.sh", NEIGHBOUR)
    return tmp_path / "theirs"


@contextmanager
def on_rie(
    theirs: Path, scratch: Path, **environment: str
) -> Iterator[tuple[Container, LocalFirehose]]:
    """The function in AWS's emulator, with the extension in /opt/extensions."""
    if why_not() is not None:
        pytest.skip(why_not() or "")
    both = scratch / "both"
    shutil.copytree(layer(), both)
    shutil.copytree(theirs, both, dirs_exist_ok=True)
    runtime = versions.runtime((versions.RUNNING, clients.NEWEST))
    with open_firehose() as firehose:
        values = {
            **firehose.environment(),
            **variables(firehose, AWS_LAMBDA_EXEC_WRAPPER=None, **environment),
            "AWS_LAMBDA_FUNCTION_TIMEOUT": "10",
        }
        folders = {"layer": both, "function": FUNCTIONS / "scripted"}
        recipe = recipes()["python"]
        with Container(recipe, scratch, environment=values, **folders, **runtime) as env:
            yield env, firehose


@pytest.mark.parametrize("platform", [CLASSIC, LOCAL])
def test_both_see_every_event(platform: str, theirs: Path, tmp_path: Path) -> None:
    """It gets INVOKE for each invocation and SHUTDOWN; of ours every line arrives once."""
    if platform == CLASSIC:
        with on_rie(theirs, tmp_path) as (env, firehose):
            assert [env.invoke({"do": STEPS, "answer": n}).body for n in range(3)] == [0, 1, 2]
            assert env.stop() == 0
            lines = lines_of(firehose)
            output = env.output
        seen = notes(tmp_path / "tmp")
    else:
        with deployed(layers=(layer(), theirs)) as run:
            assert [run.do(*STEPS, answer=n).payload for n in range(3)] == [0, 1, 2]
            end = run.shutdown()
            lines, output = run.lines, "\n".join(run.told)
            seen = notes(run.env.tmp)
        assert end.runtime is not None
        assert end.runtime.by_itself
        assert [extension.returncode for extension in end.extensions] == [0]
    ids = [line["requestId"] for line in lines if line.get("message") == "logged"]

    assert_same([line for n in (1, 2, 3) for line in said_by(STEPS, n)], said_in(lines))
    assert_whole(lines)
    assert [event["eventType"] for _, event in seen] == [*["INVOKE"] * 3, "SHUTDOWN", "done"]
    assert [event["requestId"] for _, event in seen[:3]] == ids
    assert "firehose_logging:" not in output


@pytest.mark.parametrize("platform", [CLASSIC, LOCAL])
def test_the_shutdown_budget_is_longer(platform: str, theirs: Path, tmp_path: Path) -> None:
    """With an external extension the shutdown has 2,000 ms; ours ends in its share, delivered."""
    # Longer than the 500 ms that internal extensions alone would have.
    slow = {**LATER, "AT_SHUTDOWN": "0.7"}
    if platform == CLASSIC:
        with on_rie(theirs, tmp_path, **slow) as (env, firehose):
            env.invoke({"do": [["logs", "INFO", 200]]})
            assert not lines_of(firehose)
            env.stop()
            lines = lines_of(firehose)
        seen = notes(tmp_path / "tmp")
    else:
        with deployed(environment=slow, layers=(layer(), theirs)) as run:
            run.do(["logs", "INFO", 200])
            assert not run.lines
            end = run.shutdown()
            lines, seen = run.lines, notes(run.env.tmp)
        assert end.runtime is not None
        assert [end.runtime.by_itself, *(one.by_itself for one in end.extensions)] == [True, True]

    assert_same(said_by([["logs", "INFO", 200]], 1), said_in(lines))
    assert [event["eventType"] for _, event in seen] == ["INVOKE", "SHUTDOWN", "done"]
    left = seen[1][0]
    assert 500 < left <= 2_000


@not_on_rie("the emulator gives every shutdown 2,000 ms")
@pytest.mark.parametrize("platform", [LOCAL])
def test_the_budget_without_one(platform: str) -> None:
    """Without it the shutdown has 500 ms, and ours ends by itself within them, delivered."""
    with deployed(environment=LATER) as run:
        run.do(["log", "INFO", "kept"])
        assert not run.lines
        end = run.shutdown()
        run.expect(*said_by([["log", "INFO", "kept"]], 1))
        assert end.reason == "spindown"
        assert end.extensions == ()
        assert end.runtime is not None
        assert end.runtime.by_itself


@not_on_rie("the emulator answers the caller after the extensions")
@pytest.mark.parametrize("platform", [LOCAL])
def test_a_slow_one_costs_us_nothing(platform: str, theirs: Path) -> None:
    """While it still works on an invocation, the caller has the answer and our flush is done."""
    with deployed(environment={"AT_INVOKE": "0.3"}, layers=(layer(), theirs)) as run:
        for number in range(2):
            run.do(*STEPS, answer=number)
        run.shutdown()
        run.expect(*(line for n in (1, 2) for line in said_by(STEPS, n)))
        assert kinds(run.env.tmp) == ["INVOKE", "INVOKE", "SHUTDOWN", "done"]


@not_on_rie("the emulator answers the caller after the extensions")
@pytest.mark.parametrize("platform", [LOCAL])
def test_our_trouble_is_not_its_trouble(platform: str, theirs: Path) -> None:
    """While Firehose never answers us, it gets all its events and ends by itself."""
    variables = {"FIREHOSE_LOGGING_FLUSH": "end"}
    with deployed(environment=variables, layers=(layer(), theirs), timeout=1.0) as run:
        run.firehose.faults.set(Fault.hang())
        assert run.do(*STEPS, answer="ok").payload == "ok"
        assert run.do(*STEPS, answer="ok").payload == "ok"
        end = run.shutdown()
        run.firehose.faults.clear()
        assert kinds(run.env.tmp) == ["INVOKE", "INVOKE", "SHUTDOWN", "done"]
        assert [extension.by_itself for extension in end.extensions] == [True]


@pytest.mark.parametrize("platform", [CLASSIC, LOCAL])
def test_its_crash_loses_no_line(platform: str, theirs: Path, tmp_path: Path) -> None:
    """When it crashes Lambda starts the environment anew: what we held is delivered then."""
    # Not before the function has said its line.
    environment = {**LATER, "CRASH_AT": "2", "AT_INVOKE": "0.3"}
    said = [[["log", "INFO", text]] for text in ("before", "during", "after")]
    if platform == CLASSIC:
        with on_rie(theirs, tmp_path, **environment) as (env, firehose):
            for steps in said:
                env.invoke({"do": steps})
            env.stop()
            lines = lines_of(firehose)
        seen = kinds(tmp_path / "tmp")
    else:
        with deployed(environment=environment, layers=(layer(), theirs)) as run:
            for steps in said:
                run.invoke({"do": steps}, rest=False)
                assert run.env.wait_idle(20)
            run.shutdown()
            lines, seen = run.lines, kinds(run.env.tmp)
    # A call that hangs when an environment ends is made again, which may store it twice.
    lines = list({(line["instanceId"], line["seq"]): line for line in lines}.values())
    messages = sorted(line["message"] for line in lines if line["type"] == "function")

    assert messages == ["after", "before", "during"]
    assert_whole(lines)
    assert seen == ["INVOKE", "INVOKE", "INVOKE", "SHUTDOWN", "done"]
