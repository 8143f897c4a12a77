"""The lines of a source as tables of an in-memory DuckDB, nothing read before it is asked for."""

from __future__ import annotations

import tempfile
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from firehose_logging._cli import dialect, objects
from firehose_logging._cli.columns import COLUMNS, FLAG, JSON, LIST, NUMBER, TIMESTAMP
from firehose_logging._cli.engine import Engine, QueryError
from firehose_logging._cli.errors import CommandError
from firehose_logging._cli.saved import VIEWS, view

if TYPE_CHECKING:
    from collections.abc import Sequence

    from duckdb import DuckDBPyConnection

    from firehose_logging._cli.progress import Progress
    from firehose_logging._cli.sources import Listing, Source
    from firehose_logging._cli.window import Window

#: Bytes. A line is at most 1,024,000 long (Firehose's record limit), its text in DuckDB the same.
MAX_LINE = 2 << 20
MEMORY = "1500MB"
#: All lines of the objects that were read, also those that are outside of the window by a little:
#: whoever counts numbers must not take a line for missing that the window cut off.
EVERY = "every_line"
#: Bytes from which on it is said how much is read.
MUCH = 1_000_000_000

_HOUR = (
    "coalesce(nullif(regexp_extract({0}, '/(\\d{{4}}/\\d\\d/\\d\\d/\\d\\d)/', 1), ''), "
    "replace(nullif(regexp_extract({0}, "
    "'-(\\d{{4}}-\\d\\d-\\d\\d-\\d\\d)-\\d\\d-\\d\\d-[0-9a-f]{{8}}-', 1), ''), '-', '/'))"
)


