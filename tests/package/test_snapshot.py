"""SnapStart's hooks: what is done before the memory is copied, and in each copy."""

from __future__ import annotations

import sys
import types

import pytest

from firehose_logging._environment import Environment
from firehose_logging._line.context import Context
from firehose_logging._snapshot import Snapshot


class Delivery:
    """Notes what it is told; can break."""

    def __init__(self, *, breaks: bool = False) -> None:
        self.calls: list[tuple[object, ...]] = []
        self._breaks = breaks

    def before_snapshot(self, timeout: float) -> None:
        """Note it."""
        self.calls.append(("before", timeout))
        if self._breaks:
            raise OSError("broken")

    def after_restore(self, old_id: str, new_id: str) -> None:
        """Note it."""
        self.calls.append(("after", old_id, new_id))
        if self._breaks:
            raise OSError("broken")


class Streams:
    """The deliveries of a process."""

    def __init__(self, *deliveries: Delivery) -> None:
        self._deliveries = list(deliveries)

    def all(self) -> list[Delivery]:
        """Every one."""
        return self._deliveries


@pytest.fixture
def hooks(monkeypatch):
    """Lambda's own package: the functions that were registered."""
    package = types.ModuleType("snapshot_restore_py")
    registered = {}
    package.register_before_snapshot = lambda function: registered.update(before=function)
    package.register_after_restore = lambda function: registered.update(after=function)
    monkeypatch.setitem(sys.modules, "snapshot_restore_py", package)
    return registered


def test_a_copy_is_another_instance(hooks):
    """After the restore the instance has a new id, and each delivery hears both."""
    context = Context(Environment({}))
    old = context.instance_id
    delivery = Delivery()
    Snapshot(context, Streams(delivery)).hook()
    hooks["before"]()
    hooks["after"]()

    assert context.instance_id != old
    assert delivery.calls[0][0] == "before"
    assert delivery.calls[1] == ("after", old, context.instance_id)


def test_a_hook_that_fails_ends_no_environment(hooks, capfd):
    """What one stream raises is told, and the others have their turn."""
    broken, sound = Delivery(breaks=True), Delivery()
    Snapshot(Context(Environment({})), Streams(broken, sound)).hook()
    hooks["before"]()
    hooks["after"]()

    assert [call[0] for call in sound.calls] == ["before", "after"]
    told = capfd.readouterr().err
    assert "before snapshot failed: OSError: broken" in told
    assert "after restore failed: OSError: broken" in told
