from __future__ import annotations

import contextlib
import gc
import json
import logging
import logging.config
import logging.handlers
import os
import queue
import signal
import textwrap
import threading

import pytest

import firehose_logging
from firehose_logging import FirehoseHandler, JsonFormatter, Settings, SettingsError, _threads
from firehose_logging.handler import FLUSH_TIMEOUT
from support.stage import MemoryClient, run_python
from tools.strategies import Unprintable, record
from tools.waiting import wait_until


@pytest.fixture
def client() -> MemoryClient:
    """A client that keeps what it is given."""
    return MemoryClient()


@pytest.fixture
def handler(client) -> FirehoseHandler:
    """A handler for the stream "logs"; nothing is sent before a flush."""
    return FirehoseHandler("logs", client=client)


@pytest.fixture
def logger(handler):
    """A logger of its own that has the handler."""
    logger = logging.Logger("app")
    logger.addHandler(handler)
    return logger


# -- configuration -----------------------------------------------------------------------------


def test_dict_config(client):
    """The handler is made and set up from a dictConfig dictionary."""
    logging.config.dictConfig(
        {
            "version": 1,
            "formatters": {"plain": {"format": "%(levelname)s:%(message)s"}},
            "handlers": {
                "firehose": {
                    "class": "firehose_logging.FirehoseHandler",
                    "stream_name": "logs",
                    "client": client,
                    "level": "WARNING",
                    "formatter": "plain",
                }
            },
            "loggers": {"configured": {"handlers": ["firehose"], "propagate": False}},
        }
    )
    logger = logging.getLogger("configured")
    logger.info("below the level")
    logger.warning("hello %s", "there")

    assert client.messages() == ["WARNING:hello there"]
    assert client.streams == {"logs"}


def test_file_config(tmp_path):
    """The handler works in the old ini format, by the name of its class."""
    file = tmp_path / "logging.ini"
    file.write_text(
        textwrap.dedent("""\
            [loggers]
            keys=root
            [handlers]
            keys=firehose
            [formatters]
            keys=
            [logger_root]
            handlers=firehose
            level=INFO
            [handler_firehose]
            class=firehose_logging.FirehoseHandler
            level=ERROR
            args=("from-ini",)
            """)
    )
    before = logging.getLogger().handlers[:]
    try:
        logging.config.fileConfig(file, disable_existing_loggers=False)
        (made,) = logging.getLogger().handlers
    finally:
        logging.getLogger().handlers[:] = before

    assert repr(made) == "<FirehoseHandler from-ini (ERROR)>"


def test_dict_config_replaces_the_handler(client):
    """Configuring again in mid-flight loses nothing of what was logged before."""

    def configure() -> None:
        handler = {"()": FirehoseHandler, "stream_name": "logs", "client": client}
        logging.config.dictConfig(
            {
                "version": 1,
                "handlers": {"f": handler},
                "loggers": {"again": {"handlers": ["f"], "level": "INFO", "propagate": False}},
            }
        )

    for number in range(3):
        configure()
        logging.getLogger("again").info("line %d", number)

    assert client.messages() == ["line 0", "line 1", "line 2"]
    assert [line["seq"] for line in client.lines()] == [1, 2, 3]


def test_a_second_configuration_does_not_wait_for_the_sdk(client):
    """It comes with logging's own lock, which an SDK needs while it is imported."""
    configured = threading.Event()
    waited: list[bool] = []

    class Importing(MemoryClient):
        """Goes on when nobody configures logging any more, or after most of a flush's patience."""

        def put_record_batch(self, **call: object) -> object:
            waited.append(configured.wait(FLUSH_TIMEOUT - 1))
            return super().put_record_batch(**call)

    importing = Importing()
    handler = {"()": FirehoseHandler, "stream_name": "logs", "client": importing}
    config = {
        "version": 1,
        "handlers": {"f": handler},
        "loggers": {"twice": {"handlers": ["f"], "level": "INFO", "propagate": False}},
    }
    logging.config.dictConfig(config)
    logging.getLogger("twice").info("a line")

    logging.config.dictConfig(config)
    configured.set()

    wait_until(lambda: importing.messages() == ["a line"])
    assert waited == [True]


def test_queue_handler(handler, client):
    """Behind a QueueHandler and its listener, lines arrive with their extras and exceptions."""
    waiting: queue.Queue[logging.LogRecord] = queue.Queue()
    listener = logging.handlers.QueueListener(waiting, handler)
    logger = logging.Logger("queued")
    logger.addHandler(logging.handlers.QueueHandler(waiting))
    listener.start()
    try:
        raise ValueError("x")
    except ValueError:
        logger.exception("failed", extra={"customer": "c-1"})
    listener.stop()

    (line,) = client.lines()
    assert line["customer"] == "c-1"
    assert "ValueError: x" in str(line)


