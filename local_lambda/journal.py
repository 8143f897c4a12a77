"""All that an environment keeps of what happened: output ("CloudWatch"), telemetry, timeline."""

from __future__ import annotations

import json
import threading
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, TextIO

from .telemetry import Relay, TelemetryEvent, timestamp
from .timeline import Timeline

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from .logs import LogEvent


class Journal:
    """Take output lines and platform events; feed telemetry, the timeline and optional files.

    `json_records`: lines that hold a JSON object become objects in telemetry (log format JSON).
    `output_file` gets every output line, `telemetry_file` every telemetry event, as JSON lines;
    `on_log` is called with every output line.
    """

    def __init__(
        self,
        *,
        json_records: bool,
        output_file: Path | None = None,
        telemetry_file: Path | None = None,
        on_log: Callable[[LogEvent], None] | None = None,
    ) -> None:
        self.timeline = Timeline()
        self.request_id: str | None = None
        self._json_records = json_records
        self._on_log = on_log
        self._lock = threading.Lock()
        self._output: list[LogEvent] = []
        self._files: list[TextIO] = []
        self._output_file = self._open(output_file)
        self._telemetry_file = self._open(telemetry_file)
        self.relay = Relay(self._observe)

    @property
    def output(self) -> list[LogEvent]:
        """Every line and frame so far, in the order they were read."""
        with self._lock:
            return list(self._output)

    def note(self, source: str, what: str, detail: str = "") -> None:
        """Put something on the timeline."""
        self.timeline.add(source, what, detail)

    def function_log(self, event: LogEvent) -> None:
        """Take what the runtime process wrote."""
        self._keep(event)
        self.relay.emit("function", self._record(event.raw), text=event.raw)

    def extension_log(self, event: LogEvent) -> None:
        """Take what an external extension wrote."""
        event = replace(event, stream="extension")
        self._keep(event)
        self.relay.emit("extension", self._record(event.raw), text=event.raw)

    def close(self) -> None:
        """Close the files; what comes later is kept in memory only."""
        with self._lock:
            files, self._files = self._files, []
            self._output_file = self._telemetry_file = None
        for file in files:
            file.close()

    def _open(self, path: Path | None) -> TextIO | None:
        if path is None:
            return None
        file = path.open("a", encoding="utf-8")
        self._files.append(file)
        return file

    def _keep(self, event: LogEvent) -> None:
        event = replace(event, request_id=self.request_id)
        with self._lock:
            self._output.append(event)
            if self._output_file is not None:
                line = {**asdict(event), "time": timestamp(event.time)}
                self._output_file.write(json.dumps(line) + "\n")
                self._output_file.flush()
        if self._on_log is not None:
            self._on_log(event)
        who = "output" if event.stream != "extension" else event.source
        self.timeline.add(who, event.stream, event.text)

    def _record(self, text: str) -> Any:
        """Return the telemetry record for a line: an object where the log format says so."""
        if self._json_records and text.lstrip().startswith("{"):
            try:
                return json.loads(text)
            except ValueError:
                return text
        return text

    def _observe(self, event: TelemetryEvent) -> None:
        if self._telemetry_file is None:
            return
        with self._lock:
            if self._telemetry_file is not None:
                line = {"time": event.time, "type": event.type, "record": event.record}
                self._telemetry_file.write(json.dumps(line) + "\n")
                self._telemetry_file.flush()
