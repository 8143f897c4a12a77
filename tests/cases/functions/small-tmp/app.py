"""Much is logged, and a file is written to a small /tmp."""
import logging, os
log = logging.getLogger("user"); log.setLevel(20)
def handler(event, context):
    for n in range(event["lines"]): log.info("line %d %s", event["first"] + n, "x" * 2000)
    if event.get("write"):
        open(os.environ["TMPDIR"] + "/mine.bin", "wb").write(b"x" * 300_000)
