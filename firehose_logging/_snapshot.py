"""SnapStart: one memory becomes many environments."""

from __future__ import annotations

from functools import partial

from firehose_logging._diagnostics import attempt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging._delivery.deliveries import Deliveries
    from firehose_logging._line.context import Context

#: Seconds for the flush before a snapshot; hooks count as Init, which has more than a minute.
TIMEOUT = 10.0


class Snapshot:
    """What is done before a snapshot is taken, and after it is restored.

    Args:
        context: becomes another instance.
        streams: start anew with it.
    """

    def __init__(self, context: Context, streams: Deliveries) -> None:
        self._context = context
        self._streams = streams

    def hook(self) -> None:
        """Have the runtime client call us."""
        # Lambda's own package. Hooks before the snapshot run in reverse order of registration
        # and those after it in order, so being first we see the last line and the first.
        import snapshot_restore_py

        snapshot_restore_py.register_before_snapshot(self._before)
        snapshot_restore_py.register_after_restore(self._after)

    def _before(self) -> None:
        for delivery in self._streams.all():
            # A hook that raises ends the environment.
            attempt("before snapshot", partial(delivery.before_snapshot, TIMEOUT))

    def _after(self) -> None:
        old_id = self._context.instance_id
        attempt("after restore", self._context.renew)
        for delivery in self._streams.all():
            restore = partial(delivery.after_restore, old_id, self._context.instance_id)
            attempt("after restore", restore)