def test_memory_handler(handler, client):
    """The handler can be another handler's target."""
    buffered = logging.handlers.MemoryHandler(10, target=handler)
    buffered.handle(record("one"))
    buffered.handle(record("two"))
    buffered.flush()
    buffered.close()

    assert client.messages() == ["one", "two"]


@pytest.mark.parametrize("name", ["", "no spaces", "x" * 65, "arn:aws:firehose:x"])
def test_wrong_stream_name(name):
    """A stream name that cannot exist is refused where it is written."""
    with pytest.raises(SettingsError, match="1 to 64 letters"):
        FirehoseHandler(name)


def test_no_stream(capfd):
    """Without a stream nothing is sent, the program runs, and one warning says what to set."""
    for _ in range(2):
        handler = FirehoseHandler()
        handler.handle(record())
        handler.flush()
        handler.close()

    assert repr(handler) == "<FirehoseHandler None (NOTSET)>"
    error = capfd.readouterr().err
    assert error.count("AWS_KINESIS_STREAM_NAME is not set") == 1


def test_stream_of_the_environment(monkeypatch):
    """Without an argument the variable names the stream."""
    monkeypatch.setenv("AWS_KINESIS_STREAM_NAME", "from-env")

    assert repr(FirehoseHandler(level="ERROR")) == "<FirehoseHandler from-env (ERROR)>"


# -- what is sent ------------------------------------------------------------------------------


def test_record_becomes_a_line(logger, client):
    """A record arrives with its columns and the number 1."""
    logger.info("hello %s", "you", extra={"customer": "c-1"})

    (line,) = client.lines()
    assert (line["message"], line["logger"], line["customer"]) == ("hello you", "app", "c-1")
    assert (line["seq"], line["level"], line["type"]) == (1, "INFO", "function")


def test_level_and_filters(handler, logger, client):
    """The handler's level and filters decide, as with any handler."""
    handler.setLevel(logging.WARNING)
    handler.addFilter(lambda made: "secret" not in made.getMessage())
    logger.info("quiet")
    logger.warning("secret")
    logger.warning("kept")

    assert client.messages() == ["kept"]


class Shouting(JsonFormatter):
    """Adds to the line."""

    def format(self, record: logging.LogRecord) -> str:
        return super().format(record) + "!"


@pytest.mark.parametrize(
    ("formatter", "message"),
    [
        (None, "hi"),
        (JsonFormatter(), "hi"),
        (logging.Formatter("%(name)s/%(message)s"), "app/hi"),
    ],
)
def test_formatters(handler, logger, client, formatter, message):
    """Any formatter may be set; its text is the message, all other columns stay."""
    handler.setFormatter(formatter)
    logger.info("hi")

    (line,) = client.lines()
    assert line["message"] == message
    assert line["instanceId"]


def test_formatter_that_changes_ours(handler, logger, client):
    """What a subclass of our formatter makes of a record is not passed over."""
    handler.setFormatter(Shouting())
    logger.info("hi")

    (message,) = client.messages()
    assert json.loads(message.removesuffix("!"))["message"] == "hi"


def test_formatter_that_raises(handler, logger, client):
    """A formatter that raises costs its format, not the line, and the program hears nothing."""

    class Broken(logging.Formatter):
        def format(self, made: logging.LogRecord) -> str:
            raise KeyError("no such field")

    handler.setFormatter(Broken())
    logger.info("hello")

    assert client.messages() == ["hello [KeyError in the formatter]"]


@pytest.mark.parametrize("formatter", [None, JsonFormatter(), logging.Formatter("%(asctime)s")])
def test_record_is_never_changed(handler, client, formatter):
    """Other handlers see the record as the logger made it."""
    handler.setFormatter(formatter)
    made = record("%s", "x", customer="c-1")
    try:
        raise ValueError("x")
    except ValueError as error:
        made.exc_info = (ValueError, error, error.__traceback__)
    before = dict(made.__dict__)
    handler.handle(made)

    assert made.__dict__ == before
    assert len(client.lines()) == 1


def test_record_that_defeats_the_encoder(logger, client):
    """What cannot be encoded as a whole is delivered with what can be."""

    class BadName(str):
        __slots__ = ()

        def __format__(self, spec: str) -> str:
            raise RuntimeError("no name")

    made = record("still here")
    made.__dict__[BadName("bad")] = 1
    logger.handle(made)

    assert client.messages() == ["still here"]


