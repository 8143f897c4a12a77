"""A graceful stop by asyncio, which gives SIGTERM back to the system when its loop closes."""
import asyncio, logging, signal
log = logging.getLogger("user"); log.setLevel(20)


def handler(event, context):
    async def main():
        stop = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stop.set)   # the usual graceful-stop recipe
        log.info("in loop %s", event["n"])
    if event.get("loop"):
        asyncio.run(main())
    log.info("after %s", event["n"])
    return str(signal.getsignal(signal.SIGTERM))
