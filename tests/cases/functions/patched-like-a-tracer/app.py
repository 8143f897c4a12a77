"""Trackers and tracers: one wraps ``Logger.callHandlers``, one ``makeRecord``, one ``handle``."""
import logging

seen = []
theirs = logging.Logger.callHandlers


def patched_callhandlers(self, record):
    try:
        return theirs(self, record)
    finally:
        seen.append(record.getMessage())


logging.Logger.callHandlers = patched_callhandlers
make = logging.Logger.makeRecord


def with_trace(self, *args, **kwargs):
    record = make(self, *args, **kwargs)
    record.dd_trace_id = "42"
    return record


logging.Logger.makeRecord = with_trace
log = logging.getLogger("shop")
log.setLevel(logging.INFO)


class Forward(logging.Handler):
    def emit(self, record):
        logging.getLogger("audit").handle(record)


logging.getLogger("forwarded").addHandler(Forward())
logging.getLogger("forwarded").propagate = False


def handler(event, context):
    log.info("order %d", event["n"])
    logging.getLogger("forwarded").warning("passed on")
    return seen[-2:]
