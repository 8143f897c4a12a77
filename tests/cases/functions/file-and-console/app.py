"""A rotating file in /tmp, a console at another level, faulthandler, and a huge line."""
import faulthandler
import logging
import logging.handlers
import os
import sys
import tempfile

path = os.path.join(tempfile.mkdtemp(), "app.log")
file = logging.handlers.RotatingFileHandler(path, maxBytes=200, backupCount=2)
console = logging.StreamHandler()
console.setLevel(logging.ERROR)
log = logging.getLogger("shop")
log.setLevel(logging.DEBUG)
log.propagate = False
log.addHandler(file)
log.addHandler(console)
faulthandler.enable()


def handler(event, context):
    for n in range(10):
        log.debug("into the file %d", n)
    log.error("both")
    logging.getLogger("quiet").debug("nobody")
    print("=" * 3_000_000)
    return sorted(os.listdir(os.path.dirname(path)))
