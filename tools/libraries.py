"""The libraries beside which the package is tested, pinned."""

from __future__ import annotations

REQUIREMENTS = {
    "powertools": ("aws-lambda-powertools==3.37.0",),
    "structlog": ("structlog==26.1.0",),
    "loguru": ("loguru==0.7.3",),
    "xray": ("aws-xray-sdk==2.15.0",),
    "opentelemetry": (
        "opentelemetry-instrumentation-aws-lambda==0.66b1",
        "opentelemetry-instrumentation-botocore==0.66b1",
        "opentelemetry-instrumentation-logging==0.66b1",
        "opentelemetry-sdk==1.45.1",
    ),
    "datadog": ("datadog-lambda==8.130.0",),
}
