"""What mypy and pyright make of the public names: `make types` reads this, nothing runs it.

Each ``type: ignore`` is a mistake that a checker must find: both report one that is not needed.
"""

from __future__ import annotations

import logging
from typing import Any

from typing_extensions import assert_type

import firehose_logging
from firehose_logging import (
    FirehoseHandler,
    FirehoseLoggingError,
    FlushResult,
    JsonFormatter,
    Settings,
    SettingsError,
    flush,
    install,
    lambda_handler,
)

assert_type(firehose_logging.__version__, str)


# -- the handler ---------------------------------------------------------------------------------


def redact(line: dict[str, Any]) -> dict[str, Any] | None:
    """As users write it."""
    return None if line["logger"] == "noise" else line


handler = FirehoseHandler("logs", level=logging.INFO, redact=redact)
assert_type(handler, FirehoseHandler)
FirehoseHandler(settings=Settings(stream_name="logs"), client=object())
FirehoseHandler(level="INFO")
handler.setFormatter(JsonFormatter())
handler.setFormatter(logging.Formatter("%(message)s"))
logging.getLogger().addHandler(handler)

FirehoseHandler(1)  # type: ignore[arg-type]
FirehoseHandler("logs", logging.INFO)  # type: ignore[call-arg]
FirehoseHandler(redact=len)  # type: ignore[arg-type]
FirehoseHandler(steam_name="logs")  # type: ignore[call-arg]


# -- settings ------------------------------------------------------------------------------------

settings = Settings(stream_name="logs", interval=5, flush="end", capture=["logging", "errors"])
Settings(
    passthrough=["metrics"], levels={"botocore": "WARNING"}, fields={"env": "prod"}, journal=False
)
assert_type(settings, Settings)
assert_type(Settings.from_env(), Settings)

Settings(interval="5")  # type: ignore[arg-type]
Settings(no_such_setting=1)  # type: ignore[call-arg]

error: Exception = SettingsError("wrong")
base: FirehoseLoggingError = SettingsError("wrong")


# -- install and flush ---------------------------------------------------------------------------

install()
install(settings, redact=redact)
install({"stream_name": "logs"})  # type: ignore[arg-type]

result = flush(1.5)
assert_type(result, FlushResult)
assert_type(flush(), FlushResult)
assert_type(result.delivered, int)
assert_type(result.pending, int)
assert_type(bool(result), bool)
flush("soon")  # type: ignore[arg-type]


# -- the decorator keeps the function's type -----------------------------------------------------


@lambda_handler
def handle(event: dict[str, Any], context: object) -> int:
    """A function's handler."""
    return len(event)


assert_type(handle({}, None), int)
handle("event", None)  # type: ignore[arg-type]
