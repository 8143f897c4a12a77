"""Output below Python, and beside it what Python writes itself."""

import logging
import os
import subprocess
import sys
import time

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
out = logging.StreamHandler()
log.addHandler(out)


def handler(event, context):
    """Say something in every way."""
    n = event["n"]
    os.write(1, b"written %d\n" % n)
    subprocess.run(["sh", "-c", f"echo child {n}; echo error of child {n} >&2"], check=True)
    subprocess.run(["echo", f"given {n}"], check=True, stdout=sys.stdout)
    print("printed", n)
    print("printed to stderr", n, file=sys.stderr)
    log.info("logged %d", n)
    os.write(1, b"without an end %d" % n)
    if event.get("wait"):
        os.write(1, b"\n")
        time.sleep(10)
    return n
