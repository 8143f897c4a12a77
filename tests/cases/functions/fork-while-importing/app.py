"""A child that imports botocore, forked while a burst of lines is delivered."""
import os, logging, multiprocessing, time
log = logging.getLogger("user"); log.setLevel(20)
def work(q):
    import botocore.session                      # what the child is for
    q.put(botocore.session.Session().create_client("s3", region_name="us-east-1") is not None)
def handler(event, context):
    log.info("x" * 3000)
    if event.get("burst"):
        for _ in range(800): log.info("x" * 3000)     # half a buffer: the delivery thread starts now
    time.sleep(event["wait"])
    ctx = multiprocessing.get_context("fork"); q = ctx.Queue()
    p = ctx.Process(target=work, args=(q,)); p.start(); p.join(8)
    if p.is_alive():
        p.kill(); p.join(); return "child hangs"
    return "child done"
