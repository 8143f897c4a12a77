"""``sys.exit()`` in the handler: the runtime ends."""
import logging
import sys

logging.getLogger().setLevel(logging.INFO)


def handler(event, context):
    logging.info("before the exit")
    print("printed before")
    sys.exit(3)
