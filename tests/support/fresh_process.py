"""The package's one process-wide instance, forgotten: each test starts as a process does."""

from __future__ import annotations

import atexit
import sys

#: Seconds for what a test left undelivered.
CLOSE_TIMEOUT = 1.0


def forget_process() -> None:
    """Stop and forget everything of the package; nothing to do where it was never started."""
    bootstrap = sys.modules.get("firehose_logging._bootstrap")
    if bootstrap is None:
        return
    process, bootstrap._process = bootstrap._process, None
    if process is not None:
        atexit.unregister(process.at_exit)
        if process.runtime is not None and process.runtime.extension is not None:
            process.runtime.extension.stop()
        for delivery in process.streams.all():
            delivery.close(CLOSE_TIMEOUT)
    sys.modules["firehose_logging._diagnostics"].forget()
    sys.modules["firehose_logging._shutdown"].unwatch()
