"""CPU of the parts of our start, in the order of the wrapper's: one JSON object, microseconds.

python start.py LAYER
"""

from __future__ import annotations

import gc
import json
import marshal
import os
import sys
import time
from pathlib import Path
from typing import Any

import awslambdaric.bootstrap  # noqa: F401 - what it loads is not ours to pay for


def main(layer: Path) -> None:
    """Start us as ``_launch`` and ``_program`` do, a part at a time."""
    package = layer / "python" / "firehose_logging"
    marks = [time.process_time_ns()]

    def done() -> None:
        marks.append(time.process_time_ns())

    gc.disable()
    data = (package / "__pycache__" / f"bundle.{sys.implementation.cache_tag}").read_bytes()
    done()
    codes = marshal.loads(memoryview(data)[4:])
    done()
    del codes["_program"]
    names: dict[str, Any] = {"__name__": "firehose_logging._bundle"}
    exec(codes["_bundle"], names)
    bundle = names["Bundle"](codes, str(package))
    sys.meta_path.insert(0, bundle)
    bundle.load()
    done()
    gc.enable()
    sys.modules["firehose_logging"].install()
    done()
    parts = ("read", "unmarshal", "modules", "install")
    times = {part: (marks[at + 1] - marks[at]) / 1000 for at, part in enumerate(parts)}
    os.write(1, json.dumps(times).encode())
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
