"""Put the bytecode that a cold start needs into one file; run by each interpreter for itself.

    PYTHON -S -B scripts/bundle.py FOLDER INSTALLED_AT DESTINATION

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
    "_program", "__init__", "_batch", "_booking", "_bootstrap", "_capture", "_clock", "_context",
    "_crash_journal", "_delivery", "_diagnostics", "_extension", "_flush_policy", "_flush_result",
    "_http", "_intake", "_invocation", "_journal", "_json", "_lambda_api", "_ledger", "_lifecycle",
    "_limits", "_line", "_listener", "_losses", "_process", "_redact", "_retry", "_runtime_hooks",
    "_shutdown", "_streams", "_subscription", "_telemetry", "_telemetry_batch", "_threads",
    "errors", "formatter", "handler", "settings",
)  # fmt: skip


def bundle(folder: Path, installed_at: str) -> bytes:
    """The bundle of the package in a folder, for the interpreter that runs this."""
    codes = {}
    for name in MODULES:
        source = (folder / f"{name}.py").read_bytes()
        path = f"{installed_at}/{name}.py"
        codes[name] = compile(source, path, "exec", dont_inherit=True, optimize=2)
    return importlib.util.MAGIC_NUMBER + marshal.dumps(codes)


if __name__ == "__main__":
    Path(sys.argv[3]).write_bytes(bundle(Path(sys.argv[1]), sys.argv[2]))