def test_record_made_by_hand(logger, client):
    """Attributes of other types than logging's own cost what they say, not the line."""
    made = record("still here", level=30, customer="c-1")
    made.__dict__.update(created="yesterday", levelname=None, name=7)
    logger.handle(made)

    (line,) = client.lines()
    assert (line["message"], line["customer"]) == ("still here", "c-1")
    assert (line["level"], line["logger"]) == ("WARNING", "7")
    assert line["timestamp"].endswith("Z")


def test_hopeless_record_is_counted(logger, client):
    """A record of which nothing can be encoded is counted as lost, and the loss is told."""
    made = record()
    del made.msg
    logger.handle(made)
    logger.info("next")
    client.lines()

    told = client.lines()[-1]
    assert told["lost"] == {"unencodable": 1}
    assert "1 lines were lost" in told["message"]


def test_long_line_is_split(logger, client):
    """A line of 5 MB arrives in numbered parts that hold all of it, none over the limit."""
    text = "0123456789" * 500_000
    logger.info(text, extra={"customer": "c-1"})

    lines = client.lines()
    assert max(map(len, client.records)) <= 1_024_000
    assert "".join(line["message"] for line in lines) == text
    assert [line["part"] for line in lines] == list(range(1, lines[0]["parts"] + 1))
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_long_dict_is_split(logger, client):
    """A dict that is too long for a record arrives as parts of its JSON text."""
    logger.info({"list": ["x" * 100] * 20_000})

    import json

    parts = [line["message"] for line in client.lines()]
    assert json.loads("".join(parts)) == {"list": ["x" * 100] * 20_000}


@pytest.mark.parametrize("count", [10_000])
def test_many_extras(logger, client, count):
    """Thousands of extras are columns like a few."""
    logger.info("x", extra={f"column_{n}": n for n in range(count)})

    (line,) = client.lines()
    assert line["column_9999"] == 9999


def test_exit_of_user_code_passes(logger):
    """SystemExit out of a user's own str goes where it was going."""

    class Leaving:
        def __str__(self) -> str:
            raise SystemExit(3)

    with pytest.raises(SystemExit):
        logger.info(Leaving())


def test_redact(client):
    """The hook may change or drop lines; what it cannot redact does not leave."""

    def redact(line):
        if line["message"] == "drop":
            return None
        if line["message"] == "raise":
            raise RuntimeError("secret words")
        line["message"] = line["message"].replace("4711", "****")
        return line

    handler = FirehoseHandler("logs", client=client, redact=redact)
    for message in ("pin 4711", "drop", "raise"):
        handler.handle(record(message, pin="x"))

    first, second = client.lines()
    assert first["message"] == "pin ****"
    assert second["message"] == "a line was withheld: redact raised RuntimeError"
    assert "pin" not in second
    assert [first["seq"], second["seq"]] == [1, 2]


# -- handlers together -------------------------------------------------------------------------


def test_one_stream_one_line(client):
    """A record that reaches two handlers of one stream is sent once."""
    logger = logging.Logger("app")
    logger.addHandler(FirehoseHandler("logs", client=client))
    logger.addHandler(FirehoseHandler("logs", client=client))
    for number in range(3):
        logger.info("line %d", number)

    assert client.messages() == ["line 0", "line 1", "line 2"]


def test_two_streams_two_lines(client):
    """A record that reaches handlers of two streams is sent to both."""
    other = MemoryClient()
    logger = logging.Logger("app")
    logger.addHandler(FirehoseHandler("logs", client=client))
    logger.addHandler(FirehoseHandler("audit", client=other))
    logger.addHandler(FirehoseHandler("logs", client=client))
    logger.info("hello")

    assert client.messages() == other.messages() == ["hello"]


def test_one_line_though_the_formatter_logs(client):
    """A record stays one line on two handlers when formatting it logs another one."""
    logger = logging.Logger("app")
    inner = logging.Logger("inner")
    inner.addHandler(FirehoseHandler("logs", client=client))

    class Chatty:
        def __str__(self) -> str:
            inner.info("inside")
            return "outside"

    logger.addHandler(FirehoseHandler("logs", client=client))
    logger.addHandler(FirehoseHandler("logs", client=client))
    logger.info(Chatty())

    assert sorted(client.messages()) == ["inside", "outside"]


