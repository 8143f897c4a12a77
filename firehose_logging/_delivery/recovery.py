"""What earlier processes left in the crash journal, taken into this one's backlog."""

from __future__ import annotations

from firehose_logging._natives import allocate_lock

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from firehose_logging._delivery.backlog import Backlog


class Recovery:
    """Takes over the lines of processes of this environment that are gone.

    Args:
        backlog: where they go.
        most_bytes: queued bytes past which the next line waits. Not faster than they can be
            delivered, or they would push each other out.
        make_room: sends once or waits once; False when there is no use in that. Where that takes
            for ever, what is not read stays in its file.
        own_body: builds the body of a line of ours from level, message and more columns.
    """

    def __init__(
        self,
        backlog: Backlog,
        most_bytes: int,
        make_room: Callable[[], bool],
        own_body: Callable[[str, str, dict[str, object]], str],
    ) -> None:
        self._backlog = backlog
        self._most_bytes = most_bytes
        self._make_room = make_room
        self._own_body = own_body
        #: Whether there may be something to take over now.
        self.due = backlog.journal.wanted
        self._has_children = False
        # All mutable state, guarded by the lock: what is left, the next of it, how many were taken.
        self._lock = allocate_lock()
        self._left: Iterator[bytes] | None = None
        self._next: bytes | None = None
        self._taken = 0

    def forked(self) -> None:
        """This process has a child, which may leave lines by ``os._exit``: ours to deliver."""
        self._has_children = self._backlog.journal.wanted

    def is_asked_for(self) -> bool:
        """A flush begins: whether there may be something to take over, from children too."""
        self.due = self.due or self._has_children
        return self.due

    def done(self) -> None:
        """Nothing is to be taken over any more, until a flush asks for what children left."""
        self.due = False

    def run(self) -> None:
        """Take over everything there is, and tell in the log stream how much that was."""
        backlog = self._backlog
        self._has_children = False
        while (line := self._peek()) is not None:
            while backlog.batcher.queued_bytes >= self._most_bytes:
                if not self._make_room():
                    return
            self._take(line)

    def finish(self, make_room: Callable[[], None]) -> None:
        """The environment ends, and nothing in it will read the rest: take it over at once.

        Args:
            make_room: called when much has come, has it make room for the next.
        """
        while (line := self._peek()) is not None:
            self._take(line)
            if self._backlog.batcher.queued_bytes >= self._most_bytes:
                make_room()

    def _peek(self) -> bytes | None:
        with self._lock:
            if self._left is None:
                self._left = self._backlog.journal.recover(self._note)
                self._taken = 0
            if self._next is None:
                self._next = next(self._left, None)
            if self._next is None:
                self._left = None
                self._has_children = self._has_children or self._backlog.journal.passed_over
                self._end()
            return self._next

    def _take(self, line: bytes) -> None:
        with self._lock:
            if self._next is line:  # nobody else has, meanwhile
                self._next = None
                self._taken += 1
                self._backlog.exclusively(self._backlog.take_over, line)

    def _note(self, lost: dict[str, int]) -> None:
        """Now, not when all is read: we may be killed, and the file that says so is emptied."""
        self._backlog.exclusively(self._backlog.lose_all, list(lost.items()))

    def _end(self) -> None:
        backlog = self._backlog
        if self._taken:
            text = f"{self._taken} lines of an earlier process recovered from the crash journal"
            columns: dict[str, object] = {"code": "lines_recovered", "recovered": self._taken}
            body = self._own_body("WARNING", text, columns)
            backlog.incoming.append(body)
