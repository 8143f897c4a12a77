"""A function that logs much, and opens files, under Lambda's limit of descriptors."""
import os, logging, resource, time
log = logging.getLogger("user"); log.setLevel(20)
resource.setrlimit(resource.RLIMIT_NOFILE, (1024, 1024))    # Lambda's own limit
def handler(event, context):
    pad, most = "x" * 100_000, 0
    for n in range(event["lines"]):
        log.info("%d %s", n, pad)
        if n % 20 == 0: most = max(most, len(os.listdir("/proc/self/fd")))
        with open("/etc/hostname"), open("/etc/hosts"): pass    # the function's own work
    time.sleep(event.get("seconds", 0))
    return most
