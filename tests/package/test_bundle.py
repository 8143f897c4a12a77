"""How modules come out of the bundle: all at once, or one by one."""

from __future__ import annotations

import importlib
import marshal
import sys
from types import CodeType

import pytest

from firehose_logging import _bundle

PACKAGE = "bundled_package"


@pytest.fixture(autouse=True)
def other_package(monkeypatch):
    """The bundle is of a package that nobody has imported; its modules are gone afterwards."""
    monkeypatch.setattr(_bundle, "PACKAGE", PACKAGE)
    monkeypatch.setattr(sys, "meta_path", list(sys.meta_path))
    yield
    for name in loaded():
        del sys.modules[name]


def loaded() -> list[str]:
    """Names of the package's modules that are there."""
    return sorted(name for name in sys.modules if name.partition(".")[0] == PACKAGE)


def bundle(later: str = "", **sources: str) -> _bundle.Bundle:
    """A bundle of these modules; a double underscore in a name stands for a dot.

    The one that is named ``later`` is there as bytes.
    """
    codes: dict[str, CodeType | bytes] = {}
    for name, source in sources.items():
        short = name if name == "__init__" else name.replace("__", ".")
        file = f"/opt/{name}/__init__.py" if name in ("__init__", "wing") else f"/opt/{name}.py"
        codes[short] = compile(source, file, "exec")
    if later:
        codes[later] = marshal.dumps(codes[later])
    made = _bundle.Bundle(codes, "/opt/bundled_package")
    sys.meta_path.insert(0, made)
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


def test_a_module_that_raises_leaves_none_behind():
    """What a module raises comes out, and no half of the package stays."""
    with pytest.raises(ZeroDivisionError):
        bundle(first="", second="1 / 0", __init__="").load()

    assert loaded() == []


def test_a_module_for_later_is_run_when_it_is_imported():
    """Nothing is made of its bytes before."""
    bundle(later="second", first="", second="value = 2", __init__="").load()
    before = loaded()

    assert before == [PACKAGE, f"{PACKAGE}.first"]
    assert importlib.import_module(f"{PACKAGE}.second").value == 2
    assert loaded() == [*before, f"{PACKAGE}.second"]
