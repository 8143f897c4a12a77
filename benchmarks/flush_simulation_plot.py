"""Draws hold against delay, one panel a pattern, three policies; rows come on stdin as JSON.

Runs in an environment that has matplotlib. The same rows make the same bytes.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

_COLOURS = {"end": "#b5483a", "periodic": "#3a6ea5", "adaptive": "#1f8a4c"}
_MARKERS = {"end": "s", "periodic": "^", "adaptive": "o"}


def draw(rows: list[dict[str, Any]], path: str) -> None:
    """Write the picture."""
    plt.rcParams.update(
        {"svg.hashsalt": "firehose-logging", "svg.fonttype": "none", "font.size": 8}
    )
    names = list(dict.fromkeys(row["pattern"] for row in rows))
    columns = 4
    figure, panels = plt.subplots(
        -(-len(names) // columns), columns, sharex=True, sharey=True, figsize=(9.6, 6.6)
    )
    flat = list(panels.flat)
    for panel, name in zip(flat, names, strict=False):
        _panel(panel, name, {row["policy"]: row for row in rows if row["pattern"] == name})
    for panel in flat[len(names) :]:
        panel.set_visible(False)
    handles, labels = flat[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="upper center", ncols=4, frameon=False)
    figure.supxlabel("hold per invocation, ms (mean)")
    figure.supylabel("seconds until a line is in Firehose (mean)")
    figure.tight_layout(rect=(0, 0, 1, 0.95))
    figure.savefig(path, format="svg", metadata={"Date": None, "Creator": None})


def _panel(panel: Any, name: str, by: dict[str, dict[str, Any]]) -> None:
    end, periodic = by["end"], by["periodic"]
    shares = [n / 50 for n in range(51)]
    panel.plot(
        [end["hold"] * s + periodic["hold"] * (1 - s) for s in shares],
        [end["delay"] * s + periodic["delay"] * (1 - s) for s in shares],
        color="#999999", linewidth=0.8, linestyle="--", label="end and periodic at random",
    )  # fmt: skip
    for policy in ("end", "periodic", "adaptive"):
        row = by[policy]
        panel.plot(
            row["hold"], row["delay"], _MARKERS[policy], color=_COLOURS[policy], label=policy,
            markersize=6 if policy == "adaptive" else 8, linestyle="none",
        )  # fmt: skip
    panel.set_title(name, fontsize=9)
    panel.set_yscale("log")
    panel.set_xlim(-1.5, 22.5)
    panel.set_ylim(0.02, 1_000)
    panel.set_yticks([0.1, 1, 10, 100], ["0.1", "1", "10", "100"])
    panel.minorticks_off()
    panel.grid(color="#dddddd", linewidth=0.5)


if __name__ == "__main__":
    draw(json.load(sys.stdin), sys.argv[1])
