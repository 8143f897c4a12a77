"""OpenTelemetry's logs SDK with a batch processor; a flush after each invocation."""

import logging

import probe
from opentelemetry.sdk._logs import LoggerProvider, LoggingHandler
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor


def handler_with(exporter):
    """The function, whose lines go to an exporter."""
    provider = LoggerProvider()
    provider.add_log_record_processor(BatchLogRecordProcessor(exporter))
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.addHandler(LoggingHandler(logger_provider=provider))

    def handler(event, context):
        """Log the usual lines and answer."""
        for number in range(event.get("lines", 3)):
            logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
        answer = probe.read()
        provider.force_flush()
        return answer

    return handler
