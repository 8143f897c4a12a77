"""Compile a layer's modules; run by each interpreter for itself.

    PYTHON -S -B -X no_debug_ranges tools/bundle.py FOLDER INSTALLED_AT

FOLDER holds the packages, INSTALLED_AT is its path in tracebacks. What a cold start needs goes into
one file: the import system looks at folder, source and bytecode of each module, and reads names and
constants that most of them share once a module. In one file (a magic number, then a marshalled dict
of code objects by module) each shared string is there once. Everything else is compiled as usual,
into __pycache__: with unchecked hashes (PEP 552), because the sources cannot change, and no time
stamp gets into the files.

Of our own modules only what runs is compiled. Docstrings are left out, as with -OO, and what type
checkers alone read: annotations, and what stands under ``if TYPE_CHECKING``. That is an eighth of
the bytecode that every cold start reads.

Runs on each Python that Lambda offers, with the standard library alone.
"""

from __future__ import annotations

import ast
import importlib.util
import marshal
import py_compile
import runpy
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import CodeType

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))  # run as a script, by itself
from tools import compact

PACKAGE = "firehose_logging"

#: A module's name, names in it, and what they are called where they are imported.
Needed = tuple[str, tuple[str, ...], tuple[str, ...]]

#: What is imported before the bundle is known to be there, by who does not start with the wrapper.
BEFORE = ("__init__", "_bundle")

#: What a cold start with the default settings imports. The rest is imported from the files as
#: usual, off the critical path; so is the launcher's other half, which reads the bundle.
MODULES = (
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
    "_limits",
    "_line",
    "_natives",
    "_process",
    "_readers",
    "_reasons",
    "_runtime",
    "_shutdown",
    "_threads",
    "formatter",
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
    "_delivery.deliveries",
    "_delivery.delivery",
    "_delivery.journal",
    "_delivery.journal_files",
    "_delivery.segment",
    "_delivery.ledger",
    "_extension.extension",
    "_extension.inbox",
    "_extension.lambda_api",
    "_extension.start",
    "_extension.subscription",
    "_line.columns",
    "_line.context",
    "_line.foreign",
    "_line.json_text",
    "_line.line",
    "_line.printed",
    "_line.schema",
)

#: What the function's own thread may need at any moment, and most starts do not: in the bundle, as
#: bytes that are read when it does. Who reads them has the list, and needs nothing else of ours.
APART: tuple[str, ...] = runpy.run_path(
    str(Path(__file__).resolve().parent.parent / PACKAGE / "_bundle.py")
)["APART"]

#: What is imported after the first answer, or by a few, in files of their own: each is read when a
#: module in it is imported for the first time, whole.
LATER = {
    # For functions that make one themselves.
    "handler": ("handler",),
    # What follows the environment's life, and reads what the platform posts.
    "companion": (
        "_polls",
        "_switch_interval",
        "_extension.companion",
        "_extension.flush_policy",
        "_extension.last_flush",
        "_extension.lifecycle",
        "_extension.listener",
        "_extension.next_event",
        "_extension.on_demand",
        "_extension.telemetry",
        "_extension.telemetry_batch",
    ),
    # What the first flush needs, with a look for what processes that are gone have left; and what
    # it needs of Firehose.
    "flush": (
        "_delivery.segment_reader",
        "_delivery.orphans",
        "_delivery.outage",
        "_delivery.outcome",
        "_delivery.retry",
        "_delivery.booking",
        "_delivery.waiters",
        "_delivery.worker",
        "_delivery.caller",
        "_delivery.recovery",
        "_delivery.steps",
        "_delivery.dispatcher",
    ),
    "first_delivery": (
        "_firehose",
        "_firehose.choose",
        "_firehose.credentials",
        "_firehose.direct",
        "_firehose.endpoint",
        "_firehose.sigv4",
        "_firehose.trust",
        "_firehose.wire",
    ),
}


def main(folder: Path, installed_at: str) -> None:
    """Write the bundle, and the bytecode of what is not in it."""
    package = folder / PACKAGE
    names = {name: file for file, names in LATER.items() for name in names}
    bundled = {source_of(package, name) for name in {*MODULES, *APART, *names}.difference(BEFORE)}
    for source in sorted(folder.rglob("*.py")):
        if source in bundled:
            continue
        installed = f"{installed_at}/{source.relative_to(folder)}"
        target = Path(importlib.util.cache_from_source(str(source), optimization=""))
        if package in source.parents:
            target.parent.mkdir(exist_ok=True)
            target.write_bytes(cached(source, installed))
        else:
            py_compile.compile(
                str(source),
                cfile=str(target),
                dfile=installed,
                doraise=True,
                optimize=2,
                invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH,
            )
    tag = sys.implementation.cache_tag
    place = f"{installed_at}/{PACKAGE}"
    start = bundle(package, place, ordered(package), APART, names)
    (package / "__pycache__" / f"bundle.{tag}").write_bytes(start)
    for file, modules in LATER.items():
        later = bundle(package, place, modules)
        (package / "__pycache__" / f"{file}.{tag}").write_bytes(later)


