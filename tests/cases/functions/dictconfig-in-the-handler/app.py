"""A configuration that disables every logger that is there, made anew in each invocation."""
import logging
import logging.config

before = logging.getLogger("before")
before.setLevel(logging.INFO)
CONFIG = {
    "version": 1,
    "disable_existing_loggers": True,
    "formatters": {"short": {"format": "%(levelname).1s %(name)s: %(message)s"}},
    "handlers": {"out": {"class": "logging.StreamHandler", "stream": "ext://sys.stdout", "formatter": "short"}},
    "loggers": {"shop": {"level": "INFO", "handlers": ["out"], "propagate": False}},
    "root": {"level": "WARNING", "handlers": ["out"]},
}


def handler(event, context):
    before.info("not disabled yet")
    logging.config.dictConfig(CONFIG)
    before.info("disabled")
    logging.getLogger("shop").info("order", extra={"order": 7})
    logging.getLogger("other").warning("to the root")
