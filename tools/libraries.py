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
    "numpy": ("numpy==2.2.6; python_version < '3.11'", "numpy>=2.3; python_version >= '3.11'"),
    "pydantic": ("pydantic==2.14.4",),
    "orjson": ("orjson==3.13.0",),
    "gevent": ("gevent==26.9.0",),
    "eventlet": ("eventlet==0.41.3",),
    "gunicorn": ("gunicorn==27.0.1",),
    "uvicorn": ("uvicorn==0.54.0",),
    "celery": ("celery==5.7.0",),
    "trio": ("trio==0.35.0",),
    "durable": ("aws-durable-execution-sdk-python==3.0.0",),
    "lambda-sigterm": ("lambda-sigterm==0.1.2", "urllib3"),
    "fastapi": ("fastapi==0.165.0",),
    "starlette": ("starlette==1.10.0",),
    "flask": ("flask==3.1.3",),
    "django": ("django==5.2.19",),
    "click": ("click==8.5.1",),
    "tqdm": ("tqdm==4.70.1",),
    "rich": ("rich==15.0.0",),
    "uvloop": ("uvloop==0.23.0",),
    "chalice": ("chalice==1.34.0",),
    "json-logger": ("python-json-logger==4.2.0",),
    "sentry": ("sentry-sdk==2.75.0",),
    "datadog": ("datadog-lambda==8.130.0",),
}
