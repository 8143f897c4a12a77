"""A leak: no descriptor is left when an error is logged, nor when the invocation ends."""

import decimal
import logging
import os
import resource
import traceback

logging.getLogger().setLevel(logging.INFO)
resource.setrlimit(resource.RLIMIT_NOFILE, (96, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
traceback.format_stack()  # for the first one some Pythons import modules, from 3.13 on
leaked = []


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
