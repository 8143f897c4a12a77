"""Which columns the user's own members become: all of them, or one."""

from __future__ import annotations

from itertools import islice

from firehose_logging._line.columns import FOLDED
from firehose_logging._line.foreign import text_of
from firehose_logging._line.json_text import dumps, quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

#: Most sets of names whose plan is kept; a program has few, unless it makes them up.
MAX_PLANS = 1_000

# Numbers between these are shown in any case: Python refuses to show very large ones.
_LEAST, _MOST = -(2**64), 2**64

# Before the value of each name the text from the comma to the colon, empty where it is no column;
# then index and name of those that go under ``extra``.
if TYPE_CHECKING:
    Plan = tuple[tuple[str, ...], tuple[tuple[int, str], ...]]


class Schema:
    """The rules for the user's own members of a line.

    Args:
        fixed: whether the columns are known beforehand: ``message`` is text, and what else there
            is is JSON text in one column ``extra``, as tables of Parquet and Iceberg need it.
        fields: names of columns that every line has by a setting.
        skipped: names that are nobody's extras.
    """

    __slots__ = ("_derived", "_owners", "_plans", "_prefixes", "_skipped", "_taken", "fixed")

    def __init__(
        self,
        *,
        fixed: bool = False,
        fields: Iterable[str] = (),
        skipped: frozenset[str] = frozenset(),
    ) -> None:
        self._skipped = skipped
        #: Those that ``skipping`` has made, which change along.
        self._derived: list[Schema] = []
        self.change(fixed=fixed, fields=fields)

    def change(self, *, fixed: bool, fields: Iterable[str]) -> None:
        """Other rules from now on; arguments as of ``Schema``."""
        self.fixed = fixed
        self._taken = FOLDED.union(map(str.lower, fields))
        self._plans: dict[tuple[str, ...], Plan] = {}
        # Of names that are always columns, whatever stands beside them, the text before the value;
        # empty for nobody's. And which of the names that differ in case only is among them.
        self._prefixes: dict[str, str] = {}
        self._owners: dict[str, str] = {}
        for schema in self._derived:
            schema.change(fixed=fixed, fields=self._taken)

    def skipping(self, names: frozenset[str]) -> Schema:
        """The same rules, where ``names`` are nobody's extras."""
        derived = Schema(fixed=self.fixed, fields=self._taken, skipped=names)
        self._derived.append(derived)
        return derived

    def extras_of(self, own: dict[str, Any], first: int, last: str = "") -> str:
        """The extras among the attributes of a record, as ``extras``; the one that is timed.

        Args:
            own: the attributes.
            first: how many at the beginning are logging's own.
            last: the name of the last of those. Where it stands elsewhere any of them may be
                missing, and an extra in its place.
        """
        prefixes = self._prefixes
        members = ""
        left = len(own) - first
        if left <= 0:
            return self.extras_of(own, 0) if first and own else ""
        # From the end: the many at the beginning are not even passed over.
        for name, value in reversed(own.items()):
            if not left:
                return members if name == last else self.extras_of(own, 0)
            try:
                prefix = prefixes[name]
            except KeyError:
                if first and next(islice(own, first - 1, None)) != last:
                    return self.extras_of(own, 0)
                names = tuple(islice(own, first, None))
                self._learn(names)
                return self.extras(names, tuple(islice(own.values(), first, None)))
            if prefix:
                kind = type(value)
                if kind is str:
                    members = f"{prefix}{quote(value)}{members}"
                elif kind is int and _LEAST < value < _MOST:
                    members = f"{prefix}{value}{members}"  # as ``dumps``, without the call
                else:
                    members = f"{prefix}{dumps(value)}{members}"
            left -= 1
        return members

    def _learn(self, names: tuple[str, ...]) -> None:
        for name in names:
            if len(self._owners) + len(self._prefixes) >= MAX_PLANS or self.fixed:
                return
            if name in self._skipped:
                self._prefixes[name] = ""
            elif type(name) is str:
                folded = name.lower()
                # A record that has another name of the same letters goes by its plan: that other
                # name is never learnt.
                if folded not in self._taken and self._owners.setdefault(folded, name) == name:
                    self._prefixes[name] = f",{quote(name)}:"

    def extras(self, names: tuple[str, ...], values: Sequence[object]) -> str:
        """A user's own members, with a leading comma.

        No two columns of a line differ in case only, because Athena, Glue and DuckDB take them
        for one: what comes later goes under ``extra``.

        Args:
            names: their names, in order.
            values: as many values.
        """
        plan = self._plans.get(names)
        if plan is None:
            plan = self._plan(names)
            if len(self._plans) < MAX_PLANS:
                self._plans[names] = plan
        prefixes, under = plan
        members = ""
        for prefix, value in zip(prefixes, values, strict=False):
            if prefix:
                members += prefix + (quote(value) if type(value) is str else dumps(value))
        if under:
            text = dumps({name: values[index] for index, name in under})
            members += f',"extra":{quote(text) if self.fixed else text}'
        return members

    def _plan(self, names: tuple[str, ...]) -> Plan:
        prefixes = []
        under: list[tuple[int, str]] = []
        seen = set(self._taken)
        seen_under: set[str] = set()
        for index, key in enumerate(names):
            name = key if type(key) is str else text_of(key)
            prefix = ""
            if name in self._skipped:
                pass
            elif not self.fixed and name.lower() not in seen:
                seen.add(name.lower())
                prefix = f",{quote(name)}:"
            else:
                while name.lower() in seen_under:
                    name += "_"
                seen_under.add(name.lower())
                under.append((index, name))
            prefixes.append(prefix)
        return tuple(prefixes), tuple(under)

    def message(self, message: object) -> object:
        """What stands in the ``message`` column: an object stays one where the schema is open."""
        if self.fixed and type(message) is not str:
            return message if isinstance(message, str) else dumps(message)
        return message
