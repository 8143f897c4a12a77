"""Compile a layer's modules; run by each interpreter for itself.

    PYTHON -S -B -X no_debug_ranges tools/bundle.py FOLDER INSTALLED_AT

FOLDER holds the packages, INSTALLED_AT is its path in tracebacks. What a cold start needs goes into
one file: the import system looks at folder, source and bytecode of each module, and reads names and
constants that most of them share once a module. In one file (a magic number, then a marshalled dict
of code objects by module) each shared string is there once. Everything else is compiled as usual,
into __pycache__: with unchecked hashes (PEP 552), because the sources cannot change, and no time
stamp gets into the files. Docstrings are left out, as with -OO.

Runs on each Python that Lambda offers, with the standard library alone.
"""

from __future__ import annotations

import importlib.util
import marshal
import py_compile
import sys
from pathlib import Path

PACKAGE = "firehose_logging"

#: What is imported before the bundle is known to be there, by who does not start with the wrapper.
BEFORE = ("__init__", "_bundle")

#: What a cold start with the default settings imports, after the launcher's other half. The rest
#: is imported from the files as usual, off the critical path.
MODULES = (
    "_program",
    "__init__",
    "_bootstrap",
    "_bundle",
    "_capture",
    "_clock",
    "_delivery",
    "_diagnostics",
    "_environment",
    "_extension",
    "_http",
    "_interruption",
    "_invocation",
    "_levels",
    "_limits",
    "_line",
    "_process",
    "_readers",
    "_runtime",
    "_shutdown",
    "_switch_interval",
    "_threads",
    "errors",
    "formatter",
    "handler",
    "settings",
    "_capture.handling",
    "_capture.output",
    "_capture.records",
    "_capture.runtime_client",
    "_capture.setup",
    "_capture.sink",
    "_capture.streams",
    "_delivery.backlog",
    "_delivery.batch",
    "_delivery.booking",
    "_delivery.caller",
    "_delivery.outage",
    "_delivery.deliveries",
    "_delivery.delivery",
    "_delivery.journal",
    "_delivery.journal_files",
    "_delivery.orphans",
    "_delivery.segment",
    "_delivery.ledger",
    "_delivery.losses",
    "_delivery.outcome",
    "_delivery.recovery",
    "_delivery.result",
    "_delivery.retry",
    "_delivery.steps",
    "_delivery.waiters",
    "_delivery.worker",
    "_extension.companion",
    "_extension.flush_policy",
    "_extension.inbox",
    "_extension.lambda_api",
    "_extension.last_flush",
    "_extension.lifecycle",
    "_extension.listener",
    "_extension.next_event",
    "_extension.on_demand",
    "_extension.start",
    "_extension.subscription",
    "_extension.telemetry",
    "_extension.telemetry_batch",
    "_line.columns",
    "_line.context",
    "_line.exception",
    "_line.foreign",
    "_line.json_text",
    "_line.line",
    "_line.printed",
    "_line.redact",
    "_line.schema",
    "_line.values",
)


def main(folder: Path, installed_at: str) -> None:
    """Write the bundle, and the bytecode of what is not in it."""
    package = folder / PACKAGE
    bundled = {source_of(package, name) for name in MODULES if name not in BEFORE}
    for source in sorted(folder.rglob("*.py")):
        if source not in bundled:
            py_compile.compile(
                str(source),
                cfile=importlib.util.cache_from_source(str(source), optimization=""),
                dfile=f"{installed_at}/{source.relative_to(folder)}",
                doraise=True,
                optimize=2,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
    tag = sys.implementation.cache_tag
    target = package / "__pycache__" / f"bundle.{tag}"
    target.write_bytes(bundle(package, f"{installed_at}/{PACKAGE}"))


def source_of(package: Path, module: str) -> Path:
    """The file of a module by its name within the package."""
    path = package / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def bundle(package: Path, installed_at: str) -> bytes:
    """The bundle of the package, for the interpreter that runs this."""
    codes = {}
    for name in MODULES:
        source = source_of(package, name)
        path = f"{installed_at}/{source.relative_to(package)}"
        codes[name] = compile(source.read_bytes(), path, "exec", dont_inherit=True, optimize=2)
    return importlib.util.MAGIC_NUMBER + marshal.dumps(codes)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