def test_equal_records_are_two_lines(client):
    """Only the very same record is a repetition."""
    handlers = [FirehoseHandler("logs", client=client) for _ in range(2)]
    for _ in range(2):
        made = record("same")
        for handler in handlers:
            handler.handle(made)

    assert client.messages() == ["same", "same"]


# -- re-entrancy, threads, signals -------------------------------------------------------------


def test_str_that_logs(logger, client):
    """A message whose str logs gives both lines; nothing hangs."""

    class Chatty:
        def __str__(self) -> str:
            logger.info("inside")
            return "outside"

    logger.info(Chatty())
    logger.info("%s", Chatty())

    assert client.messages() == ["inside", "outside"] * 2


def test_finalizer_that_logs(logger, client):
    """A __del__ that logs during garbage collection inside of a log call is a line."""

    class Dying:
        def __init__(self) -> None:
            self.me = self

        def __del__(self) -> None:
            logger.info("died")

    class Collects:
        def __str__(self) -> str:
            gc.collect()
            return "collected"

    gc.collect()
    Dying()
    logger.info(Collects())

    assert client.messages() == ["died", "collected"]


def test_signal_handler_that_logs(logger, client):
    """Signals that log while a thread logs neither hang nor lose a line."""
    count = 0

    def on_signal(number, frame):
        nonlocal count
        count += 1
        logger.info("signal")

    previous = signal.signal(signal.SIGUSR1, on_signal)
    done = threading.Event()

    def shoot() -> None:
        while not done.is_set():
            os.kill(os.getpid(), signal.SIGUSR1)

    shooter = threading.Thread(target=shoot)
    shooter.start()
    try:
        for number in range(3_000):
            logger.info("line %d", number)
    finally:
        done.set()
        shooter.join()
        signal.signal(signal.SIGUSR1, previous)

    lines = client.lines()
    messages = [line["message"] for line in lines]
    assert messages.count("signal") == count > 0
    assert [m for m in messages if m != "signal"] == [f"line {n}" for n in range(3_000)]
    assert [line["seq"] for line in lines] == list(range(1, len(lines) + 1))


