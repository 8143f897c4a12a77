"""The user's own handlers of ours behind a queue and a buffer, beside the wrapper."""
import logging
import logging.handlers
import queue

from firehose_logging import FirehoseHandler

ours = FirehoseHandler()
waiting = queue.SimpleQueue()
listener = logging.handlers.QueueListener(waiting, ours, respect_handler_level=True)
queued = logging.getLogger("queued")
queued.setLevel(logging.INFO)
queued.addHandler(logging.handlers.QueueHandler(waiting))
buffered = logging.getLogger("buffered")
buffered.setLevel(logging.INFO)
memory = logging.handlers.MemoryHandler(100, target=ours)
buffered.addHandler(memory)


def handler(event, context):
    queued.info("through a queue %d", event["n"], extra={"order": event["n"]})
    try:
        1 / 0
    except ZeroDivisionError:
        queued.exception("error behind a queue")
    buffered.info("through a buffer %d", event["n"])
    buffered.warning("buffered")
    listener.start()
    listener.stop()
    memory.flush()
    ours.handle(logging.makeLogRecord({"name": "by hand", "msg": "made", "levelno": 20, "levelname": "INFO"}))
    return event["n"]
