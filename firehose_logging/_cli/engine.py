"""The database on a thread of its own, so that Ctrl-C always has somebody who listens."""

from __future__ import annotations

import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    from duckdb import DuckDBPyConnection

#: Seconds between two looks whether Ctrl-C was pressed.
LOOK = 0.1
#: Seconds that the engine gets to end a query after that.
GRACE = 2.0

Rows = tuple[list[str], list[tuple[Any, ...]]]


class QueryError(Exception):
    """A query that the engine refused or could not end.

    Args:
        text: DuckDB's message.
        unreadable: whether an object could not be read.
    """

    def __init__(self, text: str, unreadable: bool) -> None:
        super().__init__(text)
        self.unreadable = unreadable


class Engine:
    """Runs queries one after another.

    DuckDB's own way of noticing Ctrl-C misses it in some plans and then runs on for hours; and an
    interrupt that comes while DuckDB is loaded or connected ends the process with SIGABRT, or is
    swallowed. Python interrupts the main thread only: so all of DuckDB happens on another one.

    Args:
        connect: makes the connection; called on the engine's thread, before the first query.
    """

    def __init__(self, connect: Callable[[], DuckDBPyConnection]) -> None:
        self._connect = connect
        self._connection: DuckDBPyConnection | None = None
        # An interrupted Thread.join marks a thread that still runs as ended (CPython 3.10 to 3.12,
        # `_wait_for_tstate_lock`): whether the query has ended is an event.
        self._ended = threading.Event()
        self._ended.set()

    def run(self, sql: str) -> Rows:
        """Names of the columns, and rows.

        Raises:
            KeyboardInterrupt: the query was interrupted.
            QueryError: it failed.
        """
        done: list[Rows] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                if self._connection is None:
                    self._connection = self._connect()
                cursor = self._connection.execute(sql)
                done.append(([each[0] for each in cursor.description or []], cursor.fetchall()))
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                failed.append(_told(error))
            finally:
                self._ended.set()

        self._ended.clear()
        threading.Thread(target=work, name="query", daemon=True).start()
        try:
            while not self._ended.wait(LOOK):
                pass
        except KeyboardInterrupt:
            self._interrupt()
            raise
        if failed:
            raise failed[0]
        return done[0]

    def _interrupt(self) -> None:
        """Ask again and again: a request before the query has begun is forgotten."""
        deadline = time.monotonic() + GRACE
        while time.monotonic() < deadline:
            if self._connection is not None:
                self._connection.interrupt()
            if self._ended.wait(LOOK):
                return

    @property
    def stuck(self) -> bool:
        """Whether an interrupted query does not end: then nothing may wait for it."""
        return not self._ended.is_set()

    def close(self) -> None:
        """Close the connection, unless a query is stuck in it."""
        if self._connection is not None and not self.stuck:
            self._connection.close()


def _told(error: BaseException) -> BaseException:
    """DuckDB's errors as one of ours: whoever catches it need not load DuckDB."""
    duckdb = sys.modules.get("duckdb")
    if duckdb is None or not isinstance(error, duckdb.Error):
        return error
    unreadable = isinstance(error, (duckdb.InvalidInputException, duckdb.IOException))
    return QueryError(str(error), unreadable)


def stuck() -> bool:
    """Whether a query of this process does not end."""
    return any(each.name == "query" and each.is_alive() for each in threading.enumerate())
