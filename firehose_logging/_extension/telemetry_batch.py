"""Events out of the bodies of telemetry POSTs, including what should not happen. Pure.

Seen on the service (reported by others, see below): an event that is no valid JSON inside a
valid batch; a record longer than the subscription's ``maxBytes`` that is cut in mid-value and
goes on in the next POST, behind a repetition of its envelope. And a POST whose answer got lost
comes again.

DataDog/datadog-lambda-extension pull request 1357;
aws/aws-lambda-python-runtime-interface-client pull request 182.
"""

from __future__ import annotations

import json
from collections import deque

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

#: Bodies remembered in order to know one that comes again. A body holds times to the
#: millisecond and request ids: two different batches are never the same bytes.
REMEMBERED = 8

#: Most characters of a cut event that are kept while the rest is awaited.
MAX_FRAGMENT = 4 * 1_048_576

_RECORD = '"record":'


class BatchReader:
    """Reads one POST body after the other."""

    def __init__(self) -> None:
        # All mutable state.
        self._seen: deque[int] = deque(maxlen=REMEMBERED)
        self._fragment = ""  # an event cut at the end of the last body, from its brace on

    def read(self, body: bytes) -> tuple[list[Any], int]:
        """The events of a body, and how many could not be read."""
        mark = hash(body)
        if mark in self._seen:
            return [], 0
        self._seen.append(mark)
        text = body.decode("utf-8", "replace")
        events: list[Any] = []
        bad = 0
        if self._fragment:
            text, events, bad = self._join(text)
        try:
            batch = json.loads(text)
        except (ValueError, RecursionError):
            more, worse = self._salvage(text)
            return events + more, bad + worse
        return events + (batch if isinstance(batch, list) else [batch]), bad

    def rest(self) -> tuple[list[Any], int]:
        """What is left of a cut event whose other half never came."""
        fragment, self._fragment = self._fragment, ""
        return _completed(fragment) if fragment else ([], 0)

    def _join(self, text: str) -> tuple[str, list[Any], int]:
        """``text`` with the cut event whole again; else what the cut event was good for."""
        start = self._fragment.find(_RECORD)
        envelope = self._fragment[: start + len(_RECORD)] if start >= 0 else ""
        # The text's own opening bracket, if it has one, belongs in front of the whole event.
        opening = "[" if text.lstrip().startswith("[") else ""
        tail = text.lstrip()[len(opening) :].lstrip()
        if envelope and tail.startswith(envelope):
            value = tail[len(envelope) :]
            if self._fragment[len(envelope) : len(envelope) + 1] == '"' == value[:1]:
                value = value[1:]
            joined, self._fragment = self._fragment + value, ""
            return f"[{joined}" if joined.rstrip().endswith("]") else joined, [], 0
        return (text, *self.rest())

    def _salvage(self, text: str) -> tuple[list[Any], int]:
        """Every event by itself; a last one without an end waits for the next body."""
        import re  # rarely needed; its patterns cost half a millisecond to build

        starts = re.compile(r'\{\s*"time"\s*:')
        decoder = json.JSONDecoder()
        events: list[Any] = []
        bad = 0
        at = 0
        while True:
            found = starts.search(text, at)
            if found is None:
                # Bytes without a single event are one loss.
                return events, bad if events or bad or self._fragment else 1
            try:
                event, at = decoder.raw_decode(text, found.start())
                events.append(event)
                continue
            except (ValueError, RecursionError):
                at = found.end()
            if starts.search(text, at) is None and _is_cut(text[found.start() :]):
                self._fragment = text[found.start() :]
                return events, bad
            bad += 1


def _is_cut(text: str) -> bool:
    """Whether an event ends in the middle of its record's text."""
    if len(text) > MAX_FRAGMENT:
        return False
    return bool(_completed(text)[0])


def _completed(fragment: str) -> tuple[list[Any], int]:
    """A cut event closed where it was cut: text that is cut is better than text that is lost."""
    for end in ('"}', '\\"}', ""):
        for cut in range(7):  # the longest escape is \\uXXXX
            try:
                return [json.loads(fragment[: len(fragment) - cut] + end)], 0
            except (ValueError, RecursionError):
                continue
    return [], 1
