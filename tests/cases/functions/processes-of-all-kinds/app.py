"""Children by spawn, by a pool of futures and by fork; what they log and print."""
import concurrent.futures
import logging
import multiprocessing

log = logging.getLogger("shop")
log.setLevel(logging.INFO)


def work(n):
    log.info("child %d", n)
    print("child prints", n)
    return n * n


def handler(event, context):
    fork = multiprocessing.get_context("fork")
    with concurrent.futures.ProcessPoolExecutor(1, mp_context=fork) as pool:
        answers = [pool.submit(work, 1).result()]
    with fork.Pool(1) as pool:
        answers.append(pool.apply(work, (2,)))
        pool.close()
        pool.join()
    child = fork.Process(target=work, args=(3,))
    child.start()
    child.join()
    log.info("done")
    return answers
