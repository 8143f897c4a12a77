"""``flush()`` from a signal handler that comes while the function logs."""
import os, logging, signal, time, sys
log = logging.getLogger("user"); log.setLevel(20)
calls, fired = [], 0
def on_alarm(n, f):
    global fired; fired += 1
    import firehose_logging
    t = time.monotonic(); r = firehose_logging.flush(*([2.0] if os.environ.get("LIMIT") else []))       # a handler that wants its lines out
    calls.append((round(time.monotonic() - t, 2), r.pending))
signal.signal(signal.SIGALRM, on_alarm)
def handler(event, context):
    end = time.monotonic() + 15
    n = 0
    while len(calls) < 60 and time.monotonic() < end:
        signal.setitimer(signal.ITIMER_REAL, 0.01)
        before = fired
        while fired == before and time.monotonic() < end: log.info("line"); n += 1
    return {"worst": sorted(calls)[-6:], "calls": len(calls), "lines": n}
