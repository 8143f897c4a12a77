"""The crash journal as the delivery uses it: opened at the first line, and never in the way.

Whatever goes wrong with a journal costs the journal and nothing else, and is told once.
"""

from __future__ import annotations

import os

from firehose_logging._diagnostics import tell
from firehose_logging._interruption import is_users

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from firehose_logging._delivery.journal_files import Journal
    from firehose_logging._delivery.orphans import Orphans

#: How the names of our files begin; user and stream follow.
PREFIX = ".firehose-logging-"


def name_prefix(stream_name: str) -> str:
    """How the names of a stream's files begin; /tmp may be shared, so they name the user."""
    return f"{PREFIX}{os.geteuid()}-{stream_name}~"  # no legal stream name holds a tilde


class CrashJournal:
    """A journal that may not be there.

    Args:
        folder: where journals are kept; None keeps none.
        stream_name: delivery stream.
        buffer_bytes: of the lines that may be pending at a time.
    """

    def __init__(
        self, folder: str | None, stream_name: str, buffer_bytes: int = 16_777_216
    ) -> None:
        self._folder = folder
        self._stream_name = stream_name
        self._buffer_bytes = buffer_bytes
        # All mutable state.
        self._journal: Journal | None = None
        self._tried = folder is None
        self._orphans: Orphans | None = None

    @property
    def wanted(self) -> bool:
        """Whether there may be a journal."""
        return self._folder is not None

    def append(
        self,
        index: int,
        line: bytes,
        now: float,
        oldest: Callable[[], int | None],
        between: Callable[[], tuple[int, int]],
    ) -> None:
        """Keep a line; as of ``Journal.append``."""
        journal = self._journal
        if journal is None:
            if self._tried:
                return
            self._open()
            journal = self._journal
            if journal is None:
                return
        try:
            # Where many lines come, nothing but this is to be done.
            if now < journal.quiet_until:
                write = journal.write  # not a method: called as one it would take twice as long
                if write(index, line):
                    return
            journal.append(index, line, now, oldest, between)
        except Exception as error:
            if is_users(error):
                raise
            # The line itself is what matters.
            self._give_up(f"{type(error).__name__}: {error}")

    def keep_losses(self, untold: Mapping[str, int]) -> None:
        """Have the next process tell the losses that we do not live to tell."""
        if self._journal is not None:
            try:
                self._journal.keep_losses(untold)
            except Exception as error:
                if is_users(error):
                    raise
                # Counted in the ledger all the same.
                self._give_up(f"{type(error).__name__}: {error}")

    def forget(self, oldest: int | None, between: tuple[int, int] = (0, 0)) -> None:
        """Forget the lines that are settled; as of ``Journal.forget``."""
        journal = self._journal
        if journal is None:
            return
        if journal.trouble is not None:
            tell(
                f"no crash journal ({journal.trouble}) for some lines",
                code="journal_off",
                once="journal",
            )
        try:
            journal.forget(oldest, between)
        except Exception as error:
            if is_users(error):
                raise
            self._give_up(f"{type(error).__name__}: {error}")

    def claim(self) -> None:
        """Take hold of what processes that are gone have left, before it can be deleted.

        Where they have left nothing, as nearly always, this is one look into the folder.
        """
        try:
            names = os.listdir(self._folder) if self._folder else ()  # noqa: PTH208
        except OSError:
            return  # not there: nobody has left anything
        prefix = name_prefix(self._stream_name)
        for name in names:
            if name.startswith(prefix):
                break
        else:
            return
        from firehose_logging._delivery.orphans import Orphans

        self._orphans = Orphans(self._folder or "", prefix)
        self._orphans.claim()

    def recover(self, note: Callable[[dict[str, int]], None] | None = None) -> Iterator[bytes]:
        """The lines of processes that are gone; as of ``Orphans.recover``."""
        if not self._tried:
            self._open()
        if self._journal is not None:
            yield from self._journal.recover(note)

    @property
    def keeps(self) -> bool:
        """Whether everything that is pending is in there."""
        return self._journal is not None and self._journal.trouble is None

    @property
    def passed_over(self) -> bool:
        """Whether ``recover`` met files of processes that live."""
        return self._journal is not None and self._journal.passed_over

    def look(self) -> None:
        """Make the files anew if somebody has deleted them, whether a line comes or not."""
        if self._journal is not None:
            try:
                self._journal.look()
            except Exception as error:
                if is_users(error):
                    raise
                self._give_up(f"{type(error).__name__}: {error}")

    def take_deleted(self) -> bool:
        """Whether somebody has deleted the files since the last time; they are there again."""
        return self._journal is not None and self._journal.take_deleted()

    def close(self, *, keep: bool) -> None:
        """Close the files, and delete them unless ``keep``; a later line opens new ones."""
        journal, self._journal = self._journal, None
        if journal is not None:
            self._tried = False
            journal.close(keep=keep)
        orphans, self._orphans = self._orphans, None
        if orphans is not None:
            orphans.close()

    def _open(self) -> None:
        self._tried = True
        try:
            from firehose_logging._delivery.journal_files import Journal

            token = f"{os.getpid()}-{os.urandom(4).hex()}"
            self._journal = Journal(
                self._folder or "",
                name_prefix(self._stream_name),
                token,
                self._buffer_bytes,
                self._orphans,
            )
            self._orphans = None
        except Exception as error:
            if is_users(error):
                self._tried = False
                raise
            self._give_up(str(error))

    def _give_up(self, why: str) -> None:
        self._journal = None
        text = f"no crash journal ({why}); a killed process loses what is pending"
        tell(text, code="journal_off", once="journal")
