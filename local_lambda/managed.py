"""Invocations on Managed Instances: several at a time, no freeze, no reset, no INVOKE events."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from . import records
from .launcher import describe_exit
from .parts import Failure

if TYPE_CHECKING:
    from .invocation import Invocation
    from .parts import Parts
    from .worker_slots import WorkerSlots


def invoke(parts: Parts, workers: WorkerSlots, invocation: Invocation) -> None:
    """Carry one invocation out; called in its caller's thread, any number at a time.

    It waits for a free worker, within its own timeout. Code that has timed out goes on, and its
    worker is busy until it ends.
    """
    invocation.begin()
    failure = parts.wait(lambda: workers.free > 0, invocation.deadline_at)
    if failure is None:
        parts.relay.emit("platform.start", records.start(parts.function, invocation))
        with parts.changed:
            workers.offer(invocation)
        failure = parts.wait(lambda: not workers.runs(invocation), invocation.deadline_at)
        if failure is None and invocation.result is None:  # its runtime is gone already
            failure = Failure("error", "Runtime.ExitError", describe_exit(-signal.SIGKILL))
    with parts.changed:
        if failure is not None and invocation.result is None:
            timeout = failure.status == "timeout"
            invocation.status = "timeout" if timeout else "failure"
            invocation.error_type = None if timeout else failure.error_type
            words = (
                f"Task timed out after {invocation.timeout:.2f} seconds"
                if timeout
                else failure.message
            )
            text = f"RequestId: {invocation.request_id} Error: {words}"
            if failure.body:
                invocation.answer(failure.body, "Unhandled")
            else:
                invocation.fail(failure.error_type, text)
    parts.relay.emit("platform.report", records.managed_report(invocation, now=time.monotonic()))
