from __future__ import annotations

import json

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from firehose_logging._line import schema as _schema
from firehose_logging._line.columns import COLUMNS, FOLDED
from firehose_logging._line.schema import Schema
from tools.strategies import names, values

SKIPPED = frozenset({"args", "msg"})


def extras(schema: Schema, given_: dict[str, object]) -> dict[str, object]:
    """The members of extras; no name of them twice, whatever its case."""
    text = schema.extras(tuple(given_), tuple(given_.values()))
    pairs = json.loads(
        "{" + text[1:].encode("utf-8", "replace").decode() + "}", object_pairs_hook=list
    )
    folded = [name.lower() for name, _ in pairs]
    assert len(set(folded)) == len(folded)
    found = dict(pairs)
    if isinstance(found.get("extra"), list):
        found["extra"] = dict(found["extra"])
    return found


@pytest.mark.parametrize(
    ("given_", "found"),
    [
        ({}, {}),
        ({"a": 1, "b": "x"}, {"a": 1, "b": "x"}),
        ({"args": 1, "a": 2, "msg": 3}, {"a": 2}),
        ({"Seq": 7, "a": 1}, {"a": 1, "extra": {"Seq": 7}}),
        ({"message": "m", "Message": "M"}, {"extra": {"message": "m", "Message_": "M"}}),
        ({"userId": 17, "userid": "u17"}, {"userId": 17, "extra": {"userid": "u17"}}),
        ({"extra": 1, "EXTRA": 2, "x": 3}, {"x": 3, "extra": {"extra": 1, "EXTRA_": 2}}),
        ({"Service": 1, "other": 2}, {"other": 2, "extra": {"Service": 1}}),
        ({1: 2}, {"1": 2}),
    ],
)
def test_places_of_extras(given_, found):
    """What has the name of a column, of a field, or of another extra goes under `extra`."""
    assert extras(Schema(fields=["service"], skipped=SKIPPED), given_) == found


def test_plans_give_the_same_again():
    """The second record with the same names is encoded like the first."""
    schema = Schema()

    assert [schema.extras(("a", "Type"), (number, "x")) for number in (1, 2)] == [
        ',"a":1,"extra":{"Type":"x"}',
        ',"a":2,"extra":{"Type":"x"}',
    ]


def test_fixed_columns():
    """All extras are JSON text in one column, and messages are text."""
    schema = Schema(fixed=True, skipped=SKIPPED)

    (name, text) = next(
        iter(extras(schema, {"a": 1, "msg": 2, "Seq": [3], "b": {"c": None}}).items())
    )

    assert name == "extra"
    assert json.loads(text) == {"a": 1, "Seq": [3], "b": {"c": None}}
    assert schema.extras((), ()) == schema.extras(("msg",), (1,)) == ""
    assert schema.message({"a": [1]}) == '{"a":[1]}'
    assert schema.message("text") == "text"
    assert schema.message(None) == "null"


def test_open_messages_stay_what_they_are():
    """An object that was logged can be queried column by column."""
    message = {"a": 1}

    assert Schema().message(message) is message


def test_skipping_keeps_the_rules():
    """Another set of nobody's names changes nothing else."""
    schema = Schema(fixed=True, fields=["service"]).skipping(SKIPPED)

    assert schema.fixed
    assert Schema(fields=["service"]).skipping(SKIPPED).extras(("args", "SERVICE"), (1, 2)) == (
        ',"extra":{"SERVICE":2}'
    )


def test_plans_are_bounded(monkeypatch):
    """A program that makes up names does not fill the memory."""
    monkeypatch.setattr(_schema, "MAX_PLANS", 10)
    schema = Schema()
    for number in range(50):
        assert schema.extras((f"n{number}",), (1,)) == f',"n{number}":1'

    assert len(schema._plans) == 10


def test_columns_differ_by_more_than_their_case():
    """The line's own columns can all be told apart by readers that ignore case."""
    assert len(FOLDED) == len(COLUMNS)
    assert {"stackInfo", "stackTrace", "location", "seq", "executionArn"} <= COLUMNS


@given(st.dictionaries(names, values, max_size=5), st.booleans())
@settings(deadline=None)
def test_extras_never_take_a_column(given_, fixed):
    """Whatever the extras: valid JSON, no column of the schema's, no name twice, nothing gone."""
    found = extras(Schema(fixed=fixed, skipped=SKIPPED), given_)

    under = found.pop("extra", {})
    under = json.loads(under) if isinstance(under, str) else under
    assert not {name.lower() for name in found} & FOLDED
    assert len(found) + len(under) == len(given_.keys() - SKIPPED)
    assert not (fixed and found)


@given(
    st.lists(
        st.dictionaries(
            names | st.sampled_from(("a", "A", "b", "Seq", "Service")), st.integers(), max_size=4
        ),
        max_size=6,
    ),
    st.booleans(),
)
@example([{"a": 1}, {"A": 1}, {"a": 1, "A": 2}], False)
@settings(deadline=None)
def test_what_is_learnt_changes_nothing(records, fixed):
    """Names seen before, and others of the same letters, are encoded as in the first record."""
    schema = Schema(fixed=fixed, fields=["service"], skipped=SKIPPED)

    for own in records:
        fresh = Schema(fixed=fixed, fields=["service"], skipped=SKIPPED)
        expected = fresh.extras(tuple(own), tuple(own.values()))

        assert schema.extras_of({"args": 0, **own}, 1 - ("args" in own), "args") == expected
        assert schema.extras_of(own, 0) == expected


@pytest.mark.parametrize("gone", ["msg", "args", "exc_info"])
@pytest.mark.parametrize("extras", [{}, {"a": 1}, {"a": 1, "b": 2}, {"a": 1, "exc_info": 2}])
def test_one_of_loggings_own_that_is_gone_hides_no_extra(gone, extras):
    """A filter takes one of the first away: what stands in its place is an extra."""
    own = {"msg": 0, "args": 0, "exc_info": 0}
    del own[gone]
    own |= extras
    schema = Schema(skipped=frozenset({"msg", "args", "exc_info"}))

    for _ in range(2):  # names that are new have been learnt the second time
        found = json.loads(f"{{{schema.extras_of(own, 3, 'exc_info')[1:]}}}")
        assert found == {name: extras[name] for name in extras if name != "exc_info"}


def test_what_is_learnt_is_bounded(monkeypatch):
    """A program that makes up names does not fill the memory here either."""
    monkeypatch.setattr(_schema, "MAX_PLANS", 10)
    schema = Schema(skipped=SKIPPED)
    for number in range(50):
        assert schema.extras_of({"args": 1, f"n{number}": 1}, 0) == f',"n{number}":1'

    assert len(schema._owners) + len(schema._prefixes) <= 12
