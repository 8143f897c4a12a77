"""Who may import whom, and who may touch what: read from the syntax trees, nothing is run."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

import pytest

PACKAGE = "firehose_logging"
FOLDER = Path(__file__).resolve().parents[2] / PACKAGE

#: Every module by its name within the package: ``__init__``, ``handler``, ``_delivery.batch``.
MODULES = sorted(
    ".".join(path.relative_to(FOLDER).with_suffix("").parts).removesuffix(".__init__")
    for path in FOLDER.rglob("*.py")
)
#: The command has a room of its own: it runs on people's machines, where other rules hold.
COMMAND = [module for module in MODULES if module.partition(".")[0] == "_cli"]
EVERY_MODULE, MODULES = MODULES, [module for module in MODULES if module not in COMMAND]
WINGS = sorted(path.parent.name for path in FOLDER.glob("*/__init__.py"))
WINGS.remove("_cli")

# -- the rule -----------------------------------------------------------------------------------
#: The ground, in the order in which it is laid: each may import what stands before it.
GROUND = (
    "_bundle", "_reasons", "errors", "_natives", "_polls", "_interruption", "_fork", "_limits",
    "_clock",
    "_diagnostics", "_threads", "_switch_interval", "_http", "_shutdown", "_environment",
    "_observer", "_levels", "_nearest", "_line", "_readers", "settings", "formatter",
)  # fmt: skip
#: Wings stand on the ground and do not import one another, but for these modules.
BETWEEN_WINGS = {"_firehose": {"_delivery.outcome"}}
#: What puts the wings together, and who may import that: the public names, inside of functions.
ASSEMBLY = ("_termination", "_snapshot", "_runtime", "_process", "_bootstrap")
#: The rest of the package: public names, and what the wrapper starts.
PUBLIC = {
    "__init__",
    "_invocation",
    "_launch",
    "_program",
    "handler",
    "middleware",
    "testing",
}

#: Modules outside of the package that only these of ours may use.
RESERVED = {
    "threading": {
        "_capture.output",
        "_capture.records",
        "_shutdown",
        "_threads",
        "testing",
    },
    "_thread": {"_natives"},
    "select": {"_polls"},
    "_socket": {
        "_extension.lambda_api",
        "_extension.listener",
        "_extension.subscription",
        "_firehose.direct",
        "_firehose.trust",
    },
    "socket": {"_firehose.credentials"},
    "ssl": {"_firehose.trust"},
    "_ssl": {"_firehose.trust"},
    "boto3": set(),
    "botocore": {"_firehose.boto", "_firehose.choose"},
    "wrapt": {"_invocation"},
    "snapshot_restore_py": {"_snapshot"},
    "atexit": {"_process"},
    "signal": set(),
    "_signal": {"_line.foreign", "_shutdown"},
    "fcntl": {"_delivery.orphans", "_delivery.segment"},
    "mmap": {"_delivery.segment", "_program"},
    "random": set(),
    "subprocess": set(),
    "warnings": {"_firehose.boto", "_fork"},
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
    "_delivery.batch", "_delivery.booking", "_delivery.ledger", "_delivery.losses",
    "_delivery.outage", "_delivery.outcome", "_delivery.result", "_delivery.retry",
    "_delivery.steps", "_extension.flush_policy", "_extension.lifecycle",
    "_extension.telemetry", "_extension.telemetry_batch", "_http", "_limits", "_line.columns",
    "_line.json_text", "_line.printed_object", "_line.redact", "_line.schema", "_line.values",
    "_line.walk", "_nearest",
    "_readers", "_reasons", "errors",
}  # fmt: skip
ACTING = {
    "threading", "socket", "_socket", "ssl", "_ssl", "select", "signal", "_signal", "subprocess",
    "os", "sys", "time", "random", "io", "fcntl", "mmap", "atexit", "logging", "botocore",
}  # fmt: skip

#: What is none of ours and is hooked, patched or filled in, by the module that does.
HOOKED = {
    "_bundle": {"spec"},  # of the import system
    "_capture.captured_buffer": {"self._buffer"},  # the function's own
    "_capture.handling": {"callHandlers", "logging.Logger", "logger.manager"},
    "_capture.hook_output": {"logging.Logger", "stream"},
    "_capture.output": {"sys", "threading", "logging.Handler"},
    "_capture.records": {"copy", "_last"},  # a copy of a record; what a thread remembers
    "_capture.runtime_client": {
        *("client", "context", "loader", "module"),
        *(
            "handle_event_request",
            "logged",
            "reported",
            "started",
        ),  # functions, marked as ours
    },
    "_capture.streams": {"self._stream"},  # the function's own
    "_firehose.trust": {"context"},  # of ssl
    "_program": {"sys"},
}
#: Small records without a life of their own, changed by the module alone that holds them.
HELD = {
    "_capture.descriptors": {"file"},
    "_capture.handling": {"handling"},
    # What becomes of a line happens whole or not at all, whatever a signal handler raises: no
    # call may stand between these assignments.
    "_delivery.batch": {"ledger", "record"},
    "_extension.listener": {"connection"},
    "_http": {"message"},
}

#: Lines of a file, and of a function with its docstring.
MAX_FILE = 450
MAX_FUNCTION = 60


def source(module: str) -> Path:
    """The file of a module."""
    path = FOLDER / module.replace(".", "/")
    return path / "__init__.py" if path.is_dir() else path.with_suffix(".py")


@cache
def tree(module: str) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(source(module).read_text())


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
            if name.partition(".")[0] == PACKAGE:
                for alias in node.names:
                    inner = f"{name}.{alias.name}".partition(".")[2]
                    found.add(f"{PACKAGE}.{inner}" if inner in EVERY_MODULE else name)
            else:
                found.add(name)
        for child in ast.iter_child_nodes(node):
            visit(child, found)

    visit(tree(module), at_import)
    return at_import, later


def edges(names: set[str]) -> set[str]:
    """Modules of the package among imported names."""
    return {
        name.partition(".")[2] or "__init__" for name in names if name.partition(".")[0] == PACKAGE
    }


def room(module: str) -> str:
    """The wing in which a module is, or the module itself where it is in none."""
    return module.partition(".")[0]


def places(module: str, names: set[str]) -> set[str]:
    """Where imported modules are: the room, or the module where only that one is open."""
    open_ones = BETWEEN_WINGS.get(room(module), set())
    return {name if name in open_ones else room(name) for name in edges(names)}


def allowed(module: str) -> set[str]:
    """The rooms and modules that a module may import when it is imported."""
    here = room(module)
    if here in GROUND:
        return {*GROUND[: GROUND.index(here)], here}
    if here in WINGS:
        return {*GROUND, here, *BETWEEN_WINGS.get(here, ())}
    if here in ASSEMBLY:
        return {*GROUND, *WINGS, *ASSEMBLY[: ASSEMBLY.index(here)]}
    return {*GROUND, "__init__", *PUBLIC, *ASSEMBLY, "_capture", "_delivery"}


def test_every_room_has_its_place():
    """A new module at the top level, or a new wing, needs a place in the rule."""
    known = {*GROUND, *WINGS, *ASSEMBLY, *PUBLIC}

    assert {room(module) for module in MODULES} == known


def test_the_rule_sees_every_file():
    """The listing above is of folders too: nothing in a wing escapes the tests of this file."""
    assert len(EVERY_MODULE) == len(list(FOLDER.rglob("*.py")))
    assert {room(module) for module in MODULES if "." in module} == set(WINGS)


@pytest.mark.parametrize("module", MODULES)
def test_who_imports_whom(module):
    """Ground, wings, assembly: nobody imports what stands above or beside."""
    now, later = imports(module)

    assert places(module, now) <= allowed(module)
    if room(module) in (*GROUND, *WINGS):
        assert places(module, later) <= allowed(module)


def test_no_cycles_at_import():
    """Module-level imports have an order: no module needs itself, however far around."""
    assert_ordered({module: edges(imports(module)[0]) for module in MODULES})


def test_no_cycles_of_rooms():
    """Nor does a room need itself by way of another, when what functions import counts too."""
    graph: dict[str, set[str]] = {room(module): set() for module in MODULES}
    for module in MODULES:
        graph[room(module)] |= {room(name) for found in imports(module) for name in edges(found)}

    assert_ordered(graph)


@pytest.mark.parametrize("wing", WINGS)
def test_no_cycles_within_a_wing(wing):
    """The same among the modules of a wing: what a function imports does not import its module."""
    inside = {module for module in MODULES if room(module) == wing} - {wing}

    assert_ordered(
        {
            module: {name for found in imports(module) for name in edges(found)} & inside
            for module in inside
        }
    )


def assert_ordered(graph: dict[str, set[str]]) -> None:
    """Nothing in a graph needs itself, but by what it is made of."""
    while graph:
        free = {module for module, needs in graph.items() if not needs & graph.keys() - {module}}
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
    assert edges(imports(module)[0]) <= PURE | {"_bundle", "_line.line", "_line.foreign"}


def test_who_reads_the_environment():
    """Settings read their variables, one module the facts of the process; nobody else looks."""
    readers = {
        module
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and node.attr in ("environ", "environb", "getenv")
        if isinstance(node.value, ast.Name) and node.value.id == "os"
    }

    assert readers == {"settings", "_environment"}


@pytest.mark.parametrize("module", MODULES)
def test_nothing_is_set_from_outside(module):
    """A part is told what happened, and changes itself: nobody assigns to its attributes."""
    targets = [
        target
        for node in ast.walk(tree(module))
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store | ast.Del)
        if (target := ast.unparse(node.value)) not in ("self", "cls")
    ]

    assert set(targets) == {*HOOKED.get(module, ()), *HELD.get(module, ())}


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
    """SystemExit and KeyboardInterrupt are the user's: what catches them raises them again.

    But where a hook of the user's is called on the extension's own thread: nobody's exit can pass
    there, and without that thread nothing more would be delivered.
    """
    allowed = [
        ("_extension.companion", node.lineno)
        for function in ast.walk(tree("_extension.companion"))
        if isinstance(function, ast.FunctionDef) and function.name == "_take"
        for node in ast.walk(function)
        if isinstance(node, ast.ExceptHandler)
    ]
    guilty = [
        (module, node.lineno)
        for module in MODULES
        for node in ast.walk(tree(module))
        if isinstance(node, ast.ExceptHandler)
        and (node.type is None or "BaseException" in ast.unparse(node.type))
        and ast.unparse(node.body[-1]) != "raise"
    ]

    assert guilty == allowed


@pytest.mark.parametrize("module", COMMAND)
def test_the_command_stands_on_the_ground(module):
    """The command may use ground and public names, at import or later, and nothing behind them."""
    now, later = imports(module)

    assert {room(name) for name in edges(now | later)} <= {*GROUND, "_cli", "__init__", "handler"}


@pytest.mark.parametrize("module", [name for name in EVERY_MODULE if name != "__init__"])
def test_every_module_has_its_tests(module):
    """``_wing/module.py`` has ``tests/wing/test_module.py``; the top level has tests/package."""
    wing, _, name = module.rpartition(".")
    if module in (*WINGS, "_cli"):
        return
    tests = FOLDER.parent / "tests" / (wing.lstrip("_") or "package")

    assert (tests / f"test_{name.strip('_')}.py").is_file()


def test_nobody_imports_the_command():
    """It is an extra: the package works without it, and the layer has none of it."""
    guilty = [
        module
        for module in MODULES
        for found in imports(module)
        if "_cli" in {room(name) for name in edges(found)}
    ]

    assert guilty == []


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_functions_are_short(module):
    """Every function fits on a screen."""
    long = {
        node.name: (node.end_lineno or 0) - node.lineno + 1
        for node in ast.walk(tree(module))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))
        and (node.end_lineno or 0) - node.lineno >= MAX_FUNCTION
    }

    assert long == {}


@pytest.mark.parametrize("module", EVERY_MODULE)
def test_files_are_short(module):
    """Every file fits on a few screens."""
    lines = len(source(module).read_text().splitlines())

    assert lines < MAX_FILE


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_are(module):
    """Every module has a docstring, and annotations that cost nothing when it is imported."""
    first, second = (*tree(module).body, None)[:2]

    assert ast.get_docstring(tree(module))
    assert isinstance(first, ast.Expr)
    # These two run on interpreters that do not know that import; they quote their annotations.
    others = {"_launch": "import sys", "_program": "import gc"}
    if second is None:  # a wing's own file says what the wing is, and nothing else
        assert module in WINGS
        return
    assert ast.unparse(second) == others.get(module, "from __future__ import annotations")
