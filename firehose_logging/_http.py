"""HTTP/1.1 messages out of bytes, for the two local APIs. Pure: no sockets.

``http.client`` and ``http.server`` do this too, at 15 ms and 7 MB of every cold start. What is
read here is small: requests and answers with ``Content-Length`` or chunks, on loopback.
"""

from __future__ import annotations

#: Most bytes of a start line with its headers.
MAX_HEAD_BYTES = 16_384

_HEAD, _LENGTH, _CHUNK_SIZE, _CHUNK_DATA, _TRAILER = range(5)


class HttpError(Exception):
    """The peer does not speak HTTP/1.1, or sends more than we take."""


class Message:
    """One request or response.

    Args:
        start: the words of the first line.
        headers: by lower-case name; the last one wins.
    """

    __slots__ = ("body", "headers", "start")

    def __init__(self, start: list[str], headers: dict[str, str]) -> None:
        self.start = start
        self.headers = headers
        #: Without its transfer coding; set when it is complete.
        self.body = b""

    @property
    def status(self) -> int:
        """Status code of a response; 0 when there is none."""
        word = self.start[1] if len(self.start) > 1 else ""
        return int(word) if _is_number(word) else 0


class Parser:
    """Cuts a stream of bytes into messages.

    Args:
        max_body: most bytes of one body.
    """

    def __init__(self, max_body: int) -> None:
        self._max_body = max_body
        # All mutable state.
        self._buffer = bytearray()
        self._state = _HEAD
        self._message: Message | None = None
        self._wanted = 0
        self._chunks = bytearray()
        self._expects = False

    @property
    def idle(self) -> bool:
        """Whether no message has begun."""
        return self._state == _HEAD and not self._buffer

    def wants_continue(self) -> bool:
        """Whether the peer waits for ``100 Continue``; True once a message."""
        wants, self._expects = self._expects, False
        return wants

    def feed(self, data: bytes) -> list[Message]:
        """Take bytes; returns the messages they complete.

        Raises:
            HttpError: nothing after these bytes can be understood; close the connection.
        """
        self._buffer += data
        messages: list[Message] = []
        while True:
            message = self._step()
            if message is None:
                return messages
            if message is not _MORE:
                messages.append(message)

    def _step(self) -> Message | None:
        """A finished message, ``_MORE`` to go on, or None when bytes are missing."""
        if self._state == _HEAD:
            return self._head()
        if self._state == _LENGTH:
            if len(self._buffer) < self._wanted:
                return None
            return self._finish(bytes(self._buffer[: self._wanted]), self._wanted)
        if self._state == _CHUNK_SIZE:
            return self._chunk_size()
        if self._state == _CHUNK_DATA:
            if len(self._buffer) < self._wanted + 2:
                return None
            self._chunks += self._buffer[: self._wanted]
            del self._buffer[: self._wanted + 2]
            self._state = _CHUNK_SIZE
            return _MORE
        line = self._line()
        if line is None:
            return None
        return _MORE if line else self._finish(bytes(self._chunks), 0)

    def _head(self) -> Message | None:
        end = self._buffer.find(b"\r\n\r\n")
        if end > MAX_HEAD_BYTES or (end < 0 and len(self._buffer) > MAX_HEAD_BYTES):
            raise HttpError(f"headers of more than {MAX_HEAD_BYTES} bytes")
        if end < 0:
            return None
        lines = self._buffer[:end].decode("latin-1").split("\r\n")
        del self._buffer[: end + 4]
        start = lines[0].split(" ", 2)
        if len(start) < 2 or "HTTP/1." not in lines[0]:
            raise HttpError("not an HTTP/1.x message")
        headers = {}
        for line in lines[1:]:
            name, colon, value = line.partition(":")
            if not colon:
                raise HttpError("a header without a colon")
            headers[name.strip().lower()] = value.strip()
        self._message = Message(start, headers)
        self._expects = headers.get("expect", "").lower() == "100-continue"
        if headers.get("transfer-encoding", "").lower() == "chunked":
            self._state = _CHUNK_SIZE
            return _MORE
        length = headers.get("content-length", "0")
        if not _is_number(length):
            raise HttpError("a Content-Length that is no number")
        self._wanted = int(length)
        self._check_size(self._wanted)
        self._state = _LENGTH
        return _MORE

    def _chunk_size(self) -> Message | None:
        line = self._line()
        if line is None:
            return None
        try:
            self._wanted = int(line.partition(b";")[0], 16)
        except ValueError:
            raise HttpError("a chunk size that is no number") from None
        if self._wanted < 0:
            raise HttpError("a negative chunk size")
        self._check_size(len(self._chunks) + self._wanted)
        self._state = _CHUNK_DATA if self._wanted else _TRAILER
        return _MORE

    def _line(self) -> bytes | None:
        end = self._buffer.find(b"\r\n")
        if end < 0:
            if len(self._buffer) > MAX_HEAD_BYTES:
                raise HttpError("a line without an end")
            return None
        line = bytes(self._buffer[:end])
        del self._buffer[: end + 2]
        return line

    def _check_size(self, size: int) -> None:
        if size > self._max_body:
            raise HttpError(f"a body of more than {self._max_body} bytes")

    def _finish(self, body: bytes, used: int) -> Message:
        del self._buffer[:used]
        message = self._message
        assert message is not None
        message.body = body
        self._message = None
        self._chunks = bytearray()
        self._state = _HEAD
        self._expects = False
        return message


def _is_number(word: str) -> bool:
    """Whether ``int`` takes it: ``str.isdigit`` knows superscripts, and too many digits raise."""
    return word.isascii() and word.isdigit() and len(word) <= 20


_MORE = Message([], {})


def request(method: str, path: str, host: str, headers: dict[str, str], body: bytes) -> bytes:
    """A request as bytes."""
    size = len(body) if body or method != "GET" else None
    return head(method, path, host, headers, size) + body


def head(method: str, path: str, host: str, headers: dict[str, str], size: int | None) -> bytes:
    """What comes before the body of a request; ``size`` in bytes, None for one without a body."""
    lines = [f"{method} {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if size is not None:
        lines.append(f"Content-Length: {size}")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")
