"""An app with one function that sends its logs; `cdk synth` shows what it deploys."""

from __future__ import annotations

import os

from aws_cdk import App, Stack
from aws_cdk import aws_lambda as lambda_
from firehose_logs import FirehoseLogs

app = App()
stack = Stack(app, "Orders")
logs = FirehoseLogs(stack, "Logs", layer_zip=os.environ.get("LAYER_ZIP", "firehose-logging.zip"))
orders = lambda_.Function(
    stack,
    "Function",
    runtime=lambda_.Runtime.PYTHON_3_13,
    handler="app.handler",
    code=lambda_.Code.from_asset(os.environ.get("FUNCTION", "function")),
    # What the safety net needs: of Lambda's own lines the warnings only.
    logging_format=lambda_.LoggingFormat.JSON,
    system_log_level_v2=lambda_.SystemLogLevel.WARN,
)
logs.send_from(orders)
app.synth()
