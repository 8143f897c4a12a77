"""Queries in a thread of their own, so that Ctrl-C always has somebody who listens."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

#: Seconds between two looks whether Ctrl-C was pressed.
LOOK = 0.1
#: Seconds that the engine gets to end a query after that.
GRACE = 2.0

Rows = tuple[list[str], list[tuple[Any, ...]]]


class Engine:
    """Runs queries one after another.

    DuckDB's own way of noticing Ctrl-C misses it in some plans and then runs on for hours.

    Args:
        connection: of DuckDB; closed by ``close``.
    """

    def __init__(self, connection: DuckDBPyConnection) -> None:
        self._connection = connection
        self._thread: threading.Thread | None = None

    def run(self, sql: str) -> Rows:
        """Names of the columns, and rows.

        Raises:
            KeyboardInterrupt: the query was interrupted.
            duckdb.Error: it failed.
        """
        done: list[Rows] = []
        failed: list[BaseException] = []

        def work() -> None:
            try:
                cursor = self._connection.execute(sql)
                done.append(([each[0] for each in cursor.description or []], cursor.fetchall()))
            except BaseException as error:  # noqa: BLE001 - handed to the caller, whatever it is
                failed.append(error)

        self._thread = threading.Thread(target=work, name="query", daemon=True)
        self._thread.start()
        try:
            while self._thread.is_alive():
                self._thread.join(LOOK)
        except KeyboardInterrupt:
            self._connection.interrupt()
            self._thread.join(GRACE)
            raise
        if failed:
            raise failed[0]
        return done[0]

    @property
    def stuck(self) -> bool:
        """Whether an interrupted query does not end: then nothing may wait for it."""
        return self._thread is not None and self._thread.is_alive()

    def close(self) -> None:
        """Close the connection, unless a query is stuck in it."""
        if not self.stuck:
            self._connection.close()


def stuck() -> bool:
    """Whether a query of this process does not end."""
    return any(each.name == "query" and each.is_alive() for each in threading.enumerate())
