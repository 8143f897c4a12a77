"""Everything of ours in one process: what it is told, what it tells, how it ends."""

from __future__ import annotations

import json
import logging
import re
import sys
import types

import pytest

from firehose_logging import _bootstrap, _process
from firehose_logging._clock import SystemClock
from firehose_logging._delivery.journal import name_prefix
from firehose_logging._delivery.journal_files import Journal
from firehose_logging._delivery.outcome import CallOutcome
from firehose_logging._environment import Environment
from firehose_logging._firehose import choose
from firehose_logging._process import Process
from firehose_logging.settings import Settings
from firehose_logging.testing import MemoryTransport
from support.in_lambda import InLambda
from support.stage import MemoryClient
from tools.waiting import wait_until


@pytest.fixture
def outside(monkeypatch):
    """Installs us in a process that is not Lambda's; gives it and what Firehose has."""

    def install(*outcomes, **settings):
        transport = MemoryTransport(outcomes)
        monkeypatch.setattr(choose, "make_transport", lambda *_: transport)
        settings = {"stream_name": "logs", "journal": False, "interval": 900, **settings}
        assert _bootstrap.install(Settings(**settings))
        return _bootstrap._process, transport

    return install


def test_settings_made_in_code_change_no_fact(in_lambda):
    """Whether this is Lambda, and whose function, is the process's to know: not the settings'."""
    environment = in_lambda()
    environment.install()
    logging.getLogger("shop").warning("sold")

    assert [path for path, _ in environment.api.requests] == ["/2020-01-01/extension/register"]
    (line,) = environment.lines()
    assert line["functionName"] == "shop"


def test_later_settings_change_no_fact(in_lambda):
    """Settings given later, for another stream, are told; what the process has stays."""
    environment = in_lambda()
    process = environment.install()
    assert _bootstrap.install(Settings(stream_name="others", journal=False))

    assert _bootstrap._process is process
    assert process.environment.function_name == "shop"
    assert [delivery.settings.stream_name for delivery in process.streams.all()] == ["logs"]


@pytest.mark.parametrize("passthrough", [["undelivered"], ["metrics", "undelivered"]])
def test_another_way_out_asked_for_later_is_told(outside, capfd, passthrough):
    """Lines that Firehose does not take have their way from the start on, or none."""
    outside()
    assert _bootstrap.install(Settings(stream_name="logs", passthrough=passthrough))

    assert "passthrough=undelivered, which cannot change any more" in capfd.readouterr().err


def test_facts_are_read_before_the_function_can_change_them(in_lambda, monkeypatch):
    """What a function puts into ``os.environ`` before it installs us changes no fact."""
    environment = in_lambda()
    monkeypatch.setenv("AWS_LAMBDA_FUNCTION_NAME", "another")
    monkeypatch.delenv("AWS_LAMBDA_RUNTIME_API", raising=False)
    environment.install()

    assert _bootstrap._process.environment.function_name == "shop"
    assert _bootstrap._process.runtime is not None


def test_started_once(in_lambda):
    """Installed twice, there is one extension."""
    environment = in_lambda()
    process = environment.install()
    extension = process.runtime.extension
    assert environment.install() is process

    assert process.runtime.extension is extension
    assert len(environment.api.requests) == 1


def test_one_delivery_a_stream_and_client():
    """Handlers of one stream share a delivery; another client has one of its own, no journal."""
    process = Process(Environment({}), Settings(stream_name="logs"))
    settings = Settings(stream_name="logs")
    client = MemoryClient()
    first = process.delivery("logs", settings, None)

    assert process.delivery("logs", settings, None) is first
    assert process.sink(first) is process.sink(first)
    other = process.delivery("logs", settings, client)
    assert other is not first
    assert first.backlog.journal.wanted
    assert not other.backlog.journal.wanted


def test_what_we_say_about_ourselves_is_a_line(outside):
    """Our own messages have level, code and the columns of the environment."""
    process, transport = outside()
    _process.tell("something to know", code="stream_failing")
    process.streams.flush(5)

    (line,) = transport.lines()
    assert (line["type"], line["logger"]) == ("extension", "firehose_logging")
    assert (line["message"], line["code"]) == ("something to know", "stream_failing")


def test_levels_are_set(outside):
    """``FIREHOSE_LOGGING_LEVELS`` sets the loggers that it names."""
    logger = logging.getLogger("shop.levels")
    before = logger.level
    try:
        outside(levels={"shop.levels": "ERROR"})
        assert logger.level == logging.ERROR
    finally:
        logger.setLevel(before)


