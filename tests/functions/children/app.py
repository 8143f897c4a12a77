"""Starts a Python program and tells what of ours was in it."""

from __future__ import annotations

import json
import logging
import subprocess
import sys

logger = logging.getLogger("user")
logger.setLevel(logging.INFO)

CHILD = """
import json, logging, os, sys
logging.getLogger().warning("from the child's logging")
print("from the child", file=sys.stderr)
print(json.dumps({
    "modules": [m for m in sys.modules if m.startswith("firehose_logging")],
    "variables": [v for v in os.environ if v.startswith(("PYTHON", "_FIREHOSE"))],
}))
"""


def handler(event: object, context: object) -> object:
    """Log, print, and answer with what the child says."""
    logger.info("parent")
    print("parent prints")
    child = subprocess.run(
        [sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True, check=True
    )
    return json.loads(child.stdout)
