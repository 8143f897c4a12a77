"""A Lambda function's logs, straight to Amazon Data Firehose, from inside its process.

In the order of a line's journey:

``_capture``     what a function says: records, output, errors
``_line``        a line: its columns, its JSON text
``_delivery``    accepted lines until their end: batch, journal, back-off, ledger
``_firehose``    calls to Firehose
``_extension``   the companion thread: the environment's life, the platform's own events
``_process``     puts them together, once a process; ``_bootstrap`` holds it for the public names

Importing this starts nothing and opens nothing.
"""

from __future__ import annotations

from firehose_logging import _bundle

_bundle.use(__path__[0])

from firehose_logging._bootstrap import flush, install
from firehose_logging._delivery.result import FlushResult
from firehose_logging._invocation import lambda_handler
from firehose_logging.errors import FirehoseLoggingError, SettingsError
from firehose_logging.formatter import JsonFormatter
from firehose_logging.settings import Settings

_bundle.have_all()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging.handler import FirehoseHandler

__version__ = "0.1.0"

__all__ = [
    "FirehoseHandler",
    "FirehoseLoggingError",
    "FlushResult",
    "JsonFormatter",
    "Settings",
    "SettingsError",
    "flush",
    "install",
    "lambda_handler",
]


def __getattr__(name: str) -> type[FirehoseHandler]:
    """The handler's class when it is asked for: a function that has the wrapper needs none."""
    if name != "FirehoseHandler":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from firehose_logging.handler import FirehoseHandler

    globals()[name] = FirehoseHandler
    return FirehoseHandler
