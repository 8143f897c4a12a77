"""A hook that prints and logs, where the platform brings the function's own lines."""
import logging

import firehose_logging

log = logging.getLogger("shop")
log.setLevel(logging.INFO)


def redact(line):
    print("hook saw", line.get("message"))
    log.info("hook logs %s", line.get("message"))
    return line


firehose_logging.install(redact=redact)


def handler(event, context):
    print("an order", event["n"])
