"""eventlet's monkey patching at the top of the module, then ``install()``."""
import warnings

warnings.simplefilter("ignore")
import eventlet

eventlet.monkey_patch()
import logging
import time

import firehose_logging

firehose_logging.install()

log = logging.getLogger("shop")
log.setLevel(logging.INFO)


def work(n):
    time.sleep(0.01)
    log.info("worker %d", n)
    return n


def handler(event, context):
    jobs = [eventlet.spawn(work, n) for n in range(3)]
    values = [job.wait() for job in jobs]
    print("done")
    return values
