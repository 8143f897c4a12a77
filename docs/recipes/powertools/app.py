"""A function that uses Powertools: its Logger as it is, and metrics that still reach CloudWatch."""

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

logger = Logger()
metrics = Metrics()


@logger.inject_lambda_context
@metrics.log_metrics
def handler(event, context):
    """Price an order."""
    logger.info("order received", extra={"order": event["order"], "items": event["items"]})
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
    try:
        return 100 / event["items"]
    except ZeroDivisionError:
        logger.exception("no price", extra={"order": event["order"]})
        return None
