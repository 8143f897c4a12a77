"""What ends a command with a sentence instead of a traceback."""

from __future__ import annotations


class CommandError(Exception):
    """Something the user can mend: the text says what is wrong and what to do.

    Args:
        text: a sentence.
        status: exit status; 2 for wrong input, 1 for an answer that is "no".
    """

    def __init__(self, text: str, status: int = 2) -> None:
        super().__init__(text)
        self.status = status
