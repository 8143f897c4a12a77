"""The layer as `make layer` builds it."""

from __future__ import annotations

import hashlib
import inspect
import json
import marshal
import shutil
import stat
import subprocess
import sys
from pathlib import Path
from types import CodeType
from typing import Any

import pytest

from support import e2e_lambda
from support.e2e_lambda import deployed
from tools import build_layer, bundle
from tools.bare_source import bare
from tools.interpreters import find_interpreters

PACKAGE = Path(build_layer.PACKAGE)
#: Bytes of a .pyc file before its code: magic number, flags, hash or time (PEP 552).
PYC_HEADER = 16


@pytest.fixture(scope="module")
def layer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A layer, built once for this file."""
    destination = tmp_path_factory.mktemp("layer") / "opt"
    build_layer.build(destination)
    return destination


def tree(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Mode, time and content hash of everything below a folder."""
    return {
        str(path.relative_to(folder)): (
            path.stat().st_mode,
            path.stat().st_mtime_ns,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in folder.rglob("*")
    }


def sources(folder: Path) -> set[str]:
    """Files below a folder without bytecode."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and path.parent.name != "__pycache__"
    }


def carried() -> list[Path]:
    """The modules that belong into a layer: all but the command's."""
    return [path for path in PACKAGE.rglob("*.py") if path.parent.name != "_cli"]


def test_the_command_stays_out(layer: Path) -> None:
    """What asks questions of a bucket runs on people's machines, never in a function."""
    assert (PACKAGE / "_cli" / "__main__.py").exists()
    assert not (layer / "python" / "firehose_logging" / "_cli").exists()


def test_layer_holds_wrapper_package_and_wrapt_only(layer: Path) -> None:
    """Nothing but the wrapper and two packages, with every module of ours and no foreign file."""
    assert {path.name for path in layer.iterdir()} == {"firehose_wrapper", "python"}
    assert {path.name for path in (layer / "python").iterdir()} == {"firehose_logging", "wrapt"}
    assert sources(layer / "python" / "firehose_logging") == {
        str(path.relative_to(PACKAGE)) for path in carried()
    } | {"py.typed"}
    assert {Path(name).suffix for name in sources(layer / "python" / "wrapt")} == {".py", ""}
    assert "LICENSE" in sources(layer / "python" / "wrapt")


def test_files_are_those_of_the_repository(layer: Path) -> None:
    """The wrapper byte for byte; the package's sources without what is for readers alone."""
    copied = layer / "python" / "firehose_logging"

    assert (layer / "firehose_wrapper").read_bytes() == build_layer.WRAPPER.read_bytes()
    for path in carried():
        assert (copied / path.relative_to(PACKAGE)).read_text() == bare(path.read_text())


def test_anybody_may_read_and_run_it(layer: Path) -> None:
    """Lambda's user is nobody in particular: all may read, and run the wrapper."""
    for path in [layer, *layer.rglob("*")]:
        expected = 0o755 if path.is_dir() or path.name == "firehose_wrapper" else 0o644
        assert stat.S_IMODE(path.stat().st_mode) == expected, path


def test_two_builds_are_identical(layer: Path, tmp_path: Path) -> None:
    """The same sources give the same bytes, modes and times, in whatever folder."""
    again = tmp_path / "another folder" / "layer"
    build_layer.build(again)

    assert tree(again) == tree(layer)


def test_source_date_epoch_sets_the_times(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """SOURCE_DATE_EPOCH, in seconds, is the time of every file."""
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    build_layer.build(tmp_path / "layer")

    assert {path.stat().st_mtime for path in (tmp_path / "layer").rglob("*")} == {1700000000}


def test_stale_files_do_not_survive(tmp_path: Path) -> None:
    """A build replaces what an earlier one left."""
    stale = tmp_path / "layer" / "python" / "firehose_logging" / "gone.py"
    stale.parent.mkdir(parents=True)
    stale.write_text("")
    build_layer.build(tmp_path / "layer")

    assert not stale.exists()


def test_what_is_current_is_not_built_again(
    layer: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Functions may be starting with it: the tests build theirs only where it is an old one."""
    ours = tmp_path / "layer"
    shutil.copytree(layer, ours)
    monkeypatch.setattr(e2e_lambda, "LAYER", ours)
    monkeypatch.setattr(build_layer, "build", lambda folder: pytest.fail("built again"))

    assert e2e_lambda.layer.__wrapped__() == ours


@pytest.mark.parametrize("name", ["firehose_wrapper", "python/firehose_logging/settings.py"])
@pytest.mark.parametrize("what", ["other text", "none"])
def test_what_is_not_current_is_known(layer: Path, tmp_path: Path, name: str, what: str) -> None:
    """Another text than the sources have, and a file that is missing."""
    ours = tmp_path / "layer"
    shutil.copytree(layer, ours)
    assert build_layer.is_current(ours)
    if what == "none":
        (ours / name).unlink()
    else:
        (ours / name).write_text("other text")

    assert not build_layer.is_current(ours)


def test_a_module_too_many_is_not_current(layer: Path, tmp_path: Path) -> None:
    """A module that the sources do not have any more."""
    ours = tmp_path / "layer"
    shutil.copytree(layer, ours)
    (ours / "python" / "firehose_logging" / "gone.py").touch()

    assert not build_layer.is_current(ours)
    assert not build_layer.is_current(tmp_path / "no layer")


def test_builds_of_one_folder_at_a_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another build that is done in between is replaced, too: the last one stands, whole."""
    destination = tmp_path / "layer"
    rename, others = Path.rename, ["another build"]

    def overtaken(path: Path, target: Path) -> Path:
        if target == destination and others:
            (target / "python" / others.pop()).mkdir(parents=True)
        return rename(path, target)

    monkeypatch.setattr(build_layer, "_compile", lambda python, only: [])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "rename", overtaken)
        build_layer.build(destination)

    assert not others
    assert build_layer.is_current(destination)
    assert [path.name for path in tmp_path.iterdir()] == ["layer"]


def test_a_folder_that_is_no_layer_is_left_alone(tmp_path: Path) -> None:
    """A destination that holds other things is refused, untouched."""
    (tmp_path / "precious").write_text("x")

    with pytest.raises(build_layer.LayerError, match="holds more than a layer"):
        build_layer.build(tmp_path)
    assert (tmp_path / "precious").exists()


@pytest.mark.slow
@pytest.mark.parametrize(("version", "python"), find_interpreters().items())
def test_imports_from_bytecode(layer: Path, version: str, python: Path, tmp_path: Path) -> None:
    """Every Python found imports it from a read-only folder, with nothing else installed."""
    program = """
import importlib, json, pkgutil, sys
sys.path.insert(0, sys.argv[1])
import wrapt, firehose_logging
for module in pkgutil.walk_packages(firehose_logging.__path__, "firehose_logging."):
    if module.name.rpartition(".")[2] not in ("_launch", "_program", "__main__"):
        importlib.import_module(module.name)
specs = (wrapt.__spec__, firehose_logging.__spec__)
print(json.dumps([[spec.origin, spec.cached] for spec in specs]))
"""
    # -v tells where each module's code came from.
    run = subprocess.run(
        [python, "-I", "-S", "-B", "-v", "-c", program, layer / "python"],
        capture_output=True, text=True, check=False, cwd=tmp_path, timeout=60,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr[-2000:]
    modules: list[Any] = json.loads(run.stdout)
    ours = str(layer / "python")
    read = [line for line in run.stderr.splitlines() if "code object from" in line and ours in line]

    assert all(file.startswith(ours) for file, _ in modules)
    assert all(f".cpython-{version.replace('.', '')}." in cached for _, cached in modules)
    assert read
    assert not [line for line in read if not line.endswith((".pyc", ".pyc'"))]


def test_bytecode_is_unchecked_and_names_opt(layer: Path) -> None:
    """Bytecode is used without a look at its source, and traces name the place in Lambda."""
    version = f"cpython-{sys.version_info.major}{sys.version_info.minor}"
    compiled = list(layer.rglob(f"*.{version}.pyc"))
    modules = {
        *bundle.MODULES,
        *bundle.APART,
        *(name for names in bundle.LATER.values() for name in names),
    }
    bundled = len(modules.difference(bundle.BEFORE))

    assert len(compiled) == len(list(layer.rglob("*.py"))) - bundled
    for path in compiled:
        content = path.read_bytes()
        code = marshal.loads(content[PYC_HEADER:])
        # Flags: bit 0 says by hash, bit 1 says check it (PEP 552).
        assert int.from_bytes(content[4:8], "little") == 0b01
        assert code.co_filename.startswith("/opt/python/"), code.co_filename


def test_what_runs_before_the_first_answer_is_bounded(layer: Path) -> None:
    """Every cold start pays for each module, class (60 thousand instructions) and function there.

    A part that most starts do not need belongs to those apart, or for later (tools/bundle.py).
    """
    folder = layer / "python" / "firehose_logging" / "__pycache__"
    data = (folder / f"bundle.{sys.implementation.cache_tag}").read_bytes()
    found = [each[0] if type(each) is tuple else each for each in marshal.loads(data[4:]).values()]
    modules = [each for each in found if isinstance(each, CodeType)]
    codes, rest = [], list(modules)
    while rest:
        code = rest.pop()
        codes.append(code)
        rest += [const for const in code.co_consts if isinstance(const, CodeType)]
    classes = [c for c in codes if not c.co_flags & inspect.CO_NEWLOCALS and c not in modules]

    assert 40 < len(modules) <= 52
    assert len(classes) <= 42
    assert len(codes) <= 860
    assert len(data) <= 375_000


ORDER = """
import builtins, sys
sys.path.insert(0, sys.argv[1])
from firehose_logging import _bundle
for name in [name for name in sys.modules if name.startswith("firehose_logging")]:
    del sys.modules[name]
sys.path_importer_cache.clear()
folder = sys.argv[1] + "/firehose_logging"
codes = _bundle.read(folder)

class Asked:
    def find_spec(self, name, *_):
        if name.startswith("firehose_logging"):
            print(name)

sys.meta_path.insert(0, Asked())
_bundle.Bundle(codes, folder).load()
"""


DELIVERY = """
import sys
sys.path.insert(0, sys.argv[1])
import firehose_logging
assert not [name for name in sys.modules if "_firehose" in name[16:]]
from firehose_logging._clock import SystemClock
from firehose_logging._firehose.choose import make_transport
settings = firehose_logging.Settings(stream_name="logs", transport="direct")
keys = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": "A", "AWS_SECRET_ACCESS_KEY": "S"}
make_transport(settings, "logs", None, SystemClock(), keys)
for name, module in sorted(sys.modules.items()):
    if name.startswith("firehose_logging._firehose"):
        print(name[17:], type(module.__spec__.loader).__name__)
"""


def test_the_first_delivery_has_a_file_of_its_own(layer: Path) -> None:
    """What it imports comes out of the second file, neither more nor less, and not before."""
    run = subprocess.run(
        [sys.executable, "-I", "-B", "-c", DELIVERY, layer / "python"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert run.stderr == ""
    assert run.stdout.splitlines() == [
        f"{name} Bundle" for name in sorted(bundle.LATER["first_delivery"])
    ]


def test_modules_of_the_bundle_come_after_those_that_they_import(layer: Path) -> None:
    """Run in the order of the bundle, no module has to look for another one."""
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "-c", ORDER, layer / "python"],
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip

    assert (run.returncode, run.stdout, run.stderr) == (0, "", "")


def test_what_type_checkers_read_is_not_compiled(tmp_path: Path) -> None:
    """Annotations and their imports are left out; what runs does as it did, at the same lines."""
    source = tmp_path / "module.py"
    source.write_text(
        "from __future__ import annotations\n"
        "TYPE_CHECKING = False\n"
        "if TYPE_CHECKING:\n"
        "    from nowhere import Thing\n"
        "count: int = 1\n"
        "class Part:\n"
        "    later: Thing\n"
        "    def take(self, *things: Thing, more: Thing = 2) -> Thing:\n"
        "        found: Thing = (things, more)\n"
        "        return found\n"
    )
    code = bundle.code_of(source, "/opt/python/module.py")
    names: dict[str, Any] = {}
    exec(code, names)

    assert names["count"] == 1
    assert names["Part"]().take(1) == ((1,), 2)
    assert names["Part"].take.__annotations__ == {}
    assert names["Part"].take.__code__.co_firstlineno == 8
    assert b"Thing" not in marshal.dumps(code)
    assert code.co_filename == "/opt/python/module.py"


@pytest.mark.skipif(sys.version_info < (3, 11), reason="the name is a constant there")
def test_only_public_functions_keep_the_names_of_their_classes(tmp_path: Path) -> None:
    """The error of a wrong call names all of it; of ours nobody reads it, and it takes memory."""
    source = tmp_path / "module.py"
    source.write_text("class Part:\n    class Inner:\n        def take(self): pass\n")
    found = []
    for installed in ("module.py", "_module.py", "_wing/module.py"):
        names: dict[str, Any] = {}
        code = bundle.code_of(source, f"/opt/python/firehose_logging/{installed}")
        exec(code, names)
        found.append(names["Part"].Inner.take.__qualname__)
        assert names["Part"].Inner.__qualname__ == "Part.Inner"

    assert found == ["Part.Inner.take", "take", "take"]


STARTED = """
import sys
import time


def ours():
    prefix = "firehose_logging."
    found = {name.removeprefix(prefix) for name in list(sys.modules) if name.startswith(prefix)}
    return found | {"__init__"}


def handler(event, context):
    deadline = time.monotonic() + 5
    while not ours() >= set(event) and time.monotonic() < deadline:
        time.sleep(0.001)
    return sorted(ours())
"""


@pytest.mark.e2e
def test_bundle_holds_what_a_cold_start_imports(tmp_path: Path) -> None:
    """The bundle has the modules that are there at the first answer, neither more nor fewer.

    Those for later may be there by then, and without a bundle those apart are. The modules come
    from their sources here: out of the bundle all would come that are in it.
    """
    sources = tmp_path / "opt"
    shutil.copytree(e2e_lambda.layer(), sources)
    for file in sources.rglob("bundle.*"):
        file.unlink()
    (tmp_path / "app.py").write_text(STARTED)
    with deployed(tmp_path, layers=(sources,)) as run:
        found = run.invoke(bundle.MODULES).payload

    later = {*bundle.APART, *(name for names in bundle.LATER.values() for name in names)}

    assert sorted(bundle.MODULES) == [name for name in found if name not in later]


def test_nothing_in_it_is_of_one_processor(layer: Path) -> None:
    """Python and its bytecode alone, no machine code: it serves x86_64 and arm64."""
    files = [path for path in layer.rglob("*") if path.is_file()]

    assert len(files) > 50
    assert not [path for path in files if path.read_bytes().startswith(b"\x7fELF")]
    assert not [path for path in files if path.name.endswith((".so", ".dylib", ".pyd"))]
