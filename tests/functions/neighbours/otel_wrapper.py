"""A handler in front of the function's own, as OpenTelemetry's Lambda layer has one.

The layer's wrapper script puts its name into _HANDLER and the function's into ORIG_HANDLER.
"""

from __future__ import annotations

import importlib
import logging
import os

from opentelemetry import trace
from opentelemetry.instrumentation.aws_lambda import AwsLambdaInstrumentor
from opentelemetry.instrumentation.botocore import BotocoreInstrumentor
from opentelemetry.instrumentation.logging import LoggingInstrumentor
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import ConsoleSpanExporter, SimpleSpanProcessor

logging.basicConfig(level=logging.INFO)
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(ConsoleSpanExporter()))
trace.set_tracer_provider(provider)
LoggingInstrumentor().instrument()
BotocoreInstrumentor().instrument()
AwsLambdaInstrumentor().instrument()

module, _, name = os.environ["ORIG_HANDLER"].rpartition(".")
lambda_handler = getattr(importlib.import_module(module), name)
