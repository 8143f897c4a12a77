"""Threads, locks, reads and writes as the interpreter has them, whoever has patched the modules.

gevent and eventlet put others in their place, or take them out. Those belong to the loop of one
thread: a thread of ours would wait for them in vain. Whoever needs one of these takes it
from here, not from the standard library.
"""

from __future__ import annotations

import _thread
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable
    from types import ModuleType
    from typing import Any


def anew(module: ModuleType) -> Any:
    """A module of C, made once more, as nobody has changed it."""
    spec: Any = module.__spec__
    copy = spec.loader.create_module(spec)
    spec.loader.exec_module(copy)
    return copy


_threads = anew(_thread)
_os: Any = sys.modules.get("posix") or sys.modules["nt"]

#: Not ``threading``'s type: eventlet looks for all of those in the process, and replaces them.
RLock: Any = _threads.RLock
allocate_lock: Callable[[], threading.Lock] = _threads.allocate_lock
get_ident: Callable[[], int] = _threads.get_ident
get_native_id: Callable[[], int] = _threads.get_native_id
start_new_thread: Callable[..., int] = _threads.start_new_thread
read: Callable[[int, int], bytes] = _os.read
write: Callable[[int, bytes | bytearray | memoryview], int] = _os.write
