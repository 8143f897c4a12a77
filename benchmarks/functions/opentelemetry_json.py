"""OpenTelemetry's logs SDK: OTLP as JSON over HTTP, without protobuf."""

from opentelemetry.exporter.otlp.json.http._log_exporter import OTLPLogExporter
from opentelemetry_sdk import handler_with

handler = handler_with(OTLPLogExporter())
