"""Settings in code, in a function that also has the wrapper."""
import logging

import firehose_logging
from firehose_logging import Settings

log = logging.getLogger("shop")
log.setLevel(logging.DEBUG)
log.info("before", extra={"order": 1})
firehose_logging.install(
    Settings(
        fields={"service": "shop"},
        schema="fixed",
        level="WARNING",
        levels={"noisy": "ERROR"},
        passthrough=False,
        flush="end",
        interval=3,
        stream_name="another",
        compression="gzip",
    )
)
firehose_logging.install()


def handler(event, context):
    log.info("too low")
    log.warning("after", extra={"order": 2})
    logging.getLogger("noisy").warning("no")
    print("printed")
