"""How modules come out of the bundle: all at once, or one by one."""

from __future__ import annotations

import importlib
import importlib.util
import marshal
import os
import resource
import signal
import sys
import textwrap
import threading
import types
from collections.abc import Callable
from pathlib import Path
from types import CodeType

import pytest

from firehose_logging import _bundle
from support.stage import run_python
from tools import bundle as made_by

PACKAGE = "bundled_package"


@pytest.fixture(autouse=True)
def other_package(monkeypatch):
    """The bundle is of a package that nobody has imported; its modules are gone afterwards."""
    monkeypatch.setattr(_bundle, "PACKAGE", PACKAGE)
    monkeypatch.setattr(_bundle, "_bundles", [])
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    monkeypatch.setattr(sys, "path", list(sys.path))
    before = dict(sys.path_importer_cache)
    yield
    for place in sys.path_importer_cache.keys() - before.keys():
        del sys.path_importer_cache[place]
    for name in loaded():
        del sys.modules[name]


def loaded() -> list[str]:
    """Names of the package's modules that are there."""
    return sorted(name for name in sys.modules if name.partition(".")[0] == PACKAGE)


def bundle(
    needed: dict[str, tuple[_bundle.Needed, ...]] | None = None, **sources: str
) -> _bundle.Bundle:
    """A bundle of these modules; a double underscore in a name stands for a dot.

    Those in ``needed`` import that first.
    """
    codes: dict[str, _bundle.Code] = {}
    for name, source in sources.items():
        short = name if name == "__init__" else name.replace("__", ".")
        file = f"/opt/{name}/__init__.py" if name in ("__init__", "wing") else f"/opt/{name}.py"
        codes[short] = compile(source, file, "exec")
    for name, imports in (needed or {}).items():
        code = codes[name]
        assert isinstance(code, CodeType)
        codes[name] = (code, imports)
    made = _bundle.put(codes, "/opt/bundled_package")
    sys.meta_path.insert(0, made)  # in the place of a folder on sys.path, which has the package
    return made


def test_all_modules_at_once():
    """Each module is run in the order of the bundle, the package itself last, as if imported."""
    bundle(
        wing="",
        wing__first="order = ['first']",
        second=f"from {PACKAGE}.wing.first import order; order.append('second')",
        __init__=f"from {PACKAGE}.second import order; order.append('package')",
    ).load()

    package = importlib.import_module(PACKAGE)
    assert package.order == ["first", "second", "package"]
    assert package.wing.first.order is package.order
    assert loaded() == [
        PACKAGE, f"{PACKAGE}.second", f"{PACKAGE}.wing", f"{PACKAGE}.wing.first",
    ]  # fmt: skip


def test_modules_know_what_importing_would_tell_them():
    """Spec, loader, package and file are those of modules that were imported one by one."""
    names = ("__name__", "__package__", "__file__", "__loader__", "__path__")
    sources = {"__init__": "", "wing": "", "wing__first": ""}
    bundle(**sources).load()
    at_once = {name: {n: vars(sys.modules[name]).get(n) for n in names} for name in loaded()}
    specs = {name: sys.modules[name].__spec__ for name in loaded()}
    for name in loaded():
        del sys.modules[name]
    finder = bundle(**sources)
    importlib.import_module(f"{PACKAGE}.wing.first")

    for name in loaded():
        one_by_one = {n: vars(sys.modules[name]).get(n) for n in names}
        assert at_once[name] | {"__loader__": finder} == one_by_one
        assert repr(specs[name].loader) != repr(finder)
        assert specs[name].origin == sys.modules[name].__spec__.origin
        assert specs[name].parent == sys.modules[name].__spec__.parent


def test_a_module_out_of_order_is_imported_when_it_is_asked_for():
    """The order of the bundle saves time; it is no condition."""
    bundle(
        first=f"from {PACKAGE}.second import value",
        second="value = 2",
        __init__="",
    ).load()

    assert importlib.import_module(f"{PACKAGE}.first").value == 2
    assert importlib.import_module(PACKAGE).second.value == 2


