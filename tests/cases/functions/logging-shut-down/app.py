"""``logging.shutdown()`` at the end of each invocation, as scripts do."""
import logging
import sys

out = logging.StreamHandler(sys.stdout)
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
log.addHandler(out)


def handler(event, context):
    log.info("line %d", event["n"])
    print("printed", event["n"])
    logging.shutdown()
