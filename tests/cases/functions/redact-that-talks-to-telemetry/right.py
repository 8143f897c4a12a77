"""Each line once; what the hook says about it is kept back, and that is told once."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from support.cases import Seen

LINES = None
SAME_OUTPUT = False
TOLD = True


def check(seen: Seen) -> None:
    """Nothing of the hook's reached the runtime's own output, either."""
    said = [line.message for line in seen.function]
    # What the package tells on stderr is a line of the function to the platform.
    said = [text for text in said if not text.startswith("firehose_logging: ")]
    assert said == [f"an order {number}" for number in (1, 2, 3)]
    assert seen.told("redact hook", "kept back")
    assert len(seen.run.told) == 1
    output = [text for texts in seen.run.output.values() for text in texts]
    assert not [text for text in output if text.startswith("hook")]