def test_a_module_that_runs_already_is_not_run_again():
    """The bundle's own module is there first: it gets what importing would tell it, and a place."""
    first = types.ModuleType(f"{PACKAGE}.first")
    first.value = 1
    sys.modules[first.__name__] = first
    made = bundle(first="value = 2", __init__=f"from {PACKAGE} import first")
    made.load()

    package = importlib.import_module(PACKAGE)
    assert package.first is sys.modules[first.__name__] is first
    assert (first.value, first.__package__, first.__file__) == (
        1,
        PACKAGE,
        "/opt/bundled_package/first.py",
    )
    assert first.__spec__.loader is made


def test_a_module_that_raises_leaves_none_behind():
    """What a module raises comes out, and no half of the package stays."""
    with pytest.raises(ZeroDivisionError):
        bundle(first="", second="1 / 0", __init__="").load()

    assert loaded() == []


def test_a_module_for_later_is_run_when_it_is_imported(tmp_path):
    """Those that are in another file are left out when all are run at once."""
    codes = {"__init__": code("", "/opt/__init__.py"), "first": code(""), "second": "later"}
    put(tmp_path, {"second": code("value = 2")}, file="later")
    made = _bundle.put(codes, str(tmp_path))
    made.load()
    before = loaded()

    assert before == [PACKAGE, f"{PACKAGE}.first"]
    assert importlib.import_module(f"{PACKAGE}.second").value == 2
    assert loaded() == [*before, f"{PACKAGE}.second"]


NEEDED = {
    "second": (
        ("os", ("sep",), ("sep",)),
        (PACKAGE, ("wing",), ("folder",)),
        (f"{PACKAGE}.wing", ("first",), ("first",)),
        (f"{PACKAGE}.wing.first", ("one", "two"), ("one", "other")),
    )
}
VALUE = "value = (sep, folder.first is first, one, other)"


@pytest.mark.parametrize("at_once", [True, False])
def test_names_that_a_module_imports_first_are_there_when_it_runs(at_once):
    """Names and modules, by the names that it gives them: in order, and one by one."""
    made = bundle(needed=NEEDED, wing="", wing__first="one, two = 1, 2", second=VALUE, __init__="")
    if at_once:
        made.load()

    assert importlib.import_module(f"{PACKAGE}.second").value == (os.sep, True, 1, 2)


def test_what_a_module_imports_first_may_come_after_it():
    """The order of the bundle is no condition of that either."""
    bundle(needed=NEEDED, wing="", second=VALUE, wing__first="one, two = 1, 2", __init__="").load()

    assert importlib.import_module(f"{PACKAGE}.second").value == (os.sep, True, 1, 2)


@pytest.mark.parametrize("at_once", [True, False])
def test_a_name_that_is_not_there_is_an_error(at_once):
    """What a module lacks does not stay unnoticed."""
    needed = {"second": ((f"{PACKAGE}.first", ("missing",), ("missing",)),)}
    made = bundle(needed=needed, first="", second="", __init__="")

    with pytest.raises((ImportError, AttributeError), match="missing"):
        made.load() if at_once else importlib.import_module(f"{PACKAGE}.second")


def put(
    folder: Path, codes: dict[str, _bundle.Code], *, file: str = "bundle", magic: bytes = b""
) -> Path:
    """Write a layer's file of bytecode, by default for this interpreter."""
    path = folder / "__pycache__" / f"{file}.{sys.implementation.cache_tag}"
    path.parent.mkdir(exist_ok=True)
    path.write_bytes((magic or importlib.util.MAGIC_NUMBER) + marshal.dumps(codes))
    return path


def code(source: str, file: str = "/opt/m.py") -> CodeType:
    """The code of a module."""
    return compile(source, file, "exec")


@pytest.fixture
def folder(tmp_path):
    """Of the package, on ``sys.path``; without a bundle as yet."""
    found = tmp_path / PACKAGE
    found.mkdir()
    (found / "__init__.py").write_text("")
    sys.path.insert(0, str(tmp_path))
    return found


def finders(folder: Path) -> list[str]:
    """The bundles of a folder, and whether imports are looked up in them."""
    found = sys.path_importer_cache.get(str(folder))
    return [
        "found" if bundle is found else "not found"
        for bundle in _bundle._bundles
        if bundle.folder == str(folder)
    ]