def test_many_threads(logger, client):
    """8 threads with 2,000 records each: every line once, in each thread's order, no gap in seq."""

    def work(thread: int) -> None:
        for number in range(2_000):
            logger.info("%d", number, extra={"worker": thread})

    threads = [threading.Thread(target=work, args=(t,)) for t in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    lines = client.lines()
    assert [line["seq"] for line in lines] == list(range(1, 16_001))
    for worker in range(8):
        mine = [int(line["message"]) for line in lines if line["worker"] == worker]
        assert mine == list(range(2_000))


def test_what_the_sdk_logs_on_our_threads_is_not_sent(handler, client):
    """Lines of the SDK about our own deliveries would never end; others' stay."""
    finished = threading.Event()

    def work() -> None:
        for name in ("botocore.endpoint", "urllib3.connectionpool", "boto3", "app"):
            handler.handle(record("on our thread", name=name))
        finished.set()

    _threads.spawn("test", work)
    assert finished.wait(10)
    handler.handle(record("on yours", name="botocore.endpoint"))

    lines = client.lines()
    assert [(line["logger"], line["message"]) for line in lines] == [
        ("app", "on our thread"),
        ("botocore.endpoint", "on yours"),
    ]


def test_what_is_logged_during_a_call_is_not_sent(handler, client, monkeypatch):
    """Whoever logs about a call to Firehose (tracers patch the SDK) would log without end."""
    put = client.put_record_batch

    def traced(**arguments):
        handler.handle(record("a call was traced", name="tracer"))
        return put(**arguments)

    monkeypatch.setattr(client, "put_record_batch", traced)
    handler.handle(record("a line"))

    assert client.messages() == ["a line"]
    handler.handle(record("the next one", name="tracer"))
    assert client.messages() == ["a line", "the next one"]


def test_handler_has_no_lock(handler, client):
    """A record can be sent while another thread is inside of the handler."""
    inside, leave = threading.Event(), threading.Event()

    class Slow:
        def __str__(self) -> str:
            inside.set()
            assert leave.wait(10)
            return "slow"

    thread = threading.Thread(target=handler.handle, args=(record(Slow()),))
    thread.start()
    assert inside.wait(10)
    handler.handle(record("quick"))

    assert client.messages() == ["quick"]
    leave.set()
    thread.join()
    assert client.messages() == ["quick", "slow"]


def test_closing_and_logging_on(handler, client):
    """`close` and `logging.shutdown` flush; a line after them is still delivered."""
    handler.handle(record("before"))
    logging.shutdown([lambda: handler])
    assert client.records

    handler.close()
    handler.close()
    handler.handle(record("after"))
    assert client.messages() == ["before", "after"]


def test_background_delivery(client):
    """Outside Lambda a line is delivered without anyone asking, once it is old enough."""
    settings = Settings(stream_name="logs", interval=0.1)
    FirehoseHandler(settings=settings, client=client).handle(record("hello"))

    wait_until(lambda: client.records, what="the line's delivery")


def test_flush_on_our_own_thread_does_not_wait(handler, client):
    """A flush on the delivery thread would wait for itself."""
    finished = threading.Event()

    def work() -> None:
        handler.handle(record("x"))
        handler.flush()
        finished.set()

    _threads.spawn("test", work)

    assert finished.wait(4)


# -- other processes ---------------------------------------------------------------------------

FORK = """
    import logging, os, sys
    from firehose_logging import FirehoseHandler, flush
    from support.stage import MemoryClient
    client = MemoryClient()
    logger = logging.Logger("app")
    logger.addHandler(FirehoseHandler("logs", client=client))
    logger.info("before")
    {prepare}
    pid = os.fork()
    logger.info("child" if pid == 0 else "parent")
    flush(10)
    for line in client.lines():
        if pid == 0 and line["message"] == "before" and {delivered}:
            continue  # its copy of what the parent had delivered
        print(*("child" if pid == 0 else "parent", line["message"], line["seq"],
                line["instanceId"]), flush=True)
    if pid == 0:
        os._exit(0)
    assert os.waitpid(pid, 0)[1] == 0
"""


@pytest.mark.parametrize(
    ("prepare", "delivered"), [("pass", False), ("flush(10)", True)], ids=["pending", "delivered"]
)
def test_fork(prepare, delivered):
    """A forked child is a new instance with an empty buffer; the parent's lines arrive once."""
    code = textwrap.dedent(FORK).format(prepare=prepare, delivered=delivered)

    ended = run_python(code, flags=("-W", "ignore"))

    assert ended.returncode == 0, ended.stderr
    found = sorted(tuple(line.split()) for line in ended.stdout.splitlines())
    assert [f[:3] for f in found] == [
        ("child", "child", "1"),
        ("parent", "before", "1"),
        ("parent", "parent", "2"),
    ]
    assert found[0][3] != found[1][3] == found[2][3]


def test_fork_while_other_threads_log():
    """A child forked in the middle of others' log calls can log: no lock is left held."""
    code = textwrap.dedent("""
        import logging, os, threading
        from firehose_logging import FirehoseHandler, flush
        from support.stage import MemoryClient
        client = MemoryClient()
        logger = logging.Logger("app")
        logger.addHandler(FirehoseHandler("logs", client=client))
        stop = threading.Event()
        def work():
            while not stop.is_set():
                logger.info("noise")
        threads = [threading.Thread(target=work) for _ in range(3)]
        for thread in threads: thread.start()
        for _ in range(20):
            pid = os.fork()
            if pid == 0:
                client.records.clear()
                logger.info("child")
                result = flush(5)
                own = [line["message"] for line in client.lines()]
                os._exit(0 if own == ["child"] else 1)
            assert os.waitpid(pid, 0)[1] == 0, "the child failed"
        stop.set()
        for thread in threads: thread.join()
        print("done")
        """)

    ended = run_python(code, flags=("-W", "ignore"))

    assert (ended.returncode, ended.stdout) == (0, "done\n"), ended.stderr


def test_flush_of_nothing():
    """Flushing before anything was made is true and made nothing."""
    result = firehose_logging.flush(0)

    assert result
    assert (result.delivered, result.pending, result.lost) == (0, 0, {})


def test_unprintable_extra(logger, client):
    """An extra whose repr raises is a stand-in, all else is there."""
    with contextlib.suppress(ZeroDivisionError):
        logger.info("x", extra={"odd": Unprintable(), "even": 2})

    (line,) = client.lines()
    assert (line["odd"], line["even"]) == ("<unprintable Unprintable object>", 2)


def test_filter_of_a_subclass(client):
    """A handler that overrides ``filter`` is asked from the first record on."""

    class Choosy(FirehoseHandler):
        def filter(self, record):
            return record.msg == "kept"

    own = logging.Logger("choosy")
    own.addHandler(Choosy("choosy", client=client))
    own.warning("dropped")
    own.warning("kept")
    firehose_logging.flush()

    assert client.messages() == ["kept"]
