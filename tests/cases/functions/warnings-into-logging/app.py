"""``logging.captureWarnings``, a bad format with ``raiseExceptions`` off, adapters and stacklevel."""
import logging
import warnings

logging.captureWarnings(True)
logging.raiseExceptions = False
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
adapter = logging.LoggerAdapter(log, {"order": 7})


def helper(text):
    log.info(text, stacklevel=2)


def handler(event, context):
    warnings.warn("old way", DeprecationWarning)
    warnings.simplefilter("always")
    warnings.warn("still old", UserWarning)
    adapter.info("adapted %s", "text")
    helper("helped")