def test_a_folder_with_a_file_of_bytecode_is_used_once(folder):
    """Its modules are imported from there."""
    codes = {"__init__": code("", "/opt/__init__.py"), "one": code("value = 1")}
    put(folder, codes)
    for _ in range(2):
        _bundle.use(str(folder))

    assert finders(folder) == ["found"]
    assert importlib.import_module(f"{PACKAGE}.one").value == 1


def test_a_folder_without_one_is_left_to_the_import_system(folder):
    """No finder stands in the way of the sources."""
    _bundle.use(str(folder))

    assert finders(folder) == []


def test_bytecode_of_another_interpreter_is_not_run(folder):
    """Its magic number is not ours: the sources are imported."""
    put(folder, {"__init__": code("")}, magic=b"\0" * 4)

    assert _bundle.read(str(folder)) is None


@pytest.mark.parametrize("left", [0, 3, 10])
def test_a_damaged_file_is_as_none(folder, left):
    """A file that was cut off raises nothing: the sources are imported."""
    path = put(folder, {"__init__": code("")})
    path.write_bytes(path.read_bytes()[:left])
    _bundle.use(str(folder))

    assert finders(folder) == []


def test_what_a_signal_handler_raises_while_a_file_is_read_comes_out(folder):
    """It is the function's own, and no damage of the file: the next try reads it."""

    def interrupt(number: int, frame: object) -> None:
        raise TimeoutError("the function's own limit")

    put(folder, {"__init__": code("", "/opt/__init__.py"), "one": "second"})
    second = put(folder, {"one": code("value = 1")}, file="second")
    content = second.read_bytes()
    second.unlink()
    os.mkfifo(second)  # who opens it waits for who writes
    _bundle.use(str(folder))
    before = signal.signal(signal.SIGALRM, interrupt)
    try:
        signal.setitimer(signal.ITIMER_REAL, 0.05)
        with pytest.raises(TimeoutError, match="own limit"):
            importlib.import_module(f"{PACKAGE}.one")
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    second.unlink()
    second.write_bytes(content)

    assert importlib.import_module(f"{PACKAGE}.one").value == 1


def test_a_file_that_cannot_be_opened_now_is_read_later(folder):
    """A function that has used up its descriptors may close them again; the file is not damaged."""
    put(folder, {"__init__": code("", "/opt/__init__.py"), "one": "second"})
    put(folder, {"one": code("value = 1")}, file="second")
    _bundle.use(str(folder))
    importlib.import_module(PACKAGE)
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (0, before[1]))
    try:
        with pytest.raises(OSError, match="Too many open files"):
            importlib.import_module(f"{PACKAGE}.one")
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)

    assert importlib.import_module(f"{PACKAGE}.one").value == 1


def test_what_is_for_later_is_read_with_its_first_module(folder):
    """Its file is opened when a module in it is imported, and not before; once for all of them."""
    codes = {
        "_firehose": code("", "/opt/_firehose/__init__.py"),
        "_firehose.wire": code("value = 2"),
    }
    first = {"__init__": code("", "/opt/__init__.py"), "one": code("value = 1")}
    put(folder, {**first, **dict.fromkeys(codes, "second")})
    _bundle.use(str(folder))
    importlib.import_module(f"{PACKAGE}.one")
    second = put(folder, codes, file="second")
    importlib.import_module(f"{PACKAGE}._firehose")
    second.unlink()

    assert importlib.import_module(f"{PACKAGE}._firehose.wire").value == 2


def test_without_its_second_file_a_module_is_none_of_the_bundles(folder):
    """The import system looks for it as for any other."""
    put(folder, {"__init__": code("", "/opt/__init__.py"), "one": "second", "two": "second"})
    _bundle.use(str(folder))

    for name in ("one", "two"):
        with pytest.raises(ModuleNotFoundError):
            importlib.import_module(f"{PACKAGE}.{name}")


def test_modules_of_others_are_not_looked_up():
    """A bundle knows the package's modules alone, by whole names."""
    finder = bundle(__init__="", one="")

    assert finder.find_spec("json") is None
    assert finder.find_spec(f"{PACKAGE}_of_others") is None
    assert finder.find_spec(f"{PACKAGE}.two") is None
    assert finder.find_spec(f"{PACKAGE}.one") is not None


