"""Lines from ``logger.info`` to confirmed delivery: seconds, CPU and memory.

python throughput.py LINES LINES_BETWEEN_FLUSHES
"""

from __future__ import annotations

import json
import logging
import resource
import sys
import time

import firehose_logging


def main(lines: int, between: int) -> None:
    """Log, flush every so often as invocations do, and print."""
    handler = firehose_logging.FirehoseHandler()
    logger = logging.getLogger("bench")
    logger.setLevel(logging.INFO)
    logger.addHandler(handler)
    logger.info("the first line makes connection and journal")
    firehose_logging.flush()
    before = _counts()
    began, cpu = time.perf_counter(), time.process_time()
    for number in range(lines):
        logger.info("order %s for %s", number, "bob", extra={"customer": "c-42", "n": 3})
        if number % between == between - 1:
            firehose_logging.flush()
    result = firehose_logging.flush(60)
    seconds, cpu = time.perf_counter() - began, time.process_time() - cpu
    after = _counts()
    print(
        json.dumps(
            {
                "lines": lines,
                "bytes": after["delivered_bytes"] - before["delivered_bytes"],
                "delivered": after["delivered"] - before["delivered"],
                "pending": result.pending,
                "seconds": seconds,
                "cpu": cpu,
                "mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
            }
        )
    )


def _counts() -> dict[str, int]:
    from firehose_logging._bootstrap import counts

    return counts()[0]


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]))
