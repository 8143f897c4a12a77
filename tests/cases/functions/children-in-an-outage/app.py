"""Three children, one after the other, that log a line each."""
import logging, multiprocessing, time
log = logging.getLogger("user"); log.setLevel(20)
def work(n): log.info("child %d", n)
def handler(event, context):
    t = time.monotonic()
    for n in range(3):
        p = multiprocessing.get_context("fork").Process(target=work, args=(n,))
        p.start(); p.join()
    return round(time.monotonic() - t, 2)
