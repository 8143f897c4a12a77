"""The same few lines through a library, by the variable ``LIBRARY``.

What each says: INFO "order taken" with the extra ``order``, WARNING "running low", ERROR "could not
divide" with the exception where the library has one; those that only print say "order taken" alone.
"""

import logging
import os
import sys

LIBRARY = os.environ["LIBRARY"]


def divide(log):
    try:
        return 1 / 0
    except ZeroDivisionError:
        return log("could not divide")


def with_logging(log):
    log.info("order taken", extra={"order": 17})
    log.warning("running low")
    divide(log.exception)


def plain():
    log = logging.getLogger("shop")
    log.setLevel(logging.INFO)
    return log


if LIBRARY == "powertools":
    from aws_lambda_powertools import Logger

    logger = Logger(service="shop")
    say = lambda: with_logging(logger)  # noqa: E731
elif LIBRARY == "structlog":
    import structlog

    structlog.configure(
        processors=[
            structlog.stdlib.add_log_level,
            structlog.processors.format_exc_info,
            structlog.processors.JSONRenderer(),
        ]
    )
    logger = structlog.get_logger()

    def say():
        logger.info("order taken", order=17)
        logger.warning("running low")
        divide(logger.exception)
elif LIBRARY == "loguru":
    from loguru import logger

    logger.remove()
    logger.add(sys.stdout, serialize=True)

    def say():
        logger.bind(order=17).info("order taken")
        logger.warning("running low")
        divide(logger.exception)
elif LIBRARY == "chalice":
    from chalice import Chalice

    app = Chalice(app_name="shop")
    app.log.setLevel(logging.INFO)
    say = lambda: with_logging(app.log)  # noqa: E731
elif LIBRARY == "json-logger":
    from pythonjsonlogger.json import JsonFormatter

    out = logging.StreamHandler(sys.stdout)
    out.setFormatter(JsonFormatter("%(levelname)s %(name)s %(message)s"))
    logger = plain()
    logger.addHandler(out)
    say = lambda: with_logging(logger)  # noqa: E731
elif LIBRARY == "sentry":
    import sentry_sdk
    from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

    class Nowhere(sentry_sdk.Transport):
        def capture_envelope(self, envelope):
            """What goes to Sentry itself is not looked at."""

    sentry_sdk.init(
        "http://key@127.0.0.1:9/1", transport=Nowhere, integrations=[AwsLambdaIntegration()]
    )
    logger = plain()
    say = lambda: with_logging(logger)  # noqa: E731
elif LIBRARY == "click":
    import click

    say = lambda: click.echo("order taken")  # noqa: E731
elif LIBRARY == "tqdm":
    import tqdm

    say = lambda: tqdm.tqdm.write("order taken", file=sys.stdout)  # noqa: E731
elif LIBRARY == "rich":
    from rich.console import Console

    say = lambda: Console(width=200).print("order taken")  # noqa: E731
elif LIBRARY == "trio":
    import trio

    async def main():
        await trio.lowlevel.checkpoint()
        with_logging(plain())

    say = lambda: trio.run(main)  # noqa: E731
elif LIBRARY == "uvloop":
    import asyncio

    import uvloop

    async def main():
        await asyncio.sleep(0)
        with_logging(plain())

    def say():
        loop = uvloop.new_event_loop()  # asyncio.Runner came with Python 3.11
        try:
            loop.run_until_complete(main())
        finally:
            loop.close()
elif LIBRARY == "gevent":
    from gevent import monkey

    monkey.patch_all()
    import gevent

    say = lambda: gevent.spawn(with_logging, plain()).join()  # noqa: E731
elif LIBRARY == "eventlet":
    import warnings

    warnings.simplefilter("ignore")
    import eventlet

    eventlet.monkey_patch()
    say = lambda: eventlet.spawn(with_logging, plain()).wait()  # noqa: E731


def handler(event, context):
    say()
    return "done"
