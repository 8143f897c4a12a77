"""What the public names do with the one process-wide instance."""

from __future__ import annotations

import logging
from functools import partial

import pytest

import firehose_logging
from firehose_logging import FirehoseHandler, Settings, _bootstrap
from support.stage import MemoryClient


def test_nothing_to_flush():
    """Before anything was made a flush is true at once, and there is no ledger."""
    assert firehose_logging.flush()
    assert _bootstrap.counts() == []


def test_counts_are_the_ledgers():
    """Every stream's ledger, in the order in which they were made."""
    handler = FirehoseHandler("logs", client=MemoryClient())
    handler.emit(logging.makeLogRecord({"msg": "x"}))
    FirehoseHandler("others", client=MemoryClient())

    assert [counts["accepted"] for counts in _bootstrap.counts()] == [1, 0]
    assert all(counts["balances"] for counts in _bootstrap.counts())


def test_without_a_stream_there_is_nothing_to_take_lines(capfd):
    """A handler without a stream sends nothing; one warning says so, however many there are."""
    assert _bootstrap.attach(None, None, None)[1] is None
    assert _bootstrap.attach(None, None, None)[1] is None

    assert capfd.readouterr().err.count("AWS_KINESIS_STREAM_NAME is not set") == 1


def test_wrong_settings_are_told(monkeypatch, capfd):
    """A wrong value, an unknown variable and an illegal name are told once each."""
    monkeypatch.setenv("AWS_KINESIS_STREAM_NAME", "no blanks please")
    monkeypatch.setenv("FIREHOSE_LOGGING_INTERVAL", "soon")
    monkeypatch.setenv("FIREHOSE_LOGGING_INTERVALL", "10")
    assert not firehose_logging.install()
    assert not firehose_logging.install()

    told = capfd.readouterr().err
    assert told.count("FIREHOSE_LOGGING_INTERVAL='soon'") == 1
    assert told.count("FIREHOSE_LOGGING_INTERVALL is no variable of ours") == 1
    assert told.count("AWS_KINESIS_STREAM_NAME") == 1


class Context:
    """What a runtime hands to a handler."""

    aws_request_id = "r-1"


def test_the_decorator_outside_of_lambda(monkeypatch):
    """Called by a test or a server, a decorated function has its request id on its lines."""
    client = MemoryClient()
    logger = logging.Logger("shop")
    logger.addHandler(FirehoseHandler("logs", client=client))

    @firehose_logging.lambda_handler
    def handler(event, context):
        logger.warning("sold")
        return event

    assert handler(3, Context()) == 3
    assert handler(4, context=Context()) == 4
    assert [line["requestId"] for line in client.lines()] == ["r-1", "r-1"]


def test_a_decorated_function_without_a_stream(capfd):
    """Without a stream it is the function, and nothing is told at each call."""

    @firehose_logging.lambda_handler
    def handler(event, context):
        raise LookupError(event)

    with pytest.raises(LookupError):
        handler("x", None)
    assert capfd.readouterr().err == ""


def test_a_request_beside_others():
    """A request of a web server has its columns until its end; then the one around it goes on."""
    client = MemoryClient()
    logger = logging.Logger("shop")
    assert (
        _bootstrap.begin_request("r-0", trace_header=None, tenant_id=None, invocation_id=None)()
        is None
    )  # nothing of ours in this process yet
    logger.addHandler(FirehoseHandler("logs", client=client))
    begin = partial(_bootstrap.begin_request, trace_header=None)
    begin("r-1", tenant_id="t", invocation_id="i")
    end = begin("r-2", tenant_id=None, invocation_id=None)
    logger.warning("in")
    end()
    logger.warning("out")

    inside, outside = client.lines()
    assert (inside["requestId"], inside.get("tenantId")) == ("r-2", None)
    assert (outside["requestId"], outside["tenantId"], outside["invocationId"]) == ("r-1", "t", "i")


def test_a_request_in_lambda_ends_an_invocation(in_lambda, monkeypatch):
    """Behind the web adapter the end of a request is the end of its invocation."""
    environment = in_lambda()
    process = environment.install()
    ended = []
    monkeypatch.setattr(process.runtime, "invocation_ended", ended.append)
    _bootstrap.begin_request("r-1", trace_header=None, tenant_id=None, invocation_id=None)()

    assert ended == ["r-1"]


def test_an_install_without_a_stream_starts_nothing(in_lambda):
    """In Lambda, too: no extension is registered for nothing."""
    environment = in_lambda()
    assert not _bootstrap.install(Settings())

    assert environment.api.requests == []
