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
from firehose_logging.formatter import JsonFormatter
from firehose_logging.settings import Settings

_bundle.have_all()

TYPE_CHECKING = False
if TYPE_CHECKING:
    from firehose_logging._delivery.result import FlushResult
    from firehose_logging._invocation import lambda_handler
    from firehose_logging.errors import FirehoseLoggingError, SettingsError
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

#: Names that a function which starts with the wrapper rarely asks for, and where they are.
_RARE = {
    "FirehoseHandler": "handler",
    "FirehoseLoggingError": "errors",
    "FlushResult": "_delivery.result",
    "SettingsError": "errors",
    "lambda_handler": "_invocation",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> object:
        """What is imported when it is asked for."""
        if name not in _RARE:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        _bundle.have(_RARE[name])
        module = __import__(f"{__name__}.{_RARE[name]}", fromlist=(name,))
        found = globals()[name] = getattr(module, name)
        return found
