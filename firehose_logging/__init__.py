"""A Lambda function's logs, straight to Amazon Data Firehose, from inside its process.

``handler``      the ``logging.Handler``                ``settings``  every variable
``formatter``    the line schema                        ``testing``   stand-ins for tests
``_bootstrap``   the one instance of ``_process``, which puts it all together
``_delivery``    the sending thread: ``_intake``, ``_batch``, ``_booking``, ``_retry``, ``_ledger``,
                 ``_losses``, ``_crash_journal``, ``_transport``
``_extension``   the companion thread: ``_lifecycle``, ``_flush_policy``, ``_lambda_api``,
                 ``_subscription``, ``_listener``, ``_telemetry``
``_capture``, ``_runtime_hooks``, ``_shutdown``   what the wrapper and ``install`` hook

Importing this starts nothing and opens nothing.
"""

from __future__ import annotations

from firehose_logging._bootstrap import flush, install
from firehose_logging._delivery.result import FlushResult
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
