"""gevent's monkey patching at the top of the module, then ``install()``, as with gevent-based clients."""
from gevent import monkey

monkey.patch_all()
import logging
import time

import firehose_logging

firehose_logging.install()

import gevent

log = logging.getLogger("shop")
log.setLevel(logging.INFO)


def work(n):
    time.sleep(0.01)
    log.info("worker %d", n)
    return n


def handler(event, context):
    jobs = [gevent.spawn(work, n) for n in range(3)]
    gevent.joinall(jobs)
    print("done")
    return [job.value for job in jobs]
