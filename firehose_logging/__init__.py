"""A Lambda function's logs, straight to Amazon Data Firehose, from inside its process.

``handler``      the ``logging.Handler``                ``settings``  every variable
``formatter``    the line schema                        ``testing``   stand-ins for tests
``_bootstrap``   builds it all and starts it, once
``_delivery``    the sending thread: ``_batch``, ``_retry``, ``_ledger``, ``_transport``
``_extension``   the companion thread: ``_lifecycle``, ``_flush_policy``, ``_lambda_api``,
                 ``_listener``, ``_telemetry``
``_capture``, ``_runtime_hooks``, ``_shutdown``   what the wrapper and ``install`` hook

Importing this starts nothing and opens nothing.
"""

from __future__ import annotations

from firehose_logging._bootstrap import flush, install
from firehose_logging._delivery import FlushResult
from firehose_logging._invocation import lambda_handler
from firehose_logging.errors import FirehoseLoggingError, SettingsError
from firehose_logging.formatter import JsonFormatter
from firehose_logging.handler import FirehoseHandler
from firehose_logging.settings import Settings

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
