"""What was accepted against what was delivered, repeated, told as lost. Pure."""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

_NUMBER = re.compile(r"line (\d+)\b")


@dataclass
class Account:
    """The balance of one run, in lines.

    Args:
        logged: numbered lines whose log call had returned.
        delivered: those of them that Firehose holds.
        diverted: those that are in the runtime's own output instead.
        repeated: copies too many, of any line, by ``instanceId`` and ``seq``.
        missing: logged, not delivered and not diverted.
        told: lines that the log stream tells were lost, by reason; of any type.
        gaps: numbers missing below the newest ``seq`` of each instance.
    """

    logged: int = 0
    delivered: int = 0
    diverted: int = 0
    repeated: int = 0
    missing: int = 0
    told: dict[str, int] = field(default_factory=dict)
    gaps: int = 0

    @property
    def unexplained(self) -> int:
        """Lines that are gone and that nothing accounts for."""
        return max(0, max(self.missing, self.gaps) - sum(self.told.values()))

    def __add__(self, other: Account) -> Account:
        return Account(
            self.logged + other.logged,
            self.delivered + other.delivered,
            self.diverted + other.diverted,
            self.repeated + other.repeated,
            self.missing + other.missing,
            dict(Counter(self.told) + Counter(other.told)),
            self.gaps + other.gaps,
        )


def settle(
    accepted: set[int], lines: Iterable[dict[str, Any]], output: Iterable[dict[str, Any]] = ()
) -> Account:
    """Balance the numbers that were accepted with the lines that arrived.

    Args:
        accepted: by the function.
        lines: that Firehose holds.
        output: those that went to the runtime's own output.
    """
    arrived: set[int] = set()
    diverted: set[int] = set()
    told: Counter[str] = Counter()
    seen: dict[str, Counter[int]] = {}
    repeated = 0
    for line in lines:
        numbers = seen.setdefault(line["instanceId"], Counter())
        numbers[line["seq"]] += 1
        if numbers[line["seq"]] > 1:
            repeated += 1
            continue
        if line.get("logger") == "faults":
            found = _NUMBER.match(str(line.get("message")))
            if found:
                arrived.add(int(found[1]))
        elif line.get("logger") == "firehose_logging" and isinstance(line.get("lost"), dict):
            told.update(line["lost"])
    for line in output:
        numbers = seen.setdefault(line["instanceId"], Counter())
        numbers[line["seq"]] += 1
        found = _NUMBER.match(str(line.get("message")))
        if found and line.get("logger") == "faults":
            diverted.add(int(found[1]))
    gaps = sum(max(numbers) - len(numbers) for numbers in seen.values())
    return Account(
        len(accepted),
        len(accepted & arrived),
        len((accepted & diverted) - arrived),
        repeated,
        len(accepted - arrived - diverted),
        dict(told),
        gaps,
    )