class Lake:
    """Tables over objects.

    Args:
        source: where the objects are.
        window: which lines are wanted; objects that cannot hold any are not read.
        progress: told of what takes long, and of what was wrong with objects.
        keep: folder for downloads that later runs use again; None for one that goes away.
        threads: of DuckDB; None for one a core.
    """

    def __init__(
        self,
        source: Source,
        window: Window,
        progress: Progress,
        keep: Path | None = None,
        threads: int | None = None,
    ) -> None:
        self._source = source
        self._window = window
        self._progress = progress
        self._scratch = tempfile.TemporaryDirectory(prefix="firehose-logging-")
        self._downloads = keep or Path(self._scratch.name, "objects")
        self._engine = Engine(partial(_connect, threads, Path(self._scratch.name, "spill")))
        # The files by what they are, and their keys.
        self._files: dict[str, list[Path]] = {
            objects.GZIP: [],
            objects.PLAIN: [],
            objects.PARQUET: [],
        }
        self._keys: dict[Path, str] = {}
        self._checked = False
        self.listing: Listing
        self.problems: dict[str, objects.Salvage] = {}
        self.foreign: list[str] = []

    def __enter__(self) -> Lake:
        return self

    def __exit__(self, *_: object) -> None:
        self._engine.close()
        self._scratch.cleanup()

    def open(self) -> Lake:
        """List, fetch and lay out the tables.

        Raises:
            CommandError: there is nothing to read; the text says why.
        """
        self.listing = self._source.find(self._window)
        if not self.listing.objects:
            raise CommandError(_nothing(self._source.name, self.listing), status=1)
        self.add(self.listing.objects)
        if not any(self._files.values()):
            raise CommandError(
                f"{self._source.name}: none of its {len(self.listing.objects):,} objects holds "
                f"lines (JSON, one object a line, gzipped or not, or Parquet), such as "
                f"{self.foreign[0] if self.foreign else 'an empty one'}",
                status=1,
            )
        for text in self.remarks():
            self._progress.remark(text)
        self.lay_out()
        return self

    def remarks(self) -> list[str]:
        """Sentences about objects that were left out when the source was opened."""
        texts = []
        if self.foreign:
            some = ", ".join(self.foreign[:2])
            texts.append(f"left out, since not ours: {len(self.foreign):,} objects, such as {some}")
        if self.listing.failed:
            texts.append(
                f"{self.listing.failed:,} objects stand under Firehose's error prefix: records "
                "that it could not process; look at them"
            )
        return texts

    def add(self, found: Sequence[Any]) -> None:
        """Fetch objects and sort them by what they are.

        Raises:
            CommandError: one cannot be fetched or read.
        """
        size = sum(each.size for each in found)
        if size >= MUCH:
            self._progress.remark(
                f"{len(found):,} objects, {size / 1e9:,.1f} GB, are read; --since reads less"
            )
        with self._progress.task(f"reading {len(found):,} objects", size) as done:
            paths = self._source.fetch(found, self._downloads, done)
        for each, path in zip(found, paths, strict=True):
            try:
                kind = objects.kind(path)
            except OSError as error:
                raise CommandError(
                    f"{self._source.name}: {each.key} cannot be read: {error.strerror}"
                ) from error
            if kind == objects.FOREIGN:
                self.foreign.append(each.key)
            elif kind != objects.EMPTY:
                self._files[kind].append(path)
                self._keys[path] = each.key

    def lay_out(self) -> None:
        """Define the tables and views over the files as they are now."""
        run = self._engine.run
        run(f"CREATE OR REPLACE VIEW {EVERY} AS {self._every()}")
        run(f"CREATE OR REPLACE VIEW logs AS SELECT * FROM {EVERY}{self._of_the_window()}")
        run(f"CREATE OR REPLACE VIEW lines AS {self._lines()}")
        for name in VIEWS:
            run(f"CREATE OR REPLACE VIEW {name} AS {dialect.to_duckdb(view(name))}")

    def query(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query in Athena's SQL: names of its columns, and rows.

        Raises:
            CommandError: the query is wrong.
        """
        return self.run(dialect.to_duckdb(sql))

    def run(self, sql: str) -> tuple[list[str], list[tuple[Any, ...]]]:
        """Run a query in DuckDB's own SQL; damaged objects are mended once, and told."""
        with self._progress.task("asking", None):
            try:
                return self._engine.run(sql)
            except QueryError as error:
                if self._checked or not error.unreadable:
                    raise CommandError(_first(error)) from error
        self._mend()
        return self.run(sql)

    def _mend(self) -> None:
        """Find the objects that DuckDB cannot read, and put clean copies in their place."""
        self._checked = True
        total = sum(len(files) for files in self._files.values())
        with self._progress.task("looking for damaged objects", total) as done:
            for kind, files in self._files.items():
                for path in list(files):
                    try:
                        self._engine.run(
                            f"SELECT count(*), {', '.join(f'max({name})' for name in COLUMNS)} "
                            f"FROM {_read(kind, [path])}"
                        )
                    except QueryError:
                        files.remove(path)
                        self._replace(kind, path)
                    done(1)
        self.lay_out()
        for text in objects.words(self.problems):
            self._progress.remark(text)

    def _replace(self, kind: str, path: Path) -> None:
        key = self._keys[path]
        if kind == objects.PARQUET:
            self._progress.remark(f"{key} is Parquet that cannot be read (cut?) and is left out")
            return
        clean = Path(self._scratch.name, "clean", key)
        self.problems[key] = objects.salvage(path, clean)
        self._keys[clean] = key
        self._files[objects.PLAIN].append(clean)

    # -- the tables ----------------------------------------------------------------------------

    def _every(self) -> str:
        parts = [self._of(kind, files) for kind, files in self._files.items() if files]
        return " UNION ALL ".join(parts)

    def _of_the_window(self) -> str:
        conditions = []
        if self._window.since is not None:
            conditions.append(f"timestamp >= TIMESTAMP '{self._window.since:%Y-%m-%d %H:%M:%S.%f}'")
        if self._window.until is not None:
            conditions.append(f"timestamp < TIMESTAMP '{self._window.until:%Y-%m-%d %H:%M:%S.%f}'")
        return f" WHERE {' AND '.join(conditions)}" if conditions else ""

    def _of(self, kind: str, files: list[Path]) -> str:
        if kind == objects.PARQUET:
            known = self._parquet_columns(files)
            typed = [_from_parquet(name, known.get(name.lower())) for name in COLUMNS]
        else:
            typed = [_from_text(name) for name in COLUMNS]
        return (
            f"SELECT {', '.join(typed)}, {_HOUR.format('filename')} AS hour "
            f"FROM {_read(kind, files)}"
        )

    def _parquet_columns(self, files: list[Path]) -> dict[str, str]:
        rows = self._engine.run(f"DESCRIBE SELECT * FROM {_read(objects.PARQUET, files)}")[1]
        return {row[0].lower(): row[1] for row in rows}

    def _lines(self) -> str:
        """Raw lines; of Parquet there are none, so the row is put together again."""
        parts = []
        for kind, files in self._files.items():
            if not files:
                continue
            if kind == objects.PARQUET:
                text = "CAST(to_json(p) AS VARCHAR)"
                parts.append(f"SELECT {text} AS line, filename FROM {_read(kind, files)} AS p")
            else:
                # Two columns at least, or an empty line would be a row.
                parts.append(
                    f"SELECT line, filename FROM read_csv({_list(files)}, columns={{'line': "
                    f"'VARCHAR'}}, delim='\\x01', quote='', escape='', header=false, "
                    f"auto_detect=false, compression='{kind}', max_line_size={MAX_LINE}, "
                    "filename=true)"
                )
        union = " UNION ALL ".join(parts)
        return f"SELECT line, {_HOUR.format('filename')} AS hour FROM ({union})"


def _connect(threads: int | None, spill: Path) -> DuckDBPyConnection:
    import duckdb

    connection = duckdb.connect()
    connection.execute(f"SET memory_limit = '{MEMORY}'")
    connection.execute(f"SET temp_directory = '{_quoted(spill)}'")
    connection.execute("SET preserve_insertion_order = false")
    connection.execute("SET TimeZone = 'UTC'")
    # Nothing is downloaded behind the user's back.
    connection.execute("SET autoinstall_known_extensions = false")
    if threads is not None:
        connection.execute(f"SET threads = {threads}")
    for macro in dialect.MACROS:
        connection.execute(macro)
    return connection


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")


def _list(files: Sequence[Path]) -> str:
    return "[" + ", ".join(f"'{_quoted(path)}'" for path in files) + "]"


def _read(kind: str, files: Sequence[Path]) -> str:
    """Every column as text: no value can have a type that stops the query."""
    if kind == objects.PARQUET:
        return f"read_parquet({_list(files)}, union_by_name=true, filename=true)"
    columns = ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
    return (
        f"read_json({_list(files)}, columns={{{columns}}}, format='newline_delimited', "
        f"compression='{kind}', maximum_object_size={MAX_LINE}, filename=true)"
    )


def _from_text(name: str) -> str:
    kind = COLUMNS[name]
    if kind == LIST:
        return f"TRY(CAST(CAST({name} AS JSON) AS VARCHAR[])) AS {name}"
    types = {TIMESTAMP: "TIMESTAMP", NUMBER: "BIGINT", FLAG: "BOOLEAN"}
    return f"TRY_CAST({name} AS {types[kind]}) AS {name}" if kind in types else name


def _from_parquet(name: str, found: str | None) -> str:
    kind = COLUMNS[name]
    types = {TIMESTAMP: "TIMESTAMP", NUMBER: "BIGINT", FLAG: "BOOLEAN", LIST: "VARCHAR[]"}
    if found is None:
        return f"CAST(NULL AS {types.get(kind, 'VARCHAR')}) AS {name}"
    if found == "VARCHAR":
        return _from_text(name)
    if kind == JSON:
        return f"CAST(to_json({name}) AS VARCHAR) AS {name}"
    return f"TRY_CAST({name} AS {types.get(kind, 'VARCHAR')}) AS {name}"


def _nothing(name: str, listing: Listing) -> str:
    if listing.outside:
        newest = f"; the newest is {listing.newest}" if listing.newest else ""
        return f"{name}: no objects in the hours asked for{newest}. Widen --since"
    if listing.failed:
        return (
            f"{name}: only objects under Firehose's error prefix: the stream takes records and "
            "cannot process them; look at one of them"
        )
    return (
        f"{name}: empty. Firehose writes an object when its buffer is full or its interval is "
        "over (60 s by the template): wait for that after the first invocation, check the prefix, "
        "and run `firehose-logging doctor` on the function"
    )


def _first(error: Exception) -> str:
    """DuckDB's message without its copy of the translated query."""
    text = str(error).split("\n\nLINE", 1)[0]
    return " ".join(text.split())
