"""Lines from tasks, threads and a pool that lives longer than an invocation; and from a task that waits."""
import asyncio
import logging
import threading
from concurrent.futures import ThreadPoolExecutor

log = logging.getLogger("shop")
log.setLevel(logging.INFO)
pool = ThreadPoolExecutor(2)
loop = asyncio.new_event_loop()
waiting = []


async def work(request_id):
    await asyncio.sleep(0)
    log.info("said in %s", request_id)
    await asyncio.to_thread(log.info, "said in %s", request_id)
    await loop.run_in_executor(pool, log.info, "said in %s", request_id)


async def wait(request_id, turn):
    await turn.wait()  # in the next invocation
    log.info("said in %s", request_id)


async def main(request_id):
    for turn, task in waiting:
        turn.set()
        await task
    waiting.clear()
    turn = asyncio.Event()
    waiting.append((turn, asyncio.ensure_future(wait(request_id, turn))))
    await asyncio.gather(*(work(request_id) for _ in range(3)))


def handler(event, context):
    thread = threading.Thread(target=log.info, args=("said in %s", context.aws_request_id))
    thread.start()
    thread.join()
    loop.run_until_complete(main(context.aws_request_id))
    list(pool.map(lambda _: log.info("said in %s", context.aws_request_id), range(4)))
