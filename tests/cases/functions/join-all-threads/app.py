"""Wait for all threads that there are."""
import threading, logging, time
def work(n): logging.getLogger().warning("worker %d", n)
def handler(event, context):
    for n in range(3): threading.Thread(target=work, args=(n,)).start()
    if event["how"] == "enumerate":
        for t in threading.enumerate():
            if t is not threading.main_thread():
                t.join()
    elif event["how"] == "active_count":
        while threading.active_count() > 1:
            time.sleep(0.01)
    return "done"