def test_redaction_holds_for_the_stream(outside):
    """The hook that was installed sees every line before it is kept."""
    transport = MemoryTransport()
    process, transport = outside()
    assert _bootstrap.install(
        Settings(stream_name="logs", journal=False), redact=lambda line: {**line, "message": "*"}
    )
    logging.getLogger("shop").warning("secret")
    process.streams.flush(5)

    assert [line["message"] for line in transport.lines()] == ["*"]


def test_the_end_delivers_what_is_pending(outside):
    """At exit everything is delivered, what was printed without a line end too."""
    process, transport = outside()
    logging.getLogger("shop").warning("last")
    sys.stdout.write("words")
    process.at_exit()

    assert [line["message"] for line in transport.lines()] == ["last", "words"]


def test_what_comes_during_the_last_flush_is_delivered(outside, monkeypatch):
    """Lines that come while the last flush waits are not left behind."""
    process, transport = outside()
    delivery = process.streams.all()[0]
    send = transport.send

    def send_slowly(records, timeout):
        if len(transport.calls) == 0:
            delivery.add('{"message":"late"')
        return send(records, timeout)

    transport.send = send_slowly
    delivery.add('{"message":"first"')
    process.at_exit()

    assert [line["message"] for line in transport.lines()] == ["first", "late"]


def test_an_outage_at_the_end_is_told(outside, monkeypatch, capfd):
    """What could not be delivered is counted on stderr; it says whether a journal keeps it."""
    monkeypatch.setattr(_process, "EXIT_TIMEOUT", 0.1)
    failure = CallOutcome(error="ServiceUnavailable", message="no")
    process, _ = outside(*[failure] * 50)
    logging.getLogger("shop").warning("stays")
    process.at_exit()

    told = capfd.readouterr().err
    assert re.search(r"\d lines were not delivered when the process ended$", told, re.MULTILINE)


def test_an_end_without_descriptors_raises_nothing(outside, monkeypatch, capfd):
    """What sends was never needed so far, and cannot be imported now; nobody waits for it."""

    def fail():
        raise OSError(24, "Too many open files")

    process, _ = outside()
    monkeypatch.setattr(process.streams.all()[0], "_make_dispatcher", fail)
    monkeypatch.setattr(process, "_delivers_by_age", lambda: False)
    flushes = []
    flush = process.streams.flush
    monkeypatch.setattr(
        process.streams, "flush", lambda *a, **k: flushes.append(1) or flush(*a, **k)
    )
    sys.stdout.write("words")
    process.at_exit()

    told = capfd.readouterr().err
    assert "delivery cannot begin: OSError" in told
    assert "2 lines were not delivered when the process ended" in told
    assert len(flushes) == 1


def test_a_childs_exit_is_none_of_a_parents(outside, monkeypatch):
    """Exit hooks that a forked child runs for its parent's process do nothing."""
    process, transport = outside()
    logging.getLogger("shop").warning("the parent's")
    monkeypatch.setattr(process, "pid", -1)
    process.at_exit()

    assert transport.calls == []


def test_a_child_in_lambda_leaves_its_lines_to_the_parent(monkeypatch, tmp_path, extensions_api):
    """In Lambda nobody waits for Firehose in a child: its journal keeps the lines."""
    environment = InLambda(monkeypatch, tmp_path, extensions_api)
    process = environment.install(journal=True)
    process.runtime.extension.stop()
    wait_until(lambda: not process.runtime.extension.wake_fileno >= 0)
    process.after_fork()
    logging.getLogger("shop").warning("the child's")
    process.at_exit()

    assert environment.transport.calls == []
    (journal,) = [path for path in tmp_path.iterdir() if path.suffix == ".journal"]
    assert b"the child's" in journal.read_bytes()


def test_children_of_pools_get_exit_hooks(outside, monkeypatch):
    """A child of multiprocessing leaves without ``atexit``: a finalizer of its own is set."""
    process, _ = outside()
    finalizers = []
    pool = types.ModuleType("billiard.util")
    pool.Finalize = lambda *args, **kwargs: finalizers.append((args, kwargs))
    pool.register_after_fork = lambda owner, function: function(owner)
    monkeypatch.setitem(sys.modules, "billiard.util", pool)
    process.after_fork()

    assert finalizers == [((None, process.at_exit), {"exitpriority": 0})]


