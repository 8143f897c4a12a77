"""How long the platform waits, and for whom."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace


@dataclass(frozen=True)
class Budgets:
    """The platform's time limits.

    Seconds for `init` and `restore`, milliseconds where the name ends in `_ms`.
    `init`: first Init on demand, 10 s (developer guide, execution environment); `restore`: of a
    snapshot, after-restore hooks included, 10 s (developer guide, SnapStart runtime hooks).
    `internal_ms`: whole shutdown with internal extensions only, `external_ms`: with any external
    one; without an extension it is 0: SIGKILL at once (same page). `runtime_share_ms`: the
    runtime's part of `external_ms` without an internal extension, 300 ms; with one it is
    `internal_ms` (AWS sample graceful-shutdown-with-aws-lambda). `init_error_ms`: how long a
    runtime that has reported an init error may take to exit by itself; the service's figure is not
    known, ours is 500.
    """

    init: float = 10.0
    internal_ms: int = 500
    external_ms: int = 2_000
    runtime_share_ms: int = 300
    init_error_ms: int = 500
    restore: float = 10.0

    def __post_init__(self) -> None:
        """Refuse what is no duration."""
        for field in fields(self):
            value = getattr(self, field.name)
            if isinstance(value, bool) or not isinstance(value, (int, float)) or value < 0:
                raise ValueError(f"{field.name}={value!r}: use a number of 0 or more")

    def shutdown(self, *, internal: bool, external: bool) -> tuple[float, float]:
        """Return seconds for the whole shutdown and the runtime's part of them."""
        if external:
            share = self.internal_ms if internal else self.runtime_share_ms
            return self.external_ms / 1000, min(share, self.external_ms) / 1000
        if internal:
            return self.internal_ms / 1000, self.internal_ms / 1000
        return 0.0, 0.0


def with_shutdown_ms(budgets: Budgets, shutdown_ms: int | None) -> Budgets:
    """Return budgets whose whole shutdown takes `shutdown_ms`; None changes nothing.

    Raises `ValueError`.
    """
    if shutdown_ms is None:
        return budgets
    if shutdown_ms < 0:
        raise ValueError(f"shutdown_ms={shutdown_ms!r}: use milliseconds, 0 or more")
    return replace(
        budgets,
        internal_ms=shutdown_ms,
        external_ms=shutdown_ms,
        runtime_share_ms=min(budgets.runtime_share_ms, shutdown_ms),
    )
