"""Faults by name, for the command line."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from .fault import Fault

if TYPE_CHECKING:
    from collections.abc import Callable

#: Faults that need nothing but their name.
BY_NAME: dict[str, Callable[[], Fault]] = {
    "throttling": Fault.throttling,
    "unavailable": Fault.unavailable,
    "internal-failure": Fault.internal_failure,
    "expired-token": Fault.expired_token,
    "access-denied": Fault.access_denied,
    "not-found": Fault.not_found,
    "invalid-argument": Fault.invalid_argument,
    "invalid-source": Fault.invalid_source,
    "invalid-kms-resource": Fault.invalid_kms_resource,
    "too-large": Fault.too_large,
    "not-json": Fault.not_json,
    "reset-before-body": Fault.reset_before_body,
    "reset-after-body": Fault.reset_after_body,
    "hang": Fault.hang,
    "black-hole": Fault.black_hole,
    "refuse": Fault.refuse,
    "truncated": Fault.truncated,
    "close-connection": Fault.close_connection,
}
#: Faults that take a number: share of records, HTTP status, milliseconds, milliseconds.
BY_NAME_WITH_NUMBER: dict[str, Callable[[float], Fault]] = {
    "partial": Fault.partial,
    "http": lambda status: Fault.http(int(status)),
    "latency": Fault.latency,
    "drip": Fault.drip,
}


def parse(text: str) -> Fault:
    """Return the fault of a text such as `partial:0.5*3` (name, number, times).

    Raises:
        ValueError: no such fault, or a number is missing, superfluous or malformed.
    """
    head, _, times = text.partition("*")
    name, colon, number = head.partition(":")
    try:
        if name in BY_NAME_WITH_NUMBER and colon:
            fault = BY_NAME_WITH_NUMBER[name](float(number))
        elif name in BY_NAME and not colon:
            fault = BY_NAME[name]()
        else:
            plain, numbered = ", ".join(BY_NAME), ":N, ".join(BY_NAME_WITH_NUMBER)
            raise ValueError(f"known faults are {plain}, {numbered}:N")
        return replace(fault, times=int(times)) if times else fault
    except ValueError as error:
        raise ValueError(f"fault {text!r}: {error}") from None