def test_passthrough_of_undelivered_lines_needs_an_output(monkeypatch, capfd):
    """Where standard output has no descriptor, that is told, and lines are kept as without it."""

    class NoDescriptor:
        def fileno(self):
            raise OSError("no descriptor")

    monkeypatch.setattr(sys, "__stdout__", NoDescriptor())
    monkeypatch.setattr(choose, "make_transport", lambda *_: MemoryTransport())
    process = Process(Environment({}), Settings(stream_name="logs"))
    settings = Settings(stream_name="logs", passthrough=("undelivered",), journal=False)
    process.delivery("logs", settings, None).close(10)

    assert "FIREHOSE_LOGGING_PASSTHROUGH=undelivered is not possible" in capfd.readouterr().err


def test_the_clock_is_the_systems():
    """A process measures by the system's clock."""
    assert isinstance(Process(Environment({}), Settings()).clock, SystemClock)


@pytest.mark.parametrize("is_lambda", [True, False])
def test_what_dead_processes_left_is_claimed_at_the_start(tmp_path, is_lambda):
    """In Lambda /tmp is the function's alone, which may empty it before anything is read."""
    dead = Journal(str(tmp_path), name_prefix("logs"), "1-dead")
    dead.append(0, b'{"n":0}\n', 0.0, lambda: 0)
    dead.close(keep=True)
    environ = {"TMPDIR": str(tmp_path)}
    if is_lambda:
        environ["AWS_LAMBDA_RUNTIME_API"] = "127.0.0.1:9"
    settings = Settings(stream_name="logs")

    delivery = Process(Environment(environ), settings).delivery("logs", settings, None)
    for path in tmp_path.iterdir():
        path.unlink()

    found = [json.loads(line) for line in delivery.backlog.journal.recover()]
    assert found == ([{"n": 0}] if is_lambda else [])
    delivery.close_journal()


def test_a_later_install_changes_what_it_is_given(outside):
    """Levels, columns and the hook hold from then on; what is not given stays."""
    process, transport = outside(capture=("logging",))
    logger = logging.getLogger("shop.later")
    before = logger.level
    try:
        assert _bootstrap.install(
            Settings(levels={"shop.later": "ERROR"}, fields={"team": "blue"}),
            redact=lambda line: {**line, "message": "*"},
        )
        logger.warning("too low")
        logger.error("secret")
    finally:
        logger.setLevel(before)
    process.streams.flush(5)

    (line,) = transport.lines()
    assert (line["message"], line["team"]) == ("*", "blue")


def test_a_setting_that_cannot_change_any_more_is_told(outside, capfd):
    """It stays as it was, and the sentence names it."""
    process, _ = outside(capture=("logging",))
    assert _bootstrap.install(Settings(buffer_bytes=4_000_000))

    assert "install() was given buffer_bytes, which cannot change" in capfd.readouterr().err
    assert process.delivery("logs", Settings(stream_name="logs"), None).settings.buffer_bytes != (
        4_000_000
    )


def test_a_small_function_is_not_ended_for_its_buffer(monkeypatch, capfd):
    """The buffer is a quarter of the memory at most, which is told."""
    transport = MemoryTransport()
    monkeypatch.setattr(choose, "make_transport", lambda *_: transport)
    environment = Environment({"AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "128"})
    settings = Settings(stream_name="logs", buffer_bytes=100_000_000, journal=False)
    delivery = Process(environment, settings).delivery("logs", settings, None)
    delivery.close(10)

    assert delivery.settings.buffer_bytes == 32 * 1_048_576
    assert "too much for a function with 128 MB" in capfd.readouterr().err
    assert [line["code"] for line in transport.lines()] == ["setting_wrong"]


def test_several_streams_are_one_delivery(monkeypatch):
    """Each of them gets a transport of its own when lines go there, and one only does."""
    made = {}

    def make(settings, name, *_):
        return made.setdefault(name, MemoryTransport())

    monkeypatch.setattr(choose, "make_transport", make)
    settings = Settings(stream_name="one,two,three", journal=False)
    process = Process(Environment({}), settings)
    delivery = process.delivery("one,two,three", settings, None)
    for _ in range(2):
        delivery.add('{"message":"x"')
        assert delivery.flush(10).pending == 0
    delivery.close(5)

    ((name, transport),) = made.items()
    assert name in ("one", "two", "three")
    assert len(transport.lines()) == 2
