"""OpenTelemetry's logs SDK: OTLP over HTTP, in protobuf."""

from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry_sdk import handler_with

handler = handler_with(OTLPLogExporter())
