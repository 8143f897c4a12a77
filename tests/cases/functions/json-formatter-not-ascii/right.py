"""A record that its handler prints as escaped JSON is one line."""

from __future__ import annotations

from support.cases import line

LINES = [
    line("plain words", logger="shop"),
    line("Überweisung gestartet", logger="shop"),
    line("Größe 42", logger="shop"),
    line("注文を受け付けました", "ERROR", "shop"),
    line("Привет", logger="shop"),
    line("temp 21 °C", logger="shop"),
]
