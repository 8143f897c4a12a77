"""Once an hour: losses, failed invocations and cold starts of the hour before, as metrics.

The function of table.yaml and template.yaml with TableMetrics=true, which hold this text.
An hour is one partition of the table, the hour of arrival: each line is counted in one hour.
"""

from __future__ import annotations

import datetime as dt
import os
import time
from typing import Any

import boto3

athena = boto3.client("athena")
cloudwatch = boto3.client("cloudwatch")
#: One metric for each column of the answer, in its order.
METRICS = ("LostLines", "FailedInvocations", "ColdStarts")
#: Milliseconds before the function's own end at which a query is given up.
RESERVE = 5000


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Run the query, and put one value a metric; what fails is an error of this function."""
    now = dt.datetime.fromisoformat(event["time"].replace("Z", "+00:00"))
    hour = (now - dt.timedelta(hours=1)).strftime("%Y/%m/%d/%H")
    values = dict(zip(METRICS, answer(os.environ["QUERY"].format(hour=hour), context), strict=True))
    dimensions = [{"Name": "Database", "Value": os.environ["DATABASE"]}]
    cloudwatch.put_metric_data(
        Namespace="firehose-logging",
        MetricData=[
            {"MetricName": name, "Dimensions": dimensions, "Value": value, "Unit": "Count"}
            for name, value in values.items()
        ],
    )
    return {"hour": hour, **values}


def answer(query: str, context: Any) -> list[float]:
    """The numbers of the one row that Athena answers with."""
    workgroup = os.environ["WORKGROUP"]
    started = athena.start_query_execution(QueryString=query, WorkGroup=workgroup)
    query_id = started["QueryExecutionId"]
    while True:
        found = athena.get_query_execution(QueryExecutionId=query_id)
        status = found["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            break
        if status["State"] in ("FAILED", "CANCELLED"):
            raise RuntimeError(f"{status['State']}: {status.get('StateChangeReason')}")
        if context.get_remaining_time_in_millis() < RESERVE:
            athena.stop_query_execution(QueryExecutionId=query_id)
            raise TimeoutError(f"query {query_id} takes too long; it was stopped")
        time.sleep(0.5)
    rows = athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]["Rows"]
    # The first row holds the names of the columns.
    return [float(one["VarCharValue"]) for one in rows[1]["Data"]]
