"""Who may import whom, and who may touch what: read from the syntax trees, nothing is run."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "firehose_logging"
FOLDER = Path(__file__).resolve().parent.parent / PACKAGE
MODULES = sorted(path.stem for path in FOLDER.glob("*.py"))

#: What each module imports of the package when it runs (imports for type checkers do not count).
#: Those after the bar are imported inside of functions, when they are needed.
EDGES = """
    __init__         _bootstrap _flush_result _invocation errors formatter handler settings
    _batch           _limits errors
    _booking         _losses _retry errors
    _bootstrap       _diagnostics _flush_result _process settings | settings
    _capture         _json _line _redact _threads formatter
    _clock
    _context         _json
    _crash_journal   _diagnostics | _journal
    _credentials     _diagnostics _endpoint _http _sigv4
    _delivery        _booking _diagnostics _flush_result _intake _limits _retry _threads errors
    _diagnostics
    _direct          _diagnostics _http _retry _sigv4
    _endpoint
    _extension       _diagnostics _lambda_api _lifecycle _limits _shutdown _subscription
                     _switch_interval _threads errors
    _flush_policy
    _flush_result
    _http
    _intake          _batch _crash_journal _ledger _limits _line errors
    _invocation      | _bootstrap
    _journal         errors
    _json
    _lambda_api      _http _limits
    _launch
    _ledger          errors
    _lifecycle
    _limits
    _line            _json _limits
    _listener        _http _limits
    _losses
    _process         _clock _context _delivery _diagnostics _json _line _shutdown _streams _threads
                     | _capture _credentials _direct _extension _flush_policy _journal _lifecycle
                     _runtime_hooks _telemetry _transport handler
    _program         | __init__
    _redact          _json _line
    _retry
    _runtime_hooks   settings
    _shutdown
    _sigv4
    _streams         _delivery _flush_result
    _subscription    _diagnostics _lambda_api _limits _listener
    _switch_interval
    _telemetry       _json _line _telemetry_batch
    _telemetry_batch
    _threads
    _transport       _diagnostics _retry _threads settings | _credentials _direct _endpoint
    errors
    formatter        _json _line
    handler          _json _line _redact _threads errors formatter | _bootstrap
    settings         _flush_policy errors
    testing          _retry
