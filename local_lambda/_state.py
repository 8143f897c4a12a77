"""Legal moves of a runtime, an extension and an environment, as tables.

Two rules: every move of a runtime or an extension is looked up here, and this file does no I/O
and holds no lock. Sources: the Runtime and Extensions API reference of the AWS Lambda developer
guide, and `core/states.go` of the aws-lambda-runtime-interface-emulator for refused moves.
"""

from __future__ import annotations

import enum


class Phase(enum.Enum):
    """What the environment as a whole is doing."""

    NEW = "new"  # nothing was started yet
    INIT = "init"
    SNAPSHOT = "snapshot"  # SnapStart: initialised, and nothing runs
    IDLE = "idle"  # runtime and extensions wait for an event; may be frozen
    INVOKE = "invoke"
    RESET = "reset"
    BROKEN = "broken"  # processes are gone; the next invocation does a suppressed init
    SHUTDOWN = "shutdown"
    CLOSED = "closed"


class RuntimeState(enum.Enum):
    """Where the runtime stands, as the Runtime API sees it."""

    STARTED = "Started"
    READY = "Ready"  # waits in /invocation/next
    RUNNING = "InvocationRunning"
    RESPONDING = "InvocationResponse"  # streams its answer
    RESPONDED = "ResponseSent"  # answered, has not asked for next yet
    INIT_ERROR = "InitError"


class ExtensionState(enum.Enum):
    """Where one extension stands, as the Extensions API sees it."""

    STARTED = "Started"  # an external extension whose process runs
    REGISTERED = "Registered"
    READY = "Ready"  # waits in /event/next
    RUNNING = "Running"
    INIT_ERROR = "InitError"
    EXIT_ERROR = "ExitError"
    EXITED = "Exited"
    LAUNCH_ERROR = "LaunchError"


RUNTIME_MOVES: dict[tuple[RuntimeState, str], RuntimeState] = {
    (RuntimeState.STARTED, "next"): RuntimeState.READY,
    (RuntimeState.STARTED, "init/error"): RuntimeState.INIT_ERROR,
    (RuntimeState.READY, "event"): RuntimeState.RUNNING,
    (RuntimeState.RUNNING, "response"): RuntimeState.RESPONDED,
    (RuntimeState.RUNNING, "stream"): RuntimeState.RESPONDING,
    (RuntimeState.RESPONDING, "response"): RuntimeState.RESPONDED,
    (RuntimeState.RUNNING, "error"): RuntimeState.RESPONDED,
    (RuntimeState.RESPONDED, "next"): RuntimeState.READY,
}

EXTENSION_MOVES: dict[tuple[ExtensionState, str], ExtensionState] = {
    (ExtensionState.STARTED, "register"): ExtensionState.REGISTERED,
    (ExtensionState.REGISTERED, "next"): ExtensionState.READY,
    (ExtensionState.REGISTERED, "init/error"): ExtensionState.INIT_ERROR,
    (ExtensionState.REGISTERED, "exit/error"): ExtensionState.EXIT_ERROR,
    (ExtensionState.READY, "event"): ExtensionState.RUNNING,
    (ExtensionState.READY, "exit/error"): ExtensionState.EXIT_ERROR,
    (ExtensionState.RUNNING, "next"): ExtensionState.READY,
    (ExtensionState.RUNNING, "exit/error"): ExtensionState.EXIT_ERROR,
}

#: What a refused call would have led to; the service names it in its error message.
MOVE_TARGETS = {
    "register": ExtensionState.REGISTERED.value,
    "next": ExtensionState.READY.value,
    "init/error": ExtensionState.INIT_ERROR.value,
    "exit/error": ExtensionState.EXIT_ERROR.value,
    "response": "InvocationResponse",
    "stream": "InvocationResponse",
    "error": "InvocationErrorResponse",
}


class IllegalMoveError(Exception):
    """A call that the present state does not allow."""


def move_runtime(state: RuntimeState, call: str) -> RuntimeState:
    """Return the state after `call`, or raise `IllegalMoveError`."""
    try:
        return RUNTIME_MOVES[state, call]
    except KeyError:
        raise IllegalMoveError(refusal(state.value, call, "runtime")) from None


def move_extension(state: ExtensionState, call: str, name: str) -> ExtensionState:
    """Return the state of extension `name` after `call`, or raise `IllegalMoveError`."""
    try:
        return EXTENSION_MOVES[state, call]
    except KeyError:
        raise IllegalMoveError(refusal(state.value, call, f"extension {name}")) from None


def refusal(state: str, call: str, who: str) -> str:
    """Return the words in which the platform refuses `call` to `who` in `state`."""
    return (
        f"State transition from {state} to {MOVE_TARGETS.get(call, call)} failed for {who}. "
        "Error: State transition is not allowed"
    )
