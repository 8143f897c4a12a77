"""Children by ``os.fork`` that log a line and leave by ``os._exit``, as its documentation says."""
import os, logging
log = logging.getLogger("user"); log.setLevel(20)


def handler(event, context):
    for n in range(event["children"]):
        pid = os.fork()
        if not pid:
            log.info("child %d", n)
            os._exit(0)                      # as os.fork's documentation says
        os.waitpid(pid, 0)
    tmp = os.environ["TMPDIR"] + "/firehose-logging"
    files = os.listdir(tmp) if os.path.isdir(tmp) else []
    return len(files), sum(os.path.getsize(f"{tmp}/{f}") for f in files)
