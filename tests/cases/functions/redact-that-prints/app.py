"""A hook that says something about the line that it masks."""
import logging, os, firehose_logging, time
log = logging.getLogger("user"); log.setLevel(20)
def redact(line):
    if "card" in str(line["message"]):
        if os.environ["HOW"] == "log": log.info("masked a card line")
        else: print("masked a card line")
        line["message"] = "masked"
    return line
firehose_logging.install(redact=redact)
def handler(event, context):
    t = time.monotonic()
    log.info("card 4111")
    return round((time.monotonic() - t) * 1000, 1)
