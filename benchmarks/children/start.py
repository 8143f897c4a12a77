"""CPU of the parts of our start, in the order of the wrapper's: one JSON object, microseconds.

python start.py LAYER [STOP]

With a stop, the process ends there: a tool from outside counts what it took so far.
"""

from __future__ import annotations

import gc
import json
import logging
import marshal
import mmap
import os
import sys
import time
from pathlib import Path
from typing import Any

import awslambdaric.bootstrap  # noqa: F401 - what it loads is not ours to pay for

PARTS = ("read", "unmarshal", "modules", "install")

#: Stops inside of ``install``, in their order: module, class, function, and whether it has run. The
#: runtime client is there, so that ``install`` waits for the extension's thread.
INSIDE = {
    "settings": ("settings", "Settings", "from_env", True),
    "before the journal's look": ("_delivery.journal", "CrashJournal", "claim", False),
    "the journal's look": ("_delivery.journal", "CrashJournal", "claim", True),
    "capture": ("_process", "Process", "install", True),
    "thread": ("_extension.start", "Starter", "_start", True),
    "registration": ("_extension.lambda_api", "LambdaApi", "register", True),
    "subscription": ("_extension.start", "Starter", "_subscribe", True),
    "connection": ("_extension.start", "Starter", "_connect", True),
}


def main(layer: Path, stop: str = "") -> None:
    """Start us as ``_launch`` and ``_program`` do, a part at a time."""
    sys.setswitchinterval(10)
    package = layer / "python" / "firehose_logging"
    marks = [time.process_time_ns()]

    def done() -> None:
        marks.append(time.process_time_ns())
        if stop in ("nothing", *PARTS[: len(marks) - 1]):
            os._exit(0)

    if stop == "nothing":
        done()

    gc.disable()
    bundle = package / "__pycache__" / f"bundle.{sys.implementation.cache_tag}"
    with bundle.open("rb") as file:
        data = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
    done()
    codes = marshal.loads(memoryview(data)[4:])
    data.close()
    done()
    name = "firehose_logging._bundle"
    module: Any = type(sys)(name)
    sys.modules[name] = module
    exec(codes["_bundle"], module.__dict__)
    module.put(codes, str(package)).load()
    done()
    gc.freeze()
    gc.unfreeze()
    gc.enable()
    if stop in INSIDE:
        _stop_at(*INSIDE[stop])
    # What the companion takes comes after the first answer.
    extension = sys.modules["firehose_logging._extension.extension"].Extension
    extension._rest = lambda *_: time.sleep(60)  # ended with the process
    sys.modules["firehose_logging"].install()
    done()
    if stop == "first line":
        logging.getLogger().warning("hello")
        os._exit(0)
    times = {part: (marks[at + 1] - marks[at]) / 1000 for at, part in enumerate(PARTS)}
    os.write(1, json.dumps(times).encode())
    os._exit(0)


def _stop_at(module: str, owner: str, name: str, has_run: bool) -> None:
    place = getattr(sys.modules[f"firehose_logging.{module}"], owner)
    found = place.__dict__[name]
    function = getattr(found, "__func__", found)

    def stop(*args: Any, **options: Any) -> None:
        if has_run:
            function(*args, **options)
        os._exit(0)

    setattr(place, name, type(found)(stop) if function is not found else stop)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *sys.argv[2:])
