"""What the function of the command's tests is asked to do, one invocation each."""

from __future__ import annotations

from typing import Any

STORIES: dict[str, list[list[Any]]] = {
    "whole": [
        ["log", "INFO", "order taken", {"customer": "c-42", "items": 3}],
        ["log", "DEBUG", {"nested": {"is": "fine"}}],
        ["log", "WARNING", "running low", {"left": 7}],
        ["print", "printed"],
    ],
    "caught": [["caught", "no such key"], ["log", "ERROR", "gave up"]],
    "raised": [["log", "INFO", "about to fail"], ["raise", "RuntimeError", "asked for it"]],
    "logged and raised": [["caught", "twice"], ["raise", "ValueError", "another one"]],
    "timed out": [["log", "INFO", "last words"], ["sleep", 30]],
    "after": [["logs", "INFO", 5]],
}
