"""This project as it was at the commit that targets are told by: a candidate like the others."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

from benchmarks import against
from benchmarks.candidates import Built

if TYPE_CHECKING:
    from collections.abc import Callable

#: The commit.
ANCHOR = "0c4de4b"
THEN = Built(
    f"firehose-logging at {ANCHOR}",
    "bare",
    ours=True,
    folder=against.BUILD / f"layer-{ANCHOR}",
)


def set_up(say: Callable[[str], None]) -> None:
    """Build its layer; without the history of this repository there is none, which is told."""
    say(f"layer of {ANCHOR}")
    try:
        tree, _ = against.tree_of(ANCHOR)
    except (SystemExit, OSError) as error:
        say(f"{error}: nothing is compared with it")
        shutil.rmtree(THEN.folder, ignore_errors=True)
    else:
        against.layer_of(tree, ANCHOR)


def then() -> tuple[Built, ...]:
    """The candidate, where it has a layer."""
    return (THEN,) if THEN.folder.exists() else ()
