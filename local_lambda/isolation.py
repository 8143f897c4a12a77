"""Whether an environment gets namespaces of its own, and what to say where it cannot."""

from __future__ import annotations

from . import namespaces

ISOLATIONS = ("auto", "namespaces", "none")
NETWORKS = ("host", "own")
#: What to do about a file of this machine that an isolated environment does not see.
SHOW_IT = "this machine's own /tmp and /opt are hidden in the sandbox: --visible PATH shows a file"
#: What a machine without namespaces needs for the names under which extensions listen.
HOSTS_LINE = "127.0.0.1 sandbox.localdomain sandbox"


class SandboxError(Exception):
    """The function cannot be started as configured; the message says what to change."""


def choose(isolation: str, network: str) -> tuple[str, str | None]:
    """Return "namespaces" or "none", and why not; raise `ValueError`, `SandboxError`.

    What was asked for by name and cannot be had is a `SandboxError`; "auto" goes without.
    """
    if isolation not in ISOLATIONS:
        raise ValueError(f"isolation={isolation!r}: use one of {', '.join(ISOLATIONS)}")
    if network not in NETWORKS:
        raise ValueError(f"network={network!r}: use one of {', '.join(NETWORKS)}")
    if isolation == "none":
        if network == "own":
            raise ValueError("network='own': it needs isolation='auto' or 'namespaces'")
        return "none", None
    reason = namespaces.why_not(network=network == "own")
    if reason is None:
        return "namespaces", None
    if isolation == "namespaces" or network == "own":
        raise SandboxError(f"this machine gives no namespaces: {reason}")
    return "none", reason


def advice(reason: str) -> str:
    """Return what to tell a user whose environment is not isolated."""
    return (
        f"no namespaces here ({reason}): /opt, /var/task and /tmp are folders elsewhere, and "
        "processes that leave their group are neither frozen nor ended. For extensions that "
        f"listen on sandbox.localdomain add the line '{HOSTS_LINE}' to /etc/hosts"
    )
