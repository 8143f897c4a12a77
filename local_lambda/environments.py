"""All environments of one function: one for each invocation that runs at a time, used again."""

from __future__ import annotations

import contextlib
import os
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from .environment import LocalLambda

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .function import Function

#: Seconds that a call waits for an environment that has answered and is about to be free, before
#: it takes a cold start.
SOON_FREE_SECONDS = 0.1
#: How often a waiting call looks again; a move of an environment is not told to it.
POLL_SECONDS = 0.005


class ThrottledError(Exception):
    """As many invocations run as reserved concurrency allows."""


@dataclass(eq=False)
class _Member:
    """One environment: who has it, what it was started from, whose it is."""

    environment: LocalLambda
    code_state: object
    tenant_id: str | None
    taken: bool = False


class Environments:
    """Give each call an environment of its own.

    `limit`: environments at a time; further calls wait. `reserved`: reserved concurrency; calls
    over it are refused with `ThrottledError`, 0 refuses all, None none. `watch`: start anew when
    the code has changed. `make` makes an environment. `calls` counts those that were not refused,
    `cold_starts` the environments made for them.
    """

    def __init__(
        self,
        function: Function,
        *,
        limit: int,
        reserved: int | None = None,
        watch: bool = False,
        make: Callable[[Function], LocalLambda],
    ) -> None:
        self.function = function
        self.calls = 0
        self.cold_starts = 0
        self._limit = limit
        self._reserved = reserved
        self._watch = watch
        self._make = make
        self._lock = threading.Lock()
        self._members: list[_Member] = []
        self._running = 0
        self._closed = False

    def __len__(self) -> int:
        return len(self._members)

    @contextlib.contextmanager
    def environment(self, tenant_id: str | None = None) -> Iterator[LocalLambda]:
        """Give an environment, which nobody else gets meanwhile.

        Raises `ThrottledError`, `SandboxError`, `OSError`.
        """
        with self._lock:
            if self._reserved is not None and self._running >= self._reserved:
                raise ThrottledError(self.function.name)
            self._running += 1
            self.calls += 1
        try:
            member = self._take(tenant_id)
            try:
                yield member.environment
            finally:
                member.taken = False
        finally:
            with self._lock:
                self._running -= 1

    def close(self) -> None:
        """Shut all environments down, at the same time; running invocations are ended."""
        with self._lock:
            self._closed = True
            members, self._members = self._members, []
        _close_all(members)

    def _take(self, tenant_id: str | None) -> _Member:
        state = code_state(self.function) if self._watch else None
        waits_until = time.monotonic() + SOON_FREE_SECONDS
        while True:
            with self._lock:
                if self._closed:
                    raise ThrottledError(self.function.name)
                retired = self._retire(state)
                member = self._free(tenant_id)
                finishing = any(not each.taken for each in self._members)
                patient = finishing and time.monotonic() < waits_until
                if member is None and not patient:
                    retired += self._make_room()
                    if len(self._members) < self._limit:
                        member = self._start(state, tenant_id)
                if member is not None:
                    member.taken = True
            _close_all(retired)
            if member is not None:
                return member
            time.sleep(POLL_SECONDS)

    def _free(self, tenant_id: str | None) -> _Member | None:
        """Return one that waits for an event; the one used last, as the service does."""
        for member in reversed(self._members):
            if not member.taken and member.tenant_id == tenant_id and member.environment.idle:
                self._members.remove(member)
                self._members.append(member)
                return member
        return None

    def _start(self, state: object, tenant_id: str | None) -> _Member:
        environment = self._make(self.function)
        environment.start()
        member = _Member(environment, state, tenant_id)
        self._members.append(member)
        self.cold_starts += 1
        return member

    def _retire(self, state: object) -> list[_Member]:
        """Take out what runs older code and is free; the caller ends it."""
        old = [m for m in self._members if m.code_state != state and not m.taken]
        self._members = [m for m in self._members if m not in old]
        return old

    def _make_room(self) -> list[_Member]:
        """At the limit, take out a free environment of another tenant, the one unused longest."""
        if len(self._members) < self._limit:
            return []
        for member in self._members:
            if not member.taken and member.environment.idle:
                self._members.remove(member)
                return [member]
        return []


def code_state(function: Function) -> Any:
    """Return something that differs when a file of the code or a layer has changed."""
    found = []
    for root in (function.code, *function.layers):
        for parent, folders, files in os.walk(root):
            folders[:] = [name for name in folders if name != "__pycache__"]
            for name in files:
                with contextlib.suppress(OSError):
                    status = os.stat(os.path.join(parent, name))  # noqa: PTH116, PTH118 - speed
                    found.append((parent, name, status.st_mtime_ns, status.st_size))
        if root.is_file():
            found.append((str(root), "", root.stat().st_mtime_ns, root.stat().st_size))
    return tuple(sorted(found))


def _close_all(members: list[_Member]) -> None:
    threads = [
        threading.Thread(target=member.environment.close, kwargs={"abort": True})
        for member in members
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
