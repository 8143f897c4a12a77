"""Each report is one line at ERROR, whoever has it printed."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("ValueError: in a thread", "ERROR", "threading.excepthook", error="ValueError"),
    line("KeyError: 'in a finalizer'", "ERROR", "sys.unraisablehook", error="KeyError"),
    line("OSError: a program's own", "ERROR", "sys.excepthook", error="OSError"),
]
