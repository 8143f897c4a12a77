"""How pictures look and are written, whoever draws them.

They run in an environment that has matplotlib. The same figures make the same bytes. Text and axes
take the colour that the reader's page asks for, light or dark.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("svg")
from matplotlib import pyplot as plt

__all__ = ["INK", "plt", "save"]

#: Stands for the text's colour until the file is written.
INK = "#123456"
_STYLE = "<style>svg{color:#1f2328}@media(prefers-color-scheme:dark){svg{color:#e6edf3}}</style>\n"

plt.rcParams.update(
    {
        "svg.hashsalt": "firehose-logging",
        "svg.fonttype": "none",
        "font.size": 8,
        **dict.fromkeys(
            ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK
        ),
    }
)


def save(figure: Any, panels: list[Any], file: Path) -> None:
    """Write a picture and let go of it.

    Args:
        figure: the picture.
        panels: its axes, which lose the frame that says nothing.
        file: where it goes.
    """
    for panel in panels:
        for side in ("top", "right"):
            panel.spines[side].set_visible(False)
    figure.savefig(file, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    plt.close(figure)
    text = file.read_text(encoding="utf-8").replace(INK, "currentColor")
    head, defs, rest = text.partition("<defs>")
    file.write_text(f"{head}{_STYLE}{defs}{rest}", encoding="utf-8")
