from __future__ import annotations

import json
import logging
import sys

import pytest
from hypothesis import HealthCheck, given, settings

from firehose_logging import JsonFormatter
from firehose_logging._environment import Environment
from firehose_logging._line.columns import COLUMNS
from firehose_logging._line.context import Context
from tools.strategies import OddError, Unprintable, record, records


def formatted(made: logging.LogRecord, formatter: JsonFormatter | None = None) -> dict[str, object]:
    """The line of a record as a dict."""
    return json.loads((formatter or JsonFormatter()).format(made))


def raised(error: BaseException) -> tuple[object, ...]:
    """What ``sys.exc_info`` gives inside an except clause."""
    try:
        raise error
    except BaseException:
        return sys.exc_info()


def test_columns_of_a_plain_record():
    """A record gives timestamp, type, level, logger and message, and nothing it does not have."""
    made = record("%s items", 3, level=logging.WARNING)
    made.created = 1_700_000_000.25

    assert formatted(made) == {
        "timestamp": "2023-11-14T22:13:20.250000Z",
        "type": "function",
        "level": "WARNING",
        "logger": "app",
        "message": "3 items",
    }


def test_columns_of_environment_and_invocation():
    """A bound formatter adds where the line comes from."""
    environ = {"AWS_LAMBDA_FUNCTION_NAME": "f", "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST"}
    context = Context(Environment(environ))
    formatter = JsonFormatter()
    formatter.bind(context)
    context.begin("r-1", trace_header="Root=1-a-b;Parent=c;Sampled=1", tenant_id="blue")

    found = formatted(record(), formatter)

    assert {k: found[k] for k in found if k not in ("timestamp", "instanceId")} == {
        "type": "function",
        "level": "INFO",
        "logger": "app",
        "requestId": "r-1",
        "tenantId": "blue",
        "traceId": "1-a-b",
        "functionName": "f",
        "functionVersion": "$LATEST",
        "coldStart": True,
        "message": "hello",
    }
    assert found["instanceId"] == context.instance_id


def test_dict_message_stays_an_object():
    """A dict that is logged can be queried column by column."""
    assert formatted(record({"a": {"b": [1, None]}}))["message"] == {"a": {"b": [1, None]}}


@pytest.mark.parametrize(
    ("msg", "args", "text"),
    [
        ("100%", (), "100%"),
        (["a"], (), "['a']"),
        (7, (), "7"),
        (None, (), "None"),
        ("%(a)s", ({"a": 1},), "1"),
        ("%s", ((1, 2),), "(1, 2)"),
        ("%d", ("x",), "%d ('x',) [TypeError while formatting the message]"),
        ("%s %s", (1,), "%s %s (1,) [TypeError while formatting the message]"),
        ("no place", (1,), "no place (1,) [TypeError while formatting the message]"),
        (Unprintable(), (), "<unprintable Unprintable object>"),
    ],
)
def test_messages(msg, args, text):
    """Messages are formatted as logging does; arguments that do not fit are shown, not raised."""
    assert formatted(record(msg, *args))["message"] == text


def test_argument_that_cannot_be_shown():
    """An argument whose str raises costs its text, not the line."""
    message = formatted(record("it is %s", Unprintable()))["message"]

    assert message.startswith("it is %s ")
    assert "RuntimeError while formatting" in message


def test_extras_are_columns():
    """What a user passes as extra is at top level, with its JSON type."""
    found = formatted(record(customer="c-1", items=3, tags=["x"], nothing=None))

    assert (found["customer"], found["items"], found["tags"]) == ("c-1", 3, ["x"])
    assert found["nothing"] is None


@pytest.mark.parametrize("name", sorted(COLUMNS - {"message"}))
def test_extra_of_a_column_goes_under_extra(name):
    """No extra can forge or double a column."""
    made = record()
    made.__dict__.update({name: "mine", "other": 1})
    made.exc_info = raised(ValueError("x"))
    made.stack_info = "Stack"
    pairs = json.loads(JsonFormatter().format(made), object_pairs_hook=list)

    names = [key for key, _ in pairs]
    assert len(names) == len(set(names))
    assert dict(dict(pairs)["extra"]) == {name: "mine"}
    assert dict(pairs)["other"] == 1


def test_attributes_of_others_are_no_extras():
    """What logging, its other formatters and Lambda's runtime client add is not repeated."""
    made = record(aws_request_id="r", tenant_id="t", _frame_type=b"x", taskName="Task-1")
    logging.Formatter("%(asctime)s %(message)s").format(made)

    assert set(formatted(made)) == {"timestamp", "type", "level", "logger", "message"}


def test_record_of_another_class():
    """A record factory's own attributes are extras like any others."""

    class Own(logging.LogRecord):
        def __init__(self, *args: object) -> None:
            self.early = 1
            super().__init__(*args)
            self.late = 2

    found = formatted(Own("app", 20, "p", 1, "hi", (), None))

    assert (found["early"], found["late"], found["message"]) == (1, 2, "hi")
    assert "args" not in found


def test_record_from_a_dict():
    """Records that came over a socket or a queue keep their extras."""
    made = logging.makeLogRecord({"msg": "over the wire", "name": "far", "customer": "c-1"})

    found = formatted(made)

    assert (found["message"], found["logger"], found["customer"]) == ("over the wire", "far", "c-1")


def test_exception_columns():
    """An exception gives type, message, stack as a list, and where it was logged."""
    made = record("failed", level=logging.ERROR)
    made.exc_info = raised(ValueError("bad é"))

    found = formatted(made)

    assert (found["errorType"], found["errorMessage"]) == ("ValueError", "bad é")
    assert "in raised\n    raise error" in found["stackTrace"][0]
    assert found["location"] == "/var/task/app.py:handler:7"


