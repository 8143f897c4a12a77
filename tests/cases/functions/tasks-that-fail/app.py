"""``asyncio.run`` in each invocation, tasks that fail unseen, threads that outlive the handler."""
import asyncio
import gc
import logging
import threading

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
go = threading.Event()


async def part(n):
    await asyncio.sleep(0)
    log.info("part %d", n)
    if n == 2:
        raise KeyError("unseen")


async def work():
    task = asyncio.ensure_future(part(2))
    await asyncio.gather(*map(part, (0, 1)))
    await asyncio.sleep(0)
    del task
    gc.collect()


def outlive():
    go.wait(5)
    log.info("from a thread")


def handler(event, context):
    asyncio.run(work())
    thread = threading.Thread(target=outlive)
    thread.start()
    go.set()
    thread.join()
    print("done")
