"""A leak: no descriptor is left when an error is logged, nor when the invocation ends."""

import decimal
import logging
import os
import resource
import traceback

logging.getLogger().setLevel(logging.INFO)
resource.setrlimit(resource.RLIMIT_NOFILE, (96, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
leaked = []
try:
    os.dup(-1)
except OSError:
    traceback.format_exc()  # for the first one Python 3.13 and 3.15 import modules, without us too


def leak():
    while True:
        leaked.append(os.dup(2))


def handler(event, context):
    if event["leaks"]:
        logging.info("begins")
        try:
            leak()
        except OSError:
            logging.exception("no descriptor", extra={"price": decimal.Decimal("12.50")})
    else:
        while leaked:
            os.close(leaked.pop())
        logging.info("mended")
    return len(leaked) > 0
