"""The bytes below a text stream: what is written to them past the text."""

from __future__ import annotations

import codecs
import sys

from firehose_logging._line.foreign import is_its_own
from firehose_logging._natives import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from firehose_logging._capture.streams import StreamWriter


class CapturedBuffer:
    """Sees the bytes that are written below a text stream, but for those that come through it.

    Args:
        buffer: the stream of bytes; stays what it is, but for its ``write``.
        writer: of the text stream over it.
    """

    def __init__(self, buffer: Any, writer: StreamWriter) -> None:
        self._buffer = buffer
        self._writer = writer
        self._below: Callable[[Any], Any] = buffer.write
        self._passing: set[int] = set()  # threads that are in the text stream
        # Keeps the beginning of a character that is written in two pieces.
        self._decode = codecs.getincrementaldecoder("utf-8")("replace").decode

    def cover(self) -> bool:
        """Be asked for each write; False where the stream does not allow that."""
        try:
            self._buffer.write = self.write
        except (AttributeError, TypeError):
            return False
        return True

    def passing(self, call: Callable[..., Any]) -> Callable[..., Any]:
        """``call``, a method of the text stream, with what it writes told apart."""
        idents = self._passing

        def passed(*args: Any) -> Any:
            ident = get_ident()
            if ident in idents:
                return call(*args)
            idents.add(ident)
            try:
                return call(*args)
            finally:
                idents.discard(ident)

        return passed

    def complete(self) -> None:
        """Take what waits for the rest of a character."""
        self._take(self._decode(b"", True))

    def _take(self, text: str) -> None:
        for line in text.splitlines(keepends=True):
            self._writer.take(line, -1)

    def write(self, data: Any) -> Any:
        """Write bytes, then show them to the capture."""
        if get_ident() in self._passing:
            return self._below(data)
        text = ""
        is_ours = False
        try:
            text = bytes(data).decode("utf-8", "replace")
            is_ours = self._writer.origin_of_bytes(text, sys._getframe(1))  # noqa: SLF001
        except Exception as error:  # the writer's own comes from below
            if not is_its_own(error):
                raise
            is_ours = False
        written = self._below(data) if self._writer.passes_on else len(data)
        if is_ours:
            try:
                self._take(self._decode(bytes(data)))
            except Exception as error:  # the capture must not break a write
                if not is_its_own(error):
                    raise
        return written
