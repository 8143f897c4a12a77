"""SnapStart: one initialised process, resumed more than once, each time as an environment."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest

from support import versions
from support.e2e_lambda import Run, deployed
from support.e2e_lines import assert_whole, platform
from tools import clients
from tools.waiting import wait_until

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.conformance(table="SnapStart", columns=["snap_start"]),
]

#: SnapStart begins with Python 3.12; older ones run the same client.
PAIRS = versions.selected(
    [(versions.RUNNING, clients.NEWEST)], versions.everything(clients.SNAPSTART_VERSIONS)
)


@pytest.fixture(params=PAIRS, ids=versions.name)
def snap_start(request: pytest.FixtureRequest) -> dict[str, Any]:
    """What makes ``deployed`` run a SnapStart function on a Python with a runtime client."""
    return {**versions.runtime(request.param), "initialization_type": "snap-start"}


@pytest.fixture(params=["direct", "boto3"])
def transport(request: pytest.FixtureRequest) -> dict[str, str | None]:
    """The variables for one of the two transports."""
    return {"FIREHOSE_LOGGING_TRANSPORT": request.param}


def instances(run: Run) -> dict[str, list[dict[str, Any]]]:
    """The delivered lines by instance, in the order in which instances first appear."""
    found: dict[str, list[dict[str, Any]]] = {}
    for line in run.lines:
        found.setdefault(line["instanceId"], []).append(line)
    return found


def messages(lines: list[dict[str, Any]]) -> list[str]:
    """What the function logged."""
    return [line["message"] for line in lines if line["type"] == "function"]


def test_two_environments_of_one_snapshot(
    snap_start: dict[str, Any], transport: dict[str, str | None]
) -> None:
    """Each environment is an instance with numbers from 1, and every line arrives once."""
    with deployed("snapstart", transport, **snap_start) as run:
        answers = []
        for number in (1, 2):
            run.env.restore()
            answers += [run.invoke({"log": [f"{number}{letter}"]}).payload for letter in "ab"]
        run.shutdown()
        found = instances(run)
        assert not run.told

    assert len({answer["snapshot"] for answer in answers}) == 1
    assert all(answer["lives"] == ["before", "after"] for answer in answers)
    snapshot, first, second = found.values()
    assert messages(snapshot) == ["imported", "before the snapshot"]
    assert messages(first) == ["after the restore", "1a", "1b"]
    assert messages(second) == ["after the restore", "2a", "2b"]
    assert_whole(line for lines in found.values() for line in lines)
    for lines in (first, second):
        for kind in ("restoreStart", "restoreRuntimeDone", "restoreReport"):
            assert len(platform(lines, kind)) == 1
        cold = [line["message"] for line in lines if line.get("coldStart")]
        assert cold == [messages(lines)[1]]


def test_connections_are_not_copied(
    snap_start: dict[str, Any], transport: dict[str, str | None]
) -> None:
    """A restored environment has no connection to Firehose that the snapshot had opened."""
    with deployed("snapstart", transport, **snap_start) as run:
        port = urlsplit(run.firehose.endpoint_url).port
        run.env.init()
        assert "imported" in messages(run.lines)  # so the snapshot did have one
        before = run.invoke({"log": ["a"]}).payload
        after = run.invoke({"log": ["b"]}).payload

        assert port not in before["peers"]
        assert port in after["peers"]


def test_keys_come_from_the_endpoint_and_are_renewed(
    snap_start: dict[str, Any], transport: dict[str, str | None]
) -> None:
    """No keys in the environment; those that run out are replaced before they do."""
    with deployed("snapstart", transport, **snap_start) as run:
        run.env.credentials.lifetime = 60.0
        answer = run.invoke({"log": ["with the first keys"]}).payload
        fetched = run.env.credentials.fetches
        keys = ("ASIASECOND0000000000", "second secret", "second token")
        run.env.credentials.rotate(*keys)
        run.firehose.rotate(*keys)
        run.invoke({"log": ["with the second keys"]})
        run.shutdown()
        said = [message for lines in instances(run).values() for message in messages(lines)]
        assert not run.told

    assert answer["keys"] == []
    assert fetched >= 1
    assert run.env.credentials.fetches > fetched
    assert said[-2:] == ["with the first keys", "with the second keys"]


def test_keys_are_not_fetched_for_every_call(snap_start: dict[str, Any]) -> None:
    """Keys that live long are asked for once in the snapshot and once in the environment."""
    with deployed("snapstart", **snap_start) as run:
        for number in range(4):
            run.invoke({"log": [str(number)]})

        assert run.env.credentials.fetches == 2


def test_lines_logged_at_the_restore_are_not_lost(snap_start: dict[str, Any]) -> None:
    """When another hook fails the restore, the error and what was said before it arrive."""
    with deployed("snapstart", {"AFTER_RESTORE": "raise"}, **snap_start) as run:
        with pytest.raises(RuntimeError, match="restore failed"):
            run.env.restore()
        run.shutdown()
        lines = run.lines

    errors = [line for line in lines if line["level"] == "ERROR" and line["type"] == "function"]
    assert [line["errorMessage"] for line in errors] == ["cannot go on"]
    assert "imported" in messages(lines)


def test_a_killed_environment_leaves_its_journal(snap_start: dict[str, Any]) -> None:
    """What was pending when an environment was killed is delivered after the next Init."""
    later = {"FIREHOSE_LOGGING_FLUSH": "periodic", "FIREHOSE_LOGGING_INTERVAL": "900"}
    with deployed("snapstart", later, **snap_start) as run:
        run.invoke({"log": ["a"]})
        run.env.kill(9)
        wait_until(lambda: run.env.phase == "broken", what="the reset")
        run.invoke({"log": ["b"]})
        run.shutdown()
        found = instances(run)

    said = [message for lines in found.values() for message in messages(lines)]
    assert said.count("a") == said.count("b") == 1
    assert_whole(line for lines in found.values() for line in lines)
