"""Forks beside threads of ours: what is warned of, and what a child must repair first."""

from __future__ import annotations

import sys

from firehose_logging._natives import get_ident

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection
    from typing import Any


def forget_imports(threads: Collection[int]) -> None:
    """Have the child import anew what threads of the parent were importing when it was forked.

    Such a module stays half made in the child, and its lock stays taken: whoever imports it there
    waits for a thread that does not exist, for ever. This is for threads of ours, and for those of
    the function that were importing a module of ours, as one does that logs enough for a delivery;
    what other threads were importing is as it is without us.

    Args:
        threads: idents of our threads in the parent.
    """
    bootstrap: Any = sys.modules.get("_frozen_importlib")
    locks = getattr(bootstrap, "_module_locks", {})
    owners = {name: getattr(find(), "owner", None) for name, find in list(locks.items())}
    ours = {owner for name, owner in owners.items() if name.partition(".")[0] == "firehose_logging"}
    gone = ours.union(threads) - {None, get_ident()}
    for name, owner in owners.items():
        if owner in gone:
            locks.pop(name, None)
            spec = getattr(sys.modules.get(name), "__spec__", None)
            if getattr(spec, "_initializing", True):  # else it is whole
                sys.modules.pop(name, None)


#: What CPython says from 3.12 on, in the parent, where a process with several threads is forked.
_MULTI_THREADED = "is multi-threaded, use of "


class Unwarned:
    """Keeps that warning back where the other threads are ours alone: they bear a fork.

    Without us there would be none, and where warnings are errors the function would fail.

    Args:
        others: how many threads there are besides ours.
    """

    def __init__(self, others: Callable[[], int]) -> None:
        self._others = others
        # In the place of a pattern; the module's own names of filters, as it reads them.
        self._filter = ("ignore", self, DeprecationWarning, None, 0)

    def before(self) -> None:
        """A fork is next."""
        import warnings

        self.after()
        if self._is_ours():
            # Nothing is cached by this: the interpreter asks the filters for each fork.
            filters: Any = warnings.filters
            filters.insert(0, self._filter)

    def match(self, text: str) -> bool:
        """Asked as a pattern: whether the filter is about a warning with this text. Once.

        Python 3.12 asks before the hooks for the parent, later ones after them.
        """
        if _MULTI_THREADED not in text:
            return False
        self.after()
        return self._is_ours()

    def after(self) -> None:
        """The filters are as they were; also in the child."""
        import warnings

        filters: Any = warnings.filters
        for found in [found for found in filters if found is self._filter]:
            filters.remove(found)

    def _is_ours(self) -> bool:
        try:
            return self._others() <= 1
        except (OSError, ValueError):
            return False
