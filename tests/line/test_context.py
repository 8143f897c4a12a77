from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor

import pytest

from firehose_logging._environment import Environment
from firehose_logging._line.context import Context, trace_root

ENVIRON = {"AWS_LAMBDA_FUNCTION_NAME": 'f"x', "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST"}


def columns(members: str) -> dict[str, object]:
    """Members with a leading comma as a dict."""
    assert members.startswith(",")
    return json.loads("{" + members[1:] + "}")


def test_before_the_first_invocation():
    """In Init lines name function and instance, and no invocation."""
    context = Context(Environment(ENVIRON))

    assert columns(context.columns) == {
        "functionName": 'f"x',
        "functionVersion": "$LATEST",
        "instanceId": context.instance_id,
    }


def test_outside_lambda():
    """Anywhere else lines name the instance only."""
    context = Context(Environment({}))

    assert list(columns(context.columns)) == ["instanceId"]
    assert len(context.instance_id) == 16


def test_cold_start_is_the_first_invocation():
    """`coldStart` is on the lines of the first invocation and no other; absent means false."""
    context = Context(Environment(ENVIRON))
    context.begin("r-1")
    first = columns(context.columns)
    context.begin("r-2", tenant_id="blue", trace_header="Self=1;Root=1-2-3;Sampled=0")
    second = columns(context.columns)

    assert (first["requestId"], first["coldStart"]) == ("r-1", True)
    assert "coldStart" not in second
    assert (second["requestId"], second["tenantId"], second["traceId"]) == ("r-2", "blue", "1-2-3")
    assert "requestId" not in columns(context.environment_columns)
    assert context.request_id == "r-2"


def test_renewed_instance():
    """After a fork or a restore the instance is another one, and its first invocation is cold."""
    context = Context(Environment(ENVIRON))
    context.begin("r-1")
    before = context.instance_id
    context.renew()

    assert context.instance_id != before
    assert "requestId" not in columns(context.columns)
    context.begin("r-2")
    assert columns(context.columns)["coldStart"] is True


@pytest.mark.parametrize(
    ("header", "root"),
    [
        (None, None),
        ("", None),
        ("Root=", None),
        ("Parent=1", None),
        ("garbage;;=;Root", None),
        (
            "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1",
            "1-5759e988-bd862e3fe1be46a994272793",
        ),
        ("Sampled=1; Root=1-a-b", "1-a-b"),
    ],
)
def test_trace_root(header, root):
    """The trace id is the Root of the X-Ray header, wherever in it."""
    assert trace_root(header) == root


def test_fields_and_the_account():
    """Columns that a setting names are on every line; the account's once Lambda has told it."""
    fields = (("service", "shop"), ("accountId", None))
    context = Context(Environment({}), fields=fields)
    assert columns(context.columns)["service"] == "shop"
    context.begin("r-1")

    context.know_account("123456789012")

    assert columns(context.columns)["accountId"] == "123456789012"
    assert columns(context.columns)["requestId"] == "r-1"
    assert columns(context.environment_columns)["accountId"] == "123456789012"
    Context(Environment({})).know_account("1")


class Epoch:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_record_that_comes_late_has_the_invocation_in_which_it_was_made():
    """Behind a queue or a buffer the time of the record decides, not that of its handling."""
    epoch = Epoch()
    context = Context(Environment({}), epoch=epoch)
    made = [(None, epoch.now)]
    for n in range(3):
        epoch.now += 10
        context.begin(f"r-{n}")
        made.append((f"r-{n}", epoch.now))
        made.append((f"r-{n}", epoch.now + 9))
    found = [(columns(context.at(created)).get("requestId"), created) for _, created in made]
    assert found == made
    assert columns(context.columns)["requestId"] == "r-2"


def test_a_record_that_is_older_than_what_is_remembered_has_no_invocation():
    """No id is better than a wrong one."""
    epoch = Epoch()
    context = Context(Environment({}), epoch=epoch)
    for n in range(1_000):
        epoch.now += 1
        context.begin(f"r-{n}")
    assert "requestId" not in columns(context.at(1_001.5))
    assert columns(context.at(epoch.now - 100))["requestId"] == "r-899"


def test_lines_between_two_invocations_that_end_have_none():
    """Where ends are told, a late record of the time between belongs to nobody."""
    epoch = Epoch()
    context = Context(Environment({}), epoch=epoch)
    context.begin("r-1")
    epoch.now += 10
    context.end()
    assert context.request_id is None
    epoch.now += 10
    context.begin("r-2")
    assert columns(context.at(1_005.0))["requestId"] == "r-1"
    assert "requestId" not in columns(context.at(1_015.0))


def test_concurrent_requests_keep_their_own():
    """Each task sees the request that it serves; a thread without one that which began last."""
    context = Context(Environment(ENVIRON))

    async def serve(request_id: str) -> list[str]:
        token = context.begin(request_id)
        seen = []
        for _ in range(3):
            await asyncio.sleep(0)
            seen.append(columns(context.columns)["requestId"])
            seen.append(await asyncio.to_thread(lambda: columns(context.columns)["requestId"]))
        context.leave(token)
        return seen

    async def main() -> list[list[str]]:
        return await asyncio.gather(*(serve(f"r-{n}") for n in range(5)))

    assert asyncio.run(main()) == [[f"r-{n}"] * 6 for n in range(5)]
    with ThreadPoolExecutor(1) as pool:
        assert columns(pool.submit(lambda: context.columns).result())["requestId"] == "r-4"


def test_a_child_is_another_instance_with_its_parents_invocations():
    """After a fork every line has the new instance, also those that come late."""
    epoch = Epoch()
    context = Context(Environment(ENVIRON), epoch=epoch)
    context.begin("r-1")
    epoch.now += 10
    context.begin("r-2")
    before = columns(context.columns)
    context.fork()
    after = columns(context.columns)
    assert after["instanceId"] == context.instance_id != before["instanceId"]
    assert {**before, "instanceId": None} == {**after, "instanceId": None}
    assert columns(context.at(1_005.0)) == {
        **after, "requestId": "r-1", "coldStart": True
    }  # fmt: skip


def test_what_lambda_of_2026_tells_is_on_every_line():
    """The attempt, the durable execution, and the trace of a W3C header."""
    context = Context(Environment({}))
    context.begin(
        "r-1",
        trace_header="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        invocation_id="i-1",
        execution_arn="arn:aws:lambda:eu-west-1:012345678912:function:f:1/durable-execution/n/u",
    )
    found = columns(context.columns)
    assert found["traceId"] == "0af7651916cd43dd8448eb211c80319c"
    assert found["invocationId"] == "i-1"
    assert found["executionArn"].endswith("/durable-execution/n/u")


def test_columns_that_change_later():
    """Other fields hold from then on; what was learnt of the account stays."""
    context = Context(Environment(ENVIRON), fields=(("team", "blue"),))
    context.know_account("123456789012")
    before = columns(context.environment_columns)
    context.change(fields=(("team", "red"), ("account", None)), fixed=False)
    after = columns(context.environment_columns)
    context.change(fields=(), fixed=False)

    assert (before["team"], after["team"]) == ("blue", "red")
    assert "team" not in columns(context.environment_columns)