def test_causes_are_in_the_stack():
    """The stack of an exception with a cause tells the cause too."""
    error = ValueError("second")
    error.__cause__ = KeyError("first")
    made = record()
    made.exc_info = raised(error)

    stack = "\n".join(formatted(made)["stackTrace"])

    assert "KeyError: 'first'" in stack
    assert "direct cause" in stack


@pytest.mark.skipif(sys.version_info < (3, 11), reason="groups and notes came with Python 3.11")
def test_groups_and_notes_are_in_the_stack():
    """The members of an exception group, and notes, are not lost."""
    group = ExceptionGroup("many", [ValueError("one"), KeyError("two")])  # noqa: F821
    noted = ValueError("x")
    noted.add_note("while reading row 7")
    made, other = record(), record()
    made.exc_info, other.exc_info = raised(group), raised(noted)

    assert "ValueError: one" in "\n".join(formatted(made)["stackTrace"])
    assert "while reading row 7" in "\n".join(formatted(other)["stackTrace"])


def test_exception_that_cannot_be_shown():
    """An exception whose str raises still has its type and stack."""
    made = record()
    made.exc_info = raised(OddError())

    found = formatted(made)

    assert found["errorType"] == "OddError"
    assert found["errorMessage"] == "<unprintable OddError object>"
    assert found["stackTrace"]


def test_exception_without_exception():
    """`logger.exception` outside an except clause is a line like any other."""
    made = record()
    made.exc_info = (None, None, None)

    assert "errorType" not in formatted(made)


def test_text_of_a_queued_exception():
    """A record that passed a QueueHandler keeps its traceback as text."""
    made = record()
    made.exc_text = "Traceback (most recent call last):\nValueError: x"

    assert formatted(made)["stackTrace"] == made.exc_text.splitlines()


def test_stack_info():
    """A stack that was asked for is a list of lines."""
    made = record()
    made.stack_info = "Stack (most recent call last):\n  File x"

    assert formatted(made)["stackInfo"] == made.stack_info.splitlines()


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(records())
def test_any_record_is_one_json_object(made):
    """Odd messages, arguments, extras and exceptions: valid JSON, and the record is untouched."""
    before = dict(made.__dict__)

    text = JsonFormatter().format(made)

    assert "\n" not in text
    pairs = json.loads(text.encode("utf-8", "replace"), object_pairs_hook=list)
    names = [key for key, _ in pairs]
    assert set(names) >= {"timestamp", "type", "level", "logger", "message"}
    columns = [name for name in names if name in COLUMNS]
    assert len(columns) == len(set(columns))
    assert all(made.__dict__[k] is v for k, v in before.items())
    assert made.__dict__.keys() == before.keys()


class Structlog:
    """Records as structlog's ``wrap_for_formatter`` makes them."""

    @staticmethod
    def record(event, **attributes):
        return record(event, _logger=object(), _name="shop", **attributes)


def test_events_of_structlog():
    """The event is the message, its keys are columns, and nothing of structlog's own is there."""
    event = {"event": "order taken", "level": "info", "timestamp": "t", "order": 17, "name": "amy"}
    found = formatted(Structlog.record(event, customer="c-1"))

    assert set(found) == {
        "timestamp", "type", "level", "logger", "message", "customer", "order", "name",
    }  # fmt: skip
    assert (found["message"], found["order"], found["name"]) == ("order taken", 17, "amy")


@pytest.mark.parametrize("kind", ["true", "error", "tuple"])
def test_exceptions_of_structlog(kind):
    """An exception that travels in the event has the exception columns."""
    try:
        raise ValueError("x")
    except ValueError as error:
        info = {"true": True, "error": error, "tuple": sys.exc_info()}[kind]
        found = formatted(Structlog.record({"event": "e", "exc_info": info}))

    assert (found["errorType"], found["errorMessage"]) == ("ValueError", "x")
    assert "exc_info" not in found


@pytest.mark.parametrize("info", [None, False, True, (None, None, None)])
def test_no_exception_of_structlog(info):
    """An event outside of an except clause has none."""
    assert "errorType" not in formatted(Structlog.record({"event": "e", "exc_info": info}))


def test_a_dict_with_such_attributes_of_its_own():
    """Only both attributes together are structlog's."""
    assert formatted(record({"event": "e"}, _name="x"))["message"] == {"event": "e"}


@pytest.mark.parametrize("brace", ["{} of {}"])
def test_getmessage_of_another_record_class(brace):
    """A record class that formats or masks in its own way is asked, once."""
    asked = []

    class Own(logging.LogRecord):
        def getMessage(self) -> str:  # noqa: N802 - logging's name
            asked.append(1)
            return self.msg.format(*self.args)

    found = formatted(Own("app", 20, "p", 1, brace, (17, "amy"), None))

    assert found["message"] == "17 of amy"
    assert asked == [1]
    assert formatted(Own("app", 20, "p", 1, "plain", (), None))["message"] == "plain"


def test_fields_and_fixed_columns():
    """A bound formatter has the fields of the context, and its schema."""
    context = Context(Environment({}), fields=(("service", "shop"),), fixed=True)
    formatter = JsonFormatter()
    formatter.bind(context)

    found = formatted(record({"a": 1}, Service="mine", n=2), formatter)

    assert found["service"] == "shop"
    assert json.loads(found["extra"]) == {"Service": "mine", "n": 2}
    assert found["message"] == '{"a":1}'
