"""Queries on a thread of their own."""

from __future__ import annotations

import _thread
import threading

import duckdb
import pytest

from firehose_logging._cli import engine as _engine
from firehose_logging._cli.engine import Engine, QueryError, stuck
from tools.waiting import wait_until


@pytest.fixture
def engine():
    """An engine over an empty database."""
    engine = Engine(duckdb.connect)
    yield engine
    engine.close()


def test_columns_and_rows(engine):
    """Names and values, in order; a statement without an answer has neither."""
    assert engine.run("SELECT 1 AS a, 'x' AS b") == (["a", "b"], [(1, "x")])
    engine.run("CREATE TABLE t (n INTEGER)")
    assert engine.run("SELECT * FROM t") == (["n"], [])


def test_errors_are_the_callers(engine):
    """What fails on the query's thread comes out here."""
    with pytest.raises(QueryError, match="nowhere") as raised:
        engine.run("SELECT * FROM nowhere")
    assert not raised.value.unreadable
    with pytest.raises(QueryError, match="gone") as raised:
        engine.run("SELECT * FROM read_csv('gone')")
    assert raised.value.unreadable
    assert not engine.stuck


class Connection:
    """A database whose query runs until it is interrupted, or longer."""

    def __init__(self, *, listens: bool) -> None:
        self.go_on = threading.Event()
        self.closed = 0
        self._listens = listens

    def execute(self, sql):
        """Wait."""
        self.go_on.wait(30)
        raise duckdb.InterruptException("interrupted")

    def interrupt(self):
        """End the query, if it listens."""
        if self._listens:
            self.go_on.set()

    def close(self):
        """Count."""
        self.closed += 1


@pytest.mark.parametrize("listens", [True, False])
def test_interrupted(monkeypatch, listens):
    """Ctrl-C comes out at once; a query that goes on keeps its connection, and nobody waits."""
    monkeypatch.setattr(_engine, "GRACE", 5.0 if listens else 0.01)
    wait = threading.Event.wait
    pressed = [False]

    def waited(self, timeout=None):
        if timeout == _engine.LOOK and not pressed[0]:
            pressed[0] = True
            raise KeyboardInterrupt
        return wait(self, timeout)

    monkeypatch.setattr(threading.Event, "wait", waited)
    connection = Connection(listens=listens)
    engine = Engine(lambda: connection)
    with pytest.raises(KeyboardInterrupt):
        engine.run("SELECT 1")

    assert engine.stuck is not listens
    assert stuck() is not listens
    engine.close()
    assert connection.closed == int(listens)
    connection.go_on.set()
    assert wait(engine._ended, 30)


def test_interrupted_while_it_connects(monkeypatch):
    """Ctrl-C before there is a connection comes out, too, and nobody waits for one."""
    monkeypatch.setattr(_engine, "GRACE", 0.01)
    go_on = threading.Event()
    here = threading.get_ident()
    connected_by = []

    def connect():
        connected_by.append(threading.get_ident())
        _thread.interrupt_main()
        go_on.wait(30)
        return duckdb.connect()

    engine = Engine(connect)
    try:
        with pytest.raises(KeyboardInterrupt):
            engine.run("SELECT 1")
        assert engine.stuck
        assert connected_by != [here]
    finally:
        go_on.set()
    wait_until(lambda: not engine.stuck, 30)
    engine.close()
