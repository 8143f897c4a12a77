"""What the wrapper runs in the place of the program: each way to name one, and what it sees.

``tests/e2e/test_wrapper.py`` compares real processes; here each step is looked at by itself.
"""

from __future__ import annotations

import gc
import io
import marshal
import py_compile
import sys
import types
import zipfile
from importlib.util import MAGIC_NUMBER

import pytest

from firehose_logging import _program

HERE = _program.__file__.rpartition("/")[0]
PROGRAM = "found = {'name': __name__, 'file': __file__}\n"


@pytest.fixture
def main(monkeypatch):
    """A main module of its own, as the launcher leaves it."""
    module = types.ModuleType("__main__")
    module.__dict__.update(os=io, sys=sys, _main=print, __file__="_launch.py", __cached__=None)
    monkeypatch.setitem(sys.modules, "__main__", module)
    return module.__dict__


@pytest.fixture
def run(monkeypatch, main, tmp_path):
    """Runs the program that arguments name; gives the main module's names."""
    installed = []
    monkeypatch.setattr(_program, "_install", lambda *given: installed.append(given))
    monkeypatch.setattr(sys, "path", ["", *sys.path])
    monkeypatch.chdir(tmp_path)

    def go(*argv):
        monkeypatch.setattr(sys, "argv", ["_launch.py", *map(str, argv)])
        _program.run(HERE + "/")
        assert installed == [(HERE,)]
        return main

    return go


@pytest.fixture
def script(tmp_path):
    """A script in a folder of its own."""
    path = tmp_path / "code" / "app.py"
    path.parent.mkdir()
    path.write_text(PROGRAM)
    return path


def test_a_script(run, script):
    """It is the main module, knows its file, and finds modules beside it."""
    names = run(script, "one", "two")

    assert names["found"] == {"name": "__main__", "file": str(script)}
    assert sys.argv == [str(script), "one", "two"]
    assert sys.path[0] == str(script.parent)
    assert "_main" not in names
    assert names["__spec__"] is None
    assert names["__loader__"].get_filename("__main__") == str(script)


def test_a_script_by_a_relative_path(run, script):
    """Its ``__file__`` is absolute, as the interpreter makes it."""
    assert run("code/app.py")["found"]["file"] == str(script)
    assert sys.path[0] == str(script.parent)


def test_a_script_behind_a_link(run, script, tmp_path):
    """Modules are looked for beside the file that the link leads to."""
    link = tmp_path / "linked.py"
    link.symlink_to(script)

    assert run(link)["found"]["file"] == str(link)
    assert sys.path[0] == str(script.parent)


def test_compiled_code(run, script):
    """A .pyc file runs as it does without us."""
    compiled = py_compile.compile(str(script), cfile=str(script.with_suffix(".pyc")))

    assert run(compiled)["found"]["name"] == "__main__"


def test_a_command(run):
    """``-c`` has no file, and its argument is not among the program's."""
    names = run("-c", "import sys; found = sys.argv", "one")

    assert names["found"] == ["-c", "one"]
    assert "__file__" not in names
    assert sys.path[0] == ""


def test_standard_input(run, monkeypatch):
    """``-`` runs what comes on standard input."""
    monkeypatch.setattr(sys, "stdin", io.StringIO("found = __file__"))

    assert run("-")["found"] == "<stdin>"


def test_a_module(run, monkeypatch, script, tmp_path):
    """``-m`` is left to runpy, with the working folder first on the path."""
    import runpy

    ran = []
    monkeypatch.setattr(runpy, "_run_module_as_main", lambda *given: ran.append(given))
    run("-m", "app", "one")

    assert ran == [("app", True)]
    assert sys.argv == ["-m", "one"]
    assert sys.path[0] == str(tmp_path)


@pytest.mark.parametrize("kind", ["folder", "archive"])
def test_a_folder_or_an_archive(run, monkeypatch, tmp_path, kind):
    """Both are entries of the path, in which ``__main__`` is found."""
    import runpy

    where = tmp_path / "app.zip"
    if kind == "folder":
        where = tmp_path / "app"
        where.mkdir()
    else:
        with zipfile.ZipFile(where, "w") as archive:
            archive.writestr("__main__.py", PROGRAM)
    ran = []
    monkeypatch.setattr(runpy, "_run_module_as_main", lambda *given: ran.append(given))
    run(where)

    assert ran == [("__main__", False)]
    assert sys.path[0] == str(where)


def test_a_program_that_is_not_there(run, capsys, tmp_path):
    """The interpreter's own message and status."""
    with pytest.raises(SystemExit) as ended:
        run("nowhere.py")

    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert f"can't open file '{tmp_path}/nowhere.py': [Errno 2]" in told


def test_no_program(run, capfd):
    """Started by hand it says what it is for."""
    with pytest.raises(SystemExit) as ended:
        run()

    assert ended.value.code == 64
    assert "_launch.py is run by firehose_wrapper" in capfd.readouterr().err


