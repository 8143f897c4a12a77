"""What a forked child must repair before it can import anything."""

from __future__ import annotations

import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Any


def forget_imports(threads: Collection[int]) -> None:
    """Have the child import anew what threads of the parent were importing when it was forked.

    Such a module stays half made in the child, and its lock stays taken: whoever imports it there
    waits for a thread that does not exist, for ever. This is for threads of ours; what other
    threads were importing is as it is without us.

    Args:
        threads: idents of our threads in the parent.
    """
    bootstrap: Any = sys.modules.get("_frozen_importlib")
    locks = getattr(bootstrap, "_module_locks", {})
    for name, find in list(locks.items()):
        if getattr(find(), "owner", None) in threads:
            locks.pop(name, None)
            sys.modules.pop(name, None)
