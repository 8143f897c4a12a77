"""A saved query over a gigabyte of raw lines, beside jq, zgrep and plain DuckDB, in one run.

    python -m benchmarks.query [--gigabytes 1] [--folder FOLDER]

Prints the table of docs/benchmarks.md. Lines are those of the flush simulation's function, with
the platform's events; objects are gzipped, ten megabytes each, in hours as Firehose lays them.
Every candidate runs in a process of its own, on the same two cores; memory is that of the
largest process.
"""

from __future__ import annotations

import argparse
import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
import uuid
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

OBJECT = 10 << 20
#: Lines of an invocation: what the function says, then what the platform reports.
SAID = ("order %d taken", "looked up customer %d in 3 tables", "stock of article %d is low")
PLAIN = (
    "import duckdb,sys; c=duckdb.connect(); c.execute('SET threads=2'); print(c.execute("
    '"SELECT level, count(*) FROM read_json(\'"+sys.argv[1]+"/**/*.gz\') GROUP BY 1").fetchall())'
)


def main() -> int:
    """Write the lines, run every candidate three times, print the table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--gigabytes", type=float, default=1.0)
    parser.add_argument("--folder", type=Path, help="keep the lines there (default: none are kept)")
    given = parser.parse_args()
    os.sched_setaffinity(0, set(sorted(os.sched_getaffinity(0))[:2]))
    with tempfile.TemporaryDirectory(prefix="benchmark-query-") as scratch:
        folder = given.folder or Path(scratch)
        if not any(folder.rglob("*.gz")):
            write(folder, int(given.gigabytes * 1e9))
        size = sum(path.stat().st_size for path in folder.rglob("*.gz"))
        print(f"{given.gigabytes:g} GB of raw lines, {size / 1e6:,.0f} MB of objects, 2 cores\n")
        print("| what is asked | with | s, best of 3 | peak memory |")
        print("| --- | --- | --- | --- |")
        for what, name, command in candidates(folder):
            if shutil.which(command[0]) is None:
                print(f"| {what} | {name} | not on this machine | |")
                continue
            seconds, memory = zip(*(measure(command) for _ in range(3)), strict=True)
            print(f"| {what} | {name} | {min(seconds):.1f} | {max(memory) / 1e6:,.0f} MB |")
    return 0


def candidates(folder: Path) -> Iterator[tuple[str, str, list[str]]]:
    """What is asked, with what, and the command."""
    query = [sys.executable, "-m", "firehose_logging._cli", "query", "--threads", "2",
             "--from", str(folder), "--format", "csv"]  # fmt: skip
    for name in ("volume-by-level", "errors", "slowest", "cold-starts", "gaps"):
        yield f"saved query {name}", "firehose-logging", [*query, "--saved", name]
    levels = "SELECT level, count(*) FROM logs GROUP BY 1"
    yield "lines by level", "firehose-logging", [*query, levels]
    yield (
        "lines by level",
        "DuckDB read_json, columns sniffed",
        [sys.executable, "-c", PLAIN, str(folder)],
    )
    find = f"find {folder} -name '*.gz' -print0 | xargs -0 -P2 -n4"
    yield "lines by level", "zcat and jq, two at a time", [
        "sh", "-c", f"{find} sh -c 'zcat \"$@\" | jq -r .level' x | sort | uniq -c",
    ] if shutil.which("jq") else ["jq"]  # fmt: skip
    yield "lines with ERROR", "firehose-logging", [
        *query, "SELECT count(*) FROM logs WHERE level = 'ERROR'",
    ]  # fmt: skip
    yield "lines with ERROR", "zgrep -c, two at a time", [
        "sh", "-c", f"{find} zgrep -c '\"level\": *\"ERROR\"' | wc -l",
    ]  # fmt: skip


def measure(command: list[str]) -> tuple[float, float]:
    """Seconds, and bytes of the largest process of one run, on two cores."""
    started = time.monotonic()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command[:4]} ended with {process.returncode}")
    return time.monotonic() - started, usage.ru_maxrss * 1024


def write(folder: Path, size: int) -> None:
    """Write objects until there are so many bytes of raw lines."""
    rng = random.Random(1)
    moment = datetime(2026, 11, 28, tzinfo=timezone.utc)
    written = 0
    while written < size:
        started, lines, length = moment, [], 0
        instance, seq = f"{rng.getrandbits(64):016x}", 0
        while length < OBJECT:
            for line in invocation(rng, instance, seq == 0):
                seq += 1
                moment += timedelta(microseconds=rng.randrange(100, 9_000))
                head = {"timestamp": moment.isoformat(timespec="microseconds")[:-6] + "Z"}
                text = json.dumps({**head, **line, "seq": seq}).encode() + b"\n"
                lines.append(text)
                length += len(text)
        name = f"logs-1-{started:%Y-%m-%d-%H-%M-%S}-{uuid.UUID(int=rng.getrandbits(128))}.gz"
        path = folder / f"firehose/{started:%Y/%m/%d/%H}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(gzip.compress(b"".join(lines), 6))
        written += length


def invocation(rng: random.Random, instance: str, cold: bool) -> Iterator[dict[str, Any]]:
    """The lines of one invocation, as the package writes them."""
    request = str(uuid.UUID(int=rng.getrandbits(128)))
    head = {"requestId": request, "functionName": "shop", "functionVersion": "$LATEST",
            "instanceId": instance, **({"coldStart": True} if cold else {})}  # fmt: skip
    platform = {"level": "INFO", "logger": "platform", **head}
    yield {
        "type": "platform.start",
        **platform,
        "record": {"requestId": request, "version": "$LATEST"},
    }
    for text in SAID:
        yield {"type": "function", "level": "INFO", "logger": "shop.orders", **head,
               "message": text % rng.randrange(100_000), "customer": f"c-{rng.randrange(5000)}",
               "total": rng.randrange(10_000) / 100}  # fmt: skip
    if rng.random() < 0.05:
        yield {"type": "function", "level": "ERROR", "logger": "shop.orders", **head,
               "message": "the card was refused", "errorType": "CardError",
               "errorMessage": f"refused {rng.getrandbits(32):x}",
               "stackTrace": ['  File "/var/task/app.py", line 31, in handler\n    pay()'] * 4,
               "location": "/var/task/app.py:pay:31"}  # fmt: skip
    took = rng.lognormvariate(3, 1)
    metrics = {"durationMs": round(took, 3), "billedDurationMs": int(took) + 1, "memorySizeMB": 512,
               "maxMemoryUsedMB": rng.randrange(60, 120)}  # fmt: skip
    if cold:
        metrics["initDurationMs"] = round(rng.uniform(80, 300), 3)
    done = {"requestId": request, "status": "success", "metrics": {"durationMs": round(took, 3)}}
    yield {"type": "platform.runtimeDone", **platform, "record": done}
    yield {"type": "platform.report", **platform,
           "record": {"requestId": request, "status": "success", "metrics": metrics}}  # fmt: skip


if __name__ == "__main__":
    sys.exit(main())
