"""Progress and remarks, on stderr: stdout is the answer's alone."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def _nobody(count: int) -> None:
    del count


class Progress:
    """A bar while something takes long, where a person looks on.

    Args:
        command: what remarks begin with.
        quiet: no bars, whoever looks.
    """

    def __init__(self, command: str, quiet: bool = False) -> None:
        self._command = command
        self._bars = sys.stderr.isatty() and not quiet

    @contextmanager
    def task(self, what: str, total: int | None) -> Iterator[Callable[[int], None]]:
        """A piece of work of ``total`` units, None where nobody knows; yields what counts them."""
        if not self._bars:
            yield _nobody
            return
        from rich.console import Console
        from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
        from rich.progress import Progress as Bars

        columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
        with Bars(*columns, console=Console(stderr=True), transient=True) as bars:
            task = bars.add_task(what, total=total)
            yield lambda count: bars.advance(task, count)

    def remark(self, text: str) -> None:
        """Say what the answer leaves out, or what is wrong with the source."""
        sys.stderr.write(f"firehose-logging {self._command}: {text}\n")