def test_no_import_of_others_comes_by_us(folder):
    """Only the folders of the package have our finder, also those that it has in a second file."""
    codes = {"_wing": code("", "/opt/_wing/__init__.py"), "_wing.one": code("value = 1")}
    put(folder, {"one": code(""), **dict.fromkeys(codes, "second")})
    put(folder, codes, file="second")
    meta_path, places = list(sys.meta_path), set(sys.path_importer_cache)
    _bundle.use(str(folder))
    importlib.import_module(f"{PACKAGE}._wing.one")

    assert sys.meta_path == meta_path
    added = {name for name in set(sys.path_importer_cache) - places if PACKAGE in name}
    assert added == {str(folder), f"{folder}/_wing"}


@pytest.mark.parametrize("forgets", [False, True])
def test_a_module_that_is_not_in_it_comes_from_its_file(folder, forgets):
    """One that the bundle never had, a reload, or all of them where the folders are forgotten."""
    for name in ("one", "_wing/__init__", "_wing/two"):
        path = folder / f"{name}.py"
        path.parent.mkdir(exist_ok=True)
        path.write_text("value = 'of the file'")
    put(folder, {"one": code("value = 'of the bundle'")})
    _bundle.use(str(folder))
    importlib.import_module(PACKAGE)
    if forgets:
        sys.path_importer_cache.clear()

    one = importlib.import_module(f"{PACKAGE}.one")
    assert one.value == ("of the file" if forgets else "of the bundle")
    assert importlib.import_module(f"{PACKAGE}._wing.two").value == "of the file"
    assert importlib.reload(one).value == "of the file"


# -- modules apart: of which a function's thread may need one at any moment -----------------------


@pytest.fixture
def during(monkeypatch):
    """Sets what is done while a module apart is half made."""
    monkeypatch.setattr(sys, "during", lambda: None, raising=False)

    def set_it(action: Callable[[], object]) -> None:
        monkeypatch.setattr(sys, "during", action)

    return set_it


APART = """
import sys
first = object()
sys.during()
class Half:
    pass
last = 2
"""


def apart(**more: _bundle.Code) -> _bundle.Bundle:
    """A bundle of a package whose module ``apart`` is there as bytes."""
    made = bundle(__init__="", wing="")
    made._codes.update(more or {"wing.apart": marshal.dumps(code(APART))})
    made.load()
    return made


NAME = f"{PACKAGE}.wing.apart"


def test_the_lists_are_one():
    """What the bundle has apart is what is made like that."""
    assert made_by.APART == _bundle.APART


def test_a_module_apart_is_made_when_it_is_wanted(during):
    """Once, as if it had been imported."""
    made = []
    during(lambda: made.append(1))
    apart()
    assert NAME not in sys.modules
    for _ in range(2):
        _bundle.have("wing.apart")

    module = sys.modules[NAME]
    assert importlib.import_module(NAME) is module
    assert sys.modules[f"{PACKAGE}.wing"].apart is module
    assert module.__spec__.name == NAME
    assert (module.last, made) == (2, [1])


def test_nobody_sees_it_half_made(during):
    """A signal handler that logs in the middle of it has a whole one, which is everybody's then."""
    seen = []

    def handler():
        assert NAME not in sys.modules
        during(lambda: None)
        _bundle.have("wing.apart")
        seen.append(importlib.import_module(NAME))

    during(handler)
    apart()
    _bundle.have("wing.apart")

    assert seen == [sys.modules[NAME]]
    assert seen[0].last == 2


@pytest.fixture
def made_by_two(during):
    """Has a module apart made, and by another thread meanwhile; gives what that one had then."""
    seen = []

    def other():
        _bundle.have("wing.apart")
        module = importlib.import_module(NAME)
        seen.append((module, module.last))

    def handler():
        during(lambda: None)
        thread = threading.Thread(target=other, daemon=True)
        thread.start()
        thread.join(30)

    during(handler)
    apart()
    _bundle.have("wing.apart")
    return seen


