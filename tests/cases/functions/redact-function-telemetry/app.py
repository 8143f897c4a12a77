"""A hook that masks, where the platform brings the function's own lines."""
import logging

import firehose_logging


def redact(line):
    if "message" in line:
        line["message"] = str(line["message"]).replace("s3cr3t", "***")
    if "record" in line:
        line["record"] = {**line["record"], "message": "masked"}
    return line


firehose_logging.install(redact=redact)


def handler(event, context):
    logging.getLogger("shop").warning("record s3cr3t")
    print("print s3cr3t")
