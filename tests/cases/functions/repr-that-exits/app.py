"""Extras whose ``repr`` raises what ends a task, or a process."""
import logging, asyncio
log = logging.getLogger("user"); log.setLevel(20)
class Job:
    def __repr__(self): raise asyncio.CancelledError()     # BaseException; e.g. a lazy proxy of a cancelled task
    __str__ = __repr__
class Exit:
    def __repr__(self): raise SystemExit(1)
    __str__ = __repr__
def handler(event, context):
    log.info("started", extra={"job": Job() if event["n"] else Exit()})
    return "ok"