def test_nobody_waits_for_it(made_by_two):
    """Another thread that needs it meanwhile makes it for itself."""
    assert [last for _, last in made_by_two] == [2]


def test_of_two_threads_that_make_it_one_makes_everybodys(made_by_two):
    """The module is one, by whatever way it is had: classes in it are compared by identity."""
    seen = [module for module, _ in made_by_two]

    assert seen == [sys.modules[NAME]] == [sys.modules[f"{PACKAGE}.wing"].apart]


class AlarmError(Exception):
    """What a signal handler of the function's raises."""


def test_what_is_broken_off_leaves_nothing(during):
    """A signal handler raises at each line of it in turn: the next try makes it whole."""
    del during
    lines = 0
    while True:
        apart()
        left = lines

        def trace(frame, event, argument):
            nonlocal left
            if frame.f_code.co_filename in (_bundle.__file__, "/opt/m.py"):
                left -= 1
                if left < 0:
                    raise AlarmError
            return trace

        before = sys.gettrace()
        sys.settrace(trace)
        try:
            _bundle.have("wing.apart")
        except AlarmError:
            pass
        else:
            break
        finally:
            sys.settrace(before)
            lines += 1
        assert NAME not in sys.modules or sys.modules[NAME].last == 2
        _bundle.have("wing.apart")
        assert sys.modules[NAME].last == 2
        for name in loaded():
            del sys.modules[name]
        _bundle._bundles.clear()

    assert lines > 30  # there was something to break off


def test_one_that_imports_another():
    """What it needs is made in the same way, and before it."""
    needed = ((f"{PACKAGE}.wing.more", ("one",), ("two",)),)
    codes = {"wing.apart": (code("three = two + 2"), needed), "wing.more": code("one = 1")}
    apart(**{name: marshal.dumps(each) for name, each in codes.items()})
    _bundle.have("wing.apart")

    assert sys.modules[NAME].three == 3
    assert sys.modules[f"{PACKAGE}.wing.more"].one == 1


def test_an_import_statement_alone_finds_it_too():
    """As a module of the bundle like others."""
    sys.during = lambda: None
    try:
        apart()
        assert importlib.import_module(NAME).last == 2
        _bundle.have("wing.apart")
    finally:
        del sys.during


def test_a_module_that_raised_is_there_for_the_next_import(during):
    """An import that an exception of the function's broke off can be made again."""

    def fails():
        during(lambda: None)
        raise AlarmError

    during(fails)
    apart()
    with pytest.raises(AlarmError):
        importlib.import_module(NAME)

    assert importlib.import_module(NAME).last == 2


def test_a_fork_in_the_middle_of_it():
    """A child of another thread makes the module anew, and waits for nobody."""
    script = textwrap.dedent("""
        import marshal, os, sys, threading
        from firehose_logging import _bundle
        _bundle.PACKAGE = "bundled_package"
        apart = "import sys, threading\\nsys.during()\\nlast = 2"
        made = _bundle.put({
            "wing": compile("", "/opt/wing/__init__.py", "exec"),
            "__init__": compile("", "/opt/__init__.py", "exec"),
            "wing.apart": marshal.dumps(compile(apart, "/opt/apart.py", "exec")),
        }, "/opt/bundled_package")
        made.load()
        reached, over = threading.Event(), threading.Event()
        def during():
            reached.set()
            over.wait(60)
        sys.during = during
        threading.Thread(target=_bundle.have, args=("wing.apart",), daemon=True).start()
        assert reached.wait(60)
        pid = os.fork()
        if pid == 0:
            sys.during = lambda: None
            _bundle.have("wing.apart")
            from bundled_package.wing.apart import last
            os._exit(last)
        print(os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), flush=True)
        over.set()
        """)

    ended = run_python(script, flags=("-W", "ignore"))

    assert ended.stdout == "2\n", ended.stderr


def test_without_a_bundle_they_are_there_at_once():
    """Nothing has to be found, read or locked when a function's thread needs one."""
    script = "import sys, firehose_logging\nprint(*sys.modules)"
    found = run_python(script).stdout.split()

    assert {f"firehose_logging.{name}" for name in _bundle.APART} <= set(found)
