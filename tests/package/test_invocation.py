"""``lambda_handler``: what it wraps stays what it was."""

from __future__ import annotations

import inspect

import pytest

from firehose_logging import _bootstrap, lambda_handler


@pytest.fixture
def ends(monkeypatch):
    """The contexts of invocations that began, each time followed by None at the end."""
    seen = []

    def begin(context):
        seen.append(context)
        return lambda: seen.append(None)

    monkeypatch.setattr(_bootstrap, "begin_invocation", begin)
    return seen


def test_answer_and_signature_are_the_functions(ends):
    """The wrapped function answers the same and looks the same."""

    def handler(event, context=None):
        """Sells."""
        return {"sold": event}

    wrapped = lambda_handler(handler)

    assert wrapped(1, "c") == {"sold": 1}
    assert ends == ["c", None]
    assert inspect.signature(wrapped) == inspect.signature(handler)
    assert (wrapped.__name__, wrapped.__doc__) == ("handler", "Sells.")


@pytest.mark.parametrize("error", [KeyError("x"), SystemExit(3), KeyboardInterrupt()])
def test_errors_pass_untouched(ends, error):
    """Whatever the function raises comes out, and the invocation has ended."""

    @lambda_handler
    def handler(event, context):
        raise error

    with pytest.raises(type(error)) as raised:
        handler(None, context="c")
    assert raised.value is error
    assert ends == ["c", None]


def test_a_method(ends):
    """A method keeps its object."""

    class Shop:
        @lambda_handler
        def handler(self, event, context):
            return self, event

    shop = Shop()
    assert shop.handler(1, "c") == (shop, 1)
    assert ends == ["c", None]


def test_a_call_without_a_context(ends):
    """A test that calls the function with an event alone is no error of ours."""

    @lambda_handler
    def handler(event):
        return event

    assert handler(1) == 1
    assert ends == [None, None]
