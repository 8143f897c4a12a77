"""Bytecode with each equal part once: the same code for whoever reads it, in fewer bytes."""

from __future__ import annotations

import marshal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from types import CodeType

import pytest

from tools import compact
from tools.interpreters import find_interpreters

MODULES = sorted((Path(compact.__file__).parent.parent / "firehose_logging").glob("_*/*.py"))

#: What a code object is made of. To ask for the old table of lines is a warning since Python 3.12.
PARTS = [
    name
    for name in dir(CodeType)
    if name.startswith("co_") and name != "co_lnotab" and not callable(getattr(CodeType, name))
]


def compiled(source: str, name: str = "<test>") -> CodeType:
    """A module's code."""
    return compile(source, name, "exec", dont_inherit=True)


def functions(code: CodeType) -> Iterator[CodeType]:
    """A module's code and that of all that is in it."""
    yield code
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from functions(inner)


def lines(code: CodeType) -> dict[int, int | None]:
    """The line of each code unit."""
    return {at: line for start, end, line in code.co_lines() for at in range(start, end, 2)}


@pytest.mark.parametrize("source", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_code_is_what_it_was(source):
    """Every part of a module's code is read as it was, and all of it takes fewer bytes."""
    code = compiled(source.read_text("utf-8"))
    packed = compact.dumps(code)

    for before, after in zip(functions(code), functions(marshal.loads(packed)), strict=True):
        for part in PARTS:
            assert getattr(after, part) == getattr(before, part), part
        assert list(after.co_positions() if sys.version_info >= (3, 11) else ()) == list(
            before.co_positions() if sys.version_info >= (3, 11) else ()
        )
    assert len(packed) <= len(marshal.dumps(code))


@pytest.mark.parametrize("source", MODULES, ids=lambda path: f"{path.parent.name}.{path.stem}")
def test_each_instruction_keeps_its_line(source):
    """Shorter tables of lines say the same of each instruction, in each function."""
    code = compiled(source.read_text("utf-8"))
    short = compact.short_lines(code)

    for before, after in zip(functions(code), functions(short), strict=True):
        assert lines(after) == lines(before)
        assert after.co_code == before.co_code
        assert len(after.co_linetable) <= len(before.co_linetable)


def test_a_line_far_away_is_kept():
    """Steps between lines may be large, go back, and take many instructions."""
    text = "def f(a):\n" + "\n" * 5000 + "    return (" + "a +\n" * 200 + "    a)\n"
    code = compiled(text)

    for before, after in zip(functions(code), functions(compact.short_lines(code)), strict=True):
        assert lines(after) == lines(before)


def test_names_without_classes():
    """Functions in each other get shorter names, and stay what they are."""
    text = "class A:\n    def f(self):\n        return lambda: self\n"
    code = compact.short_names(compiled(text))
    names = {}
    exec(code, names)

    made = names["A"]().f()
    assert type(made()) is names["A"]
    if sys.version_info >= (3, 11):
        assert made.__qualname__ == "<lambda>"


def test_equal_parts_become_one():
    """Names and constants that two modules have alike are the same object when they are read."""
    text = "def f(value):\n    return value.one, value.two, (value.three, 'a text, 1.5', 1.5)\n"
    first, second = marshal.loads(compact.dumps([compiled(text), compiled("\n" + text, "<other>")]))
    one, two = list(functions(first))[1], list(functions(second))[1]

    assert one.co_firstlineno != two.co_firstlineno
    assert one.co_names is two.co_names
    assert one.co_consts is two.co_consts


def test_what_can_change_is_never_shared():
    """Two equal lists are two when they are read; one that is there twice is one."""
    twice = [1]
    read = marshal.loads(compact.dumps([[], [], {}, {}, twice, twice]))

    assert read == [[], [], {}, {}, [1], [1]]
    assert len({id(value) for value in read}) == 5
    assert read[4] is read[5]


@pytest.mark.parametrize(
    "value",
    [
        None, True, ..., 0, -1, 2**31, -(2**70), 0.5, 1j, "", "é", "name", "x" * 300, b"\0" * 300,
        (), tuple(range(300)), frozenset({1, "a"}), {"a": (1, {2: None})}, StopIteration,
    ],
)  # fmt: skip
def test_every_kind_of_value(value):
    """What marshal can write is read as it was, also twice in one piece."""
    assert marshal.loads(compact.dumps(value)) == value
    assert marshal.loads(compact.dumps([value, value])) == [value, value]


def test_what_it_does_not_know_stays_as_marshal_wrote_it(monkeypatch):
    """A later Python's new kind of value costs bytes, not the layer."""
    monkeypatch.setattr(compact, "_BARE", b"")

    assert compact.dumps((None, "a")) == marshal.dumps((None, "a"))


@pytest.mark.parametrize("version", find_interpreters())
def test_each_interpreter_knows_its_own(version):
    """On each Python here the parts of code are told apart, and equal ones are one."""
    program = (
        "import marshal, sys; sys.path.insert(0, sys.argv[1]); from tools import compact; "
        "text = open(compact.__file__).read(); "
        "codes = [compile(text, 'a', 'exec'), compile(chr(10) + text, 'b', 'exec')]; "
        "sys.exit(len(compact.dumps(codes)) > 0.9 * len(marshal.dumps(codes)))"
    )
    done = subprocess.run(
        [find_interpreters()[version], "-B", "-S", "-c", program, MODULES[0].parents[2]],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert (done.returncode, done.stderr) == (0, "")
