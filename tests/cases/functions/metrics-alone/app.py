"""Powertools metrics, which are lines of JSON on stdout that CloudWatch reads, alone let through."""
from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

log = Logger(service="shop")
metrics = Metrics(namespace="Shop", service="shop")


@metrics.log_metrics(capture_cold_start_metric=True)
def handler(event, context):
    metrics.add_metric(name="Orders", unit=MetricUnit.Count, value=1)
    log.info("order taken")