"""

#: Modules outside of the package that only these of ours may use.
RESERVED = {
    "threading": {
        "_capture",
        "_delivery",
        "_intake",
        "_shutdown",
        "_threads",
        "handler",
        "testing",
    },
    "_socket": {"_lambda_api", "_listener"},
    "socket": {"_credentials", "_direct"},
    "ssl": {"_direct"},
    "boto3": set(),
    "botocore": {"_transport"},
    "wrapt": {"_invocation"},
    "snapshot_restore_py": {"_process"},
    "atexit": {"_bootstrap", "_process"},
    "signal": set(),
    "_signal": {"_shutdown"},
    "fcntl": {"_journal"},
    "mmap": {"_journal"},
    "random": set(),
    "select": {"_direct", "_extension"},
    "subprocess": set(),
    "warnings": set(),
    "http": set(),
    "urllib": set(),
    "urllib3": set(),
    "asyncio": set(),
    "queue": set(),
    "typing": set(),
    "dataclasses": set(),
    "enum": set(),
    "inspect": set(),
}

#: These decide and never act: no clock, no thread, no file, no socket.
PURE = {
    "_batch", "_booking", "_flush_policy", "_flush_result", "_losses",
    "_http", "_json", "_ledger", "_lifecycle", "_limits", "_redact",
    "_retry", "_telemetry", "_telemetry_batch", "errors",
}  # fmt: skip
ACTING = {
    "threading", "socket", "_socket", "ssl", "select", "signal", "_signal", "subprocess", "os",
    "sys", "time", "random", "io", "fcntl", "mmap", "atexit", "logging", "botocore",
}  # fmt: skip

#: Lines of a file, and of a function with its docstring.
MAX_FILE = 450
MAX_FUNCTION = 60


@cache
def tree(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse((FOLDER / f"{module}.py").read_text())


def is_for_types(node: ast.stmt) -> bool:
    """Whether a statement is an ``if TYPE_CHECKING`` block."""
    return isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"


def imports(module: str) -> tuple[set[str], set[str]]:
    """Names imported when the module is imported, and those imported inside of functions."""
    at_import: set[str] = set()
    later: set[str] = set()

    def visit(node: ast.AST, found: set[str]) -> None:
        if isinstance(node, ast.stmt) and is_for_types(node):
            return
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            found = later
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "relative import"
            name = node.module or ""
            if name == PACKAGE:
                found.update(
                    f"{PACKAGE}.{alias.name}" if alias.name in MODULES else f"{PACKAGE}.__init__"
                    for alias in node.names
                )
            else:
                found.add(name)
        for child in ast.iter_child_nodes(node):
            visit(child, found)

    visit(tree(module), at_import)
    return at_import, later


def edges(names: set[str]) -> set[str]:
    """Modules of the package among imported names."""
    return {name.partition(".")[2] for name in names if name.startswith(f"{PACKAGE}.")}


def allowed() -> dict[str, tuple[set[str], set[str]]]:
    """EDGES as sets."""
    joined: list[str] = []
    for line in EDGES.strip("\n").splitlines():
        if line[4:5].strip():
            joined.append(line)
        else:
            joined[-1] += line
    found = {}
    for line in joined:
        now, _, later = line.partition("|")
        module, *names = now.split()
        found[module] = (set(names), set(later.split()))
    return found


def test_every_module_is_listed():
    """A new module needs a place in the picture."""
    assert sorted(allowed()) == MODULES


@pytest.mark.parametrize("module", MODULES)
def test_edges(module):
    """Each module imports what is written down above, no more and no less."""
    now, later = imports(module)

    assert (edges(now), edges(later)) == allowed()[module]


def test_no_cycles_at_import():
    """Module-level imports have an order: no module needs itself, however far around."""
    graph = {module: now for module, (now, _) in allowed().items()}
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys()}
        assert free, f"a cycle among {sorted(graph)}"
        for module in free:
            del graph[module]


def test_bootstrap_is_nobodys_module_level_import():
    """What builds everything is imported by the package itself and by nobody else at import."""
    importers = {module for module in MODULES if "_bootstrap" in edges(imports(module)[0])}

    assert importers == {"__init__"}


@pytest.mark.parametrize("reserved", sorted(RESERVED))
def test_reserved_modules(reserved):
    """Threads, sockets, signals, files and SDKs each have their place."""
    users = {
        module
        for module in MODULES
        if reserved in {name.partition(".")[0] for found in imports(module) for name in found}
    }

    assert users == RESERVED[reserved]


@pytest.mark.parametrize("module", sorted(PURE))
def test_pure_modules(module):
    """The parts that decide import nothing that acts, at import or later."""
    names = {name.partition(".")[0] for found in imports(module) for name in found}

    assert not names & ACTING
    assert edges(imports(module)[0]) <= PURE | {"_line"}


def test_settings_are_the_only_reader_of_the_environment():
    """Nobody else looks at the process's environment variables."""
    readers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }

    assert readers == {"settings"}


def test_nothing_of_ours_logs():
    """The package never logs through logging, never warns, never prints."""
    calls = [
        (module, ast.unparse(node.func))
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Call)
    ]
    levels = ["debug", "info", "warning", "error", "exception", "critical", "log"]
    forbidden = {"print", "warnings.warn", *(f"logging.{level}" for level in levels)}
    guilty = [
        (module, call)
        for module, call in calls
        if call in forbidden
        or (call.startswith("logging.getLogger(") and call.rpartition(".")[2] in levels)
    ]

    assert guilty == []


def test_broad_excepts_let_exits_pass():
    """SystemExit and KeyboardInterrupt are the user's: what catches them raises them again."""
    guilty = [
        (module, node.lineno)
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or "BaseException" in ast.unparse(node.type))
        and ast.unparse(node.body[-1]) != "raise"
    ]

    assert guilty == []


@pytest.mark.parametrize("module", MODULES)
def test_functions_are_short(module):
    """Every function fits on a screen."""
    long = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree(module))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION
    }

    assert long == {}


@pytest.mark.parametrize("module", MODULES)
def test_files_are_short(module):
    """Every file fits on a few screens."""
    lines = len((FOLDER / f"{module}.py").read_text().splitlines())

    assert lines < MAX_FILE


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_are(module):
    """Every module has a docstring, and annotations that cost nothing when it is imported."""
    first, second = tree(module).body[:2]

    assert ast.get_docstring(tree(module))
    assert isinstance(first, ast.Expr)
    # These two run on interpreters that do not know that import; they quote their annotations.
    others = {"_launch": "import os", "_program": "import errno"}
    assert ast.unparse(second) == others.get(module, "from __future__ import annotations")
