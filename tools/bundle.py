"""Put the bytecode that a cold start needs into one file; run by each interpreter for itself.

    PYTHON -S -B tools/bundle.py FOLDER INSTALLED_AT DESTINATION

FOLDER is the package's, INSTALLED_AT its path in tracebacks. The import system looks at folder,
source and bytecode of each module, and reads names and constants that most of them share once a
module. In one file (a magic number, then a marshalled dict of code objects by module) each shared
string is there once. Docstrings are left out, as with -OO.

Runs on each Python that Lambda offers, with the standard library alone.
"""

from __future__ import annotations

import importlib.util
import marshal
import sys
from pathlib import Path

#: What a cold start with the default settings imports, after the launcher's other half. The rest
#: is imported from the files as usual, off the critical path.
MODULES = (
    "_program", "__init__", "_bootstrap", "_clock", "_diagnostics", "_http", "_interruption",
    "_invocation", "_levels", "_limits", "_process", "_readers", "_shutdown", "_switch_interval",
    "_threads", "errors", "formatter", "handler", "settings",
    "_capture", "_capture.output", "_capture.runtime_client",
    "_delivery", "_delivery.backlog", "_delivery.batch", "_delivery.booking",
    "_delivery.deliveries", "_delivery.delivery", "_delivery.journal", "_delivery.journal_files",
    "_delivery.ledger", "_delivery.losses", "_delivery.outcome", "_delivery.recovery",
    "_delivery.result", "_delivery.retry", "_delivery.steps", "_delivery.waiters",
    "_extension", "_extension.companion", "_extension.flush_policy", "_extension.inbox",
    "_extension.lambda_api", "_extension.last_flush", "_extension.lifecycle",
    "_extension.listener", "_extension.next_event", "_extension.on_demand", "_extension.start",
    "_extension.subscription", "_extension.telemetry", "_extension.telemetry_batch",
    "_line", "_line.columns", "_line.context", "_line.json_text", "_line.line", "_line.redact",
)  # fmt: skip


def bundle(folder: Path, installed_at: str) -> bytes:
    """The bundle of the package in a folder, for the interpreter that runs this."""
    codes = {}
    for name in MODULES:
        file = name.replace(".", "/")
        if (folder / file).is_dir():
            file += "/__init__"
        source = (folder / f"{file}.py").read_bytes()
        path = f"{installed_at}/{file}.py"
        codes[name] = compile(source, path, "exec", dont_inherit=True, optimize=2)
    return importlib.util.MAGIC_NUMBER + marshal.dumps(codes)


if __name__ == "__main__":
    Path(sys.argv[3]).write_bytes(bundle(Path(sys.argv[1]), sys.argv[2]))