def source_of(package: Path, module: str) -> Path:
    """The file of a module by its name within the package."""
    path = package / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


def bundle(
    package: Path,
    installed_at: str,
    modules: Sequence[str],
    apart: Sequence[str] = (),
    later: Mapping[str, str] | None = None,
) -> bytes:
    """A bundle of modules of the package, for the interpreter that runs this.

    Args:
        package: its folder here.
        installed_at: its path in tracebacks.
        modules: that are in it.
        apart: those that are in it as bytes.
        later: those that are in other files, and in which; None for none.
    """

    def place(source: Path) -> str:
        return f"{installed_at}/{source.relative_to(package)}"

    codes: dict[str, object] = {}
    for name in (*modules, *apart):
        source = source_of(package, name)
        tree = _tree(source, place(source))
        needed = () if source.stem == "__init__" else _take_imports(tree)
        code = _compiled(tree, place(source))
        codes[name] = (code, needed) if needed else code
    codes |= {name: compact.dumps(codes[name]) for name in apart}
    codes |= later or {}
    return importlib.util.MAGIC_NUMBER + compact.dumps(codes)


def ordered(package: Path) -> list[str]:
    """The modules in an order in which each comes after those that it imports."""
    order: list[str] = []

    def place(name: str) -> None:
        if name in MODULES and name not in order:
            for needed in sorted(_imports(source_of(package, name))):
                place(needed)
            order.append(name)

    for name in MODULES:
        if name != "__init__":
            place(name)
    return [*order, "__init__"]


def _imports(source: Path) -> set[str]:
    """Modules of the package that a module imports before it is done, and where they may be."""
    found = set()
    for node in _Runs().visit(ast.parse(source.read_bytes())).body:
        if isinstance(node, ast.ImportFrom) and str(node.module).partition(".")[0] == PACKAGE:
            module = str(node.module)[len(PACKAGE) + 1 :]
            inner = [f"{module}.{alias.name}".lstrip(".") for alias in node.names]
            found |= {module, module.partition(".")[0], *inner}
    return found - {""}


def cached(source: Path, installed: str) -> bytes:
    """What a .pyc file of ours holds: its header says not to look at the source (PEP 552)."""
    flags = 0b01  # by hash, which is not checked
    text = source.read_bytes()
    head = importlib.util.MAGIC_NUMBER + flags.to_bytes(4, "little")
    return head + importlib.util.source_hash(text) + marshal.dumps(code_of(source, installed))


def code_of(source: Path, installed: str) -> CodeType:
    """The code of a module of ours, without what never runs.

    Args:
        source: its file here.
        installed: its path in tracebacks.
    """
    return _compiled(_tree(source, installed), installed)


def _tree(source: Path, installed: str) -> ast.Module:
    tree: ast.Module = _Runs().visit(ast.parse(source.read_bytes(), installed))
    return tree


def _compiled(tree: ast.Module, installed: str) -> CodeType:
    code: CodeType = compile(
        ast.fix_missing_locations(tree), installed, "exec", dont_inherit=True, optimize=2
    )
    code = compact.short_lines(code)
    # In a public module they stay: the error of a wrong call names the function.
    private = installed.rpartition(f"/{PACKAGE}/")[2].startswith("_")
    return compact.short_names(code) if private else code


def _take_imports(tree: ast.Module) -> tuple[Needed, ...]:
    """Take out of a module the names that it imports before it does anything else.

    Whoever runs it binds them, which is a look into a dict for each; the statement checks what kind
    of a module it is, by errors that it makes and drops.
    """
    found: list[Needed] = []
    for at, node in enumerate(tree.body):
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = tuple(alias.name for alias in node.names)
            found.append((node.module, names, tuple(a.asname or a.name for a in node.names)))
            tree.body[at] = ast.copy_location(ast.Pass(), node)
        elif not isinstance(node, (ast.Import, ast.Pass)) and not _is_text(node):
            break
    return tuple(found)


def _is_text(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


class _Runs(ast.NodeTransformer):
    """Takes out of a module what only type checkers read."""

    def visit_ImportFrom(self, node: ast.ImportFrom) -> ast.AST:
        """No import that is about annotations."""
        names = [alias.name for alias in node.names]
        if node.module == "__future__" and names == ["annotations"]:
            return ast.copy_location(ast.Pass(), node)
        return node

    def visit_arg(self, node: ast.arg) -> ast.arg:
        """A parameter without its annotation."""
        node.annotation = None
        return node

    def visit_FunctionDef(self, node: ast.FunctionDef) -> ast.AST:
        """A function without what it says it returns."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        """The same."""
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> ast.AST:
        """An assignment without its annotation."""
        self.generic_visit(node)
        if node.value is None:
            return ast.copy_location(ast.Pass(), node)
        return ast.copy_location(ast.Assign([node.target], node.value), node)

    def visit_If(self, node: ast.If) -> ast.AST | list[ast.stmt]:
        """Nothing, where it is for type checkers."""
        if isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            return ast.copy_location(ast.Pass(), node)
        return self.generic_visit(node)


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
