"""A function with OpenTelemetry: its lines have the ids of the span that they were logged in."""

import logging

from opentelemetry import trace
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk.trace import TracerProvider

trace.set_tracer_provider(TracerProvider())  # and your exporter
LoggingInstrumentor().instrument(inject_trace_context=True)
tracer = trace.get_tracer("shop")
logger = logging.getLogger("shop")
logger.setLevel("INFO")


def handler(event, context):
    """Price an order, in a span."""
    with tracer.start_as_current_span("price"):
        logger.info("order received", extra={"order": event["order"], "items": event["items"]})
        try:
            return 100 / event["items"]
        except ZeroDivisionError:
            logger.exception("no price", extra={"order": event["order"]})
            return None
