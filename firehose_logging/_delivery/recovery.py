"""What earlier processes left in the crash journal, taken into this one's backlog."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

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

    def run(self) -> None:
        """Take over everything there is, and tell in the log stream how much that was."""
        backlog = self._backlog
        journal = backlog.journal
        lines = 0
        for line in journal.recover():
            while backlog.batcher.queued_bytes >= self._most_bytes:
                if not self._make_room():
                    return
            backlog.exclusively(backlog.take_over, line)
            lines += 1
        backlog.exclusively(backlog.lose_all, list(journal.found.items()))
        if lines:
            text = f"{lines} lines of an earlier process recovered from the crash journal"
            columns: dict[str, object] = {"code": "lines_recovered", "recovered": lines}
            backlog.incoming.append(self._own_body("WARNING", text, columns))
