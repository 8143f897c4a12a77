"""A durable function with AWS's SDK: a step, a wait, and lines in every way."""

import json
import logging
import os

from aws_durable_execution_sdk_python import DurableContext, durable_execution
from aws_durable_execution_sdk_python.config import Duration

log = logging.getLogger("shop")
logging.getLogger().setLevel(logging.INFO)


def state_of(update):
    """The operation that an update leads to."""
    known = {name: update[name] for name in ("Id", "Type", "Name", "SubType") if name in update}
    status = "STARTED" if update["Action"] == "START" else "SUCCEEDED"
    if update["Type"] == "STEP":
        known["StepDetails"] = {"Attempt": 1, "Result": update.get("Payload")}
    elif update["Type"] == "WAIT":
        known["WaitDetails"] = {}
    return {**known, "Status": status}


class Service:
    """Lambda's side: keeps what is checkpointed in a file, for the next invocation's event."""

    def checkpoint_durable_execution(self, **call):
        with open(os.path.join(os.environ["TMPDIR"], "updates.json"), "a") as file:
            file.writelines(json.dumps(update) + "\n" for update in call["Updates"])
        operations = [state_of(update) for update in call["Updates"]]
        return {
            "CheckpointToken": "secret-token-2",
            "NewExecutionState": {"Operations": operations},
        }


def price(step):
    step.logger.info("in the step")
    print("printed in the step")
    return 17


@durable_execution(boto3_client=Service())
def handler(event, context: DurableContext):
    """Runs from the top at each resume."""
    log.info("from the top")
    context.logger.info("said once")
    found = context.step(price, name="price")
    context.wait(Duration.from_seconds(60), name="until tomorrow")
    context.logger.info("after the wait")
    return {"price": found, "order": event["order"]}
