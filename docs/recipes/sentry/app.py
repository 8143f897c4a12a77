"""A function whose errors go to Sentry, and whose lines, errors included, go to Firehose."""

import logging
import os

import sentry_sdk
from sentry_sdk.integrations.aws_lambda import AwsLambdaIntegration

sentry_sdk.init(dsn=os.environ["SENTRY_DSN"], integrations=[AwsLambdaIntegration()])
logger = logging.getLogger("shop")
logger.setLevel("INFO")


def handler(event, context):
    """Price an order."""
    logger.info("order received", extra={"order": event["order"], "items": event["items"]})
    return 100 / event["items"]