def test_what_the_program_raises_is_its_own(run, script):
    """No exception of the program is touched."""
    script.write_text("raise SystemExit(7)")

    with pytest.raises(SystemExit) as ended:
        run(script)
    assert ended.value.code == 7


@pytest.fixture
def imported(monkeypatch):
    """Has ``from firehose_logging._bootstrap import launch`` give this."""

    def put(launch):
        package = types.ModuleType("firehose_logging")
        package.__path__ = []
        module = types.ModuleType("firehose_logging._bootstrap")
        module._process = None
        if launch is not None:
            module.launch = launch
        monkeypatch.setitem(sys.modules, "firehose_logging", package)
        monkeypatch.setitem(sys.modules, "firehose_logging._bootstrap", module)

    return put


def test_we_are_installed_and_the_path_is_as_before(imported, monkeypatch):
    """The package's folder is on the path while it is imported, and not afterwards."""
    seen = []
    imported(lambda collect_again: seen.append(list(sys.path)) or collect_again())
    before = list(sys.path)
    _program._install("/opt/python/firehose_logging")

    assert seen == [before]
    assert sys.path == before


@pytest.mark.parametrize("what", ["import", "start"])
def test_what_breaks_in_us_is_told(imported, capfd, what):
    """A layer built wrong, or one that cannot start, stops no function."""

    def launch(collect_again):
        collect_again()
        raise OSError("no room")

    imported(launch if what == "start" else None)
    _program._install("/opt/python/firehose_logging")

    told = capfd.readouterr().err
    assert ("cannot start (OSError: no room)" if what == "start" else "cannot be imported") in told
    assert gc.isenabled()


def code(text):
    """Code that can stand in a bundle."""
    return compile(text, "/opt/python/firehose_logging/_bundle.py", "exec")


#: Stands for the module that imports the others: it tells how it is used.
BUNDLE = """
import gc, sys
class put:
    def __init__(self, *given):
        self.given = given
    def load(self):
        found = sys.modules["firehose_logging._bootstrap"].__dict__
        found["launch"] = lambda again: found.update(
            starts=gc.isenabled(), collects=again() or gc.isenabled())
        found.update(given=self.given, path=list(sys.path))
        found.update(loads=gc.isenabled(), module=sys.modules["firehose_logging._bundle"])
"""


@pytest.fixture
def put(tmp_path):
    """Writes a bundle for this interpreter; gives the package's folder."""

    def write(data):
        package = tmp_path / "firehose_logging"
        (package / "__pycache__").mkdir(parents=True)
        name = f"bundle.{sys.implementation.cache_tag}"
        (package / "__pycache__" / name).write_bytes(data)
        return str(package)

    return write


def test_the_package_comes_out_of_its_bundle(imported, put, monkeypatch):
    """What it is made of is all there is to look for; garbage is collected again afterwards."""
    imported(None)
    # Put back when the test is over.
    monkeypatch.setitem(sys.modules, "firehose_logging._bundle", _program)
    codes = {"_bundle": code(BUNDLE), "handler": code("")}
    package = put(MAGIC_NUMBER + marshal.dumps(codes))
    before = list(sys.path)
    _program._install(package)

    found = sys.modules["firehose_logging._bootstrap"].__dict__
    assert found["given"] == (codes, package)
    assert found["path"] == before
    assert (found["loads"], found["starts"], found["collects"]) == (False, False, True)
    assert found["module"].put.__module__ == "firehose_logging._bundle"


@pytest.mark.parametrize(
    "damaged",
    [b"", MAGIC_NUMBER, b"\0\0\0\0" + marshal.dumps({}), MAGIC_NUMBER + b"\xff"],
    ids=["empty", "cut", "of another build", "no marshalled data"],
)
def test_a_damaged_bundle_is_passed_over(imported, put, damaged):
    """Whatever is wrong with it, the package is imported from its sources."""
    seen = []
    imported(lambda collect_again: seen.append(collect_again() or gc.isenabled()))
    package = put(damaged)

    assert _program._bytecode(package) is None
    _program._install(package)
    assert seen == [True]


def test_a_collector_that_was_off_stays_off(imported):
    """Who has turned it off before us keeps it so."""
    seen = []
    imported(lambda collect_again: seen.append(collect_again() or gc.isenabled()))
    gc.disable()
    try:
        _program._install("/opt/python/firehose_logging")
    finally:
        gc.enable()

    assert seen == [False]


def test_an_old_interpreter_runs_without_us(monkeypatch, capfd):
    """Where our own code cannot be parsed nothing of it is imported."""
    monkeypatch.setattr(sys, "version_info", (3, 9))
    _program._install("/opt/python/firehose_logging")

    assert "it needs Python 3.10 or later" in capfd.readouterr().err
