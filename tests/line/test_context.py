from __future__ import annotations

import json

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
