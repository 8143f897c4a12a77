"""A hook that masks, and everything that a function can say: nothing of it may pass unmasked."""
import json
import logging
import multiprocessing
import os
import sys

import firehose_logging

SECRET = "s3cr3t"


def redact(line):
    return json.loads(json.dumps(line).replace(SECRET, "***"))


firehose_logging.install(redact=redact)
log = logging.getLogger("shop")
log.setLevel(logging.INFO)
alone = logging.getLogger("alone")
alone.propagate = False
alone.setLevel(logging.INFO)
alone.addHandler(logging.StreamHandler(sys.stderr))


def child():
    log.info("child %s", SECRET)
    print("child prints", SECRET)


def handler(event, context):
    if event.get("fails"):
        raise ValueError("because of " + SECRET)
    log.info("record %s", SECRET, extra={"token": SECRET})
    alone.warning("alone %s", SECRET)
    try:
        {}[SECRET]
    except KeyError:
        log.exception("caught")
    print("print", SECRET)
    sys.stderr.write("stderr " + SECRET + "\n")
    sys.stdout.buffer.write(b"bytes " + SECRET.encode() + b"\n")
    sys.stdout.buffer.flush()
    print(json.dumps({"level": "INFO", "message": "json " + SECRET}))
    context.log("context " + SECRET + "\n")
    log.info("%s", "long " + SECRET + " x" * 600_000)
    process = multiprocessing.get_context("fork").Process(target=child)
    process.start()
    process.join()
    if os.fork() == 0:
        child()
        os._exit(0)
    os.wait()
    return "done"
