"""How an environment's process ends."""

from __future__ import annotations

#: While nothing runs: SIGTERM, 500 ms, SIGKILL.
IDLE = "SIGTERM idle"

#: Inside of an invocation, by what the function does.
IN_INVOCATION = ("timeout", "sys.exit", "os._exit", "SIGKILL", "segfault")

#: The process lives on after it, and ends idle.
RAISE = "raise"

ENDS = (IDLE, *IN_INVOCATION, RAISE)

#: While a call to Firehose is under way that will never be answered: SIGTERM at once, or after the
#: environment was frozen in it.
HUNG, FROZEN = "hung call", "frozen call"

#: Seconds of the invocation that times out.
TIMEOUT = 1.2
