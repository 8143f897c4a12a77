"""Objects as they are: damaged, foreign, old, empty, twice compressed."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest

from firehose_logging._cli import lake, objects

LINES = [
    {"type": "function", "level": "INFO", "instanceId": "a", "seq": n, "message": f"line {n}"}
    for n in range(1, 401)
]
TEXT = "".join(json.dumps(line) + "\n" for line in LINES).encode()
KEY = "firehose/2026/11/28/10/logs-1-2026-11-28-10-00-00-01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def asked(tmp_path, command):
    """Count the lines of objects: number, and what was said on stderr."""

    def run(**contents):
        for name, content in contents.items():
            path = tmp_path / f"{KEY}{name}"
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        ran = command(
            "query",
            "SELECT count(*) AS n, count(seq) AS s FROM logs",
            "--from",
            tmp_path,
            "--format",
            "json",
        )
        return json.loads(ran.out) if ran.status == 0 else ran.status, ran.err

    return run


@pytest.mark.parametrize(
    "content",
    [TEXT, gzip.compress(TEXT), TEXT[:-1], gzip.compress(TEXT[:9000]) + gzip.compress(TEXT[9000:])],
    ids=["plain", "gzip", "no newline at the end", "two members"],
)
def test_sound_objects(asked, content):
    """By their bytes, whatever their names; several gzip members are one text."""
    assert asked(x=content) == ({"n": 400, "s": 400}, "")


def test_names_mean_nothing(asked):
    """Plain text called .gz, gzip called .json."""
    assert asked(**{".gz": TEXT, ".json": gzip.compress(TEXT)}) == ({"n": 800, "s": 800}, "")


def test_cut_gzip(asked):
    """Lines up to the cut are read, and it is said."""
    found, said = asked(good=gzip.compress(TEXT), cut=gzip.compress(TEXT)[:-300])

    assert 400 < found["n"] < 800
    assert "1 object ends too early" in said
    assert f"{KEY}cut" in said


def test_half_lines(asked):
    """A line that is no JSON is left out, counted and shown."""
    found, said = asked(half=TEXT + b'{"type":"func\n' + TEXT)

    assert found == {"n": 800, "s": 800}
    assert "1 line is no JSON object" in said
    assert '{"type":"func' in said


def test_two_objects_on_one_line(asked):
    """A producer without newlines: nothing is lost."""
    assert asked(x=TEXT.replace(b"\n", b"")) == ({"n": 400, "s": 400}, "")


def test_compressed_twice(asked):
    """Both layers are taken off, and the mistake is named."""
    found, said = asked(x=gzip.compress(gzip.compress(TEXT)))

    assert found == {"n": 400, "s": 400}
    assert "UNCOMPRESSED" in said


def test_foreign_objects(asked):
    """What is not ours is left out and named."""
    found, said = asked(ours=TEXT, csv=b"a,b\n1,2\n", image=b"\x89PNG\r\n", array=b"[1]\n")

    assert found == {"n": 400, "s": 400}
    assert "3 objects" in said


def test_only_foreign_objects(asked):
    """Nothing of ours at all is an error."""
    status, said = asked(csv=b"a,b\n1,2\n")

    assert status == 1
    assert "none of its 1 objects holds lines" in said


def test_lines_of_older_versions(asked, tmp_path, command):
    """Columns that a line has not are NULL; members that no column is for do no harm."""
    old = (
        b'{"timestamp":"2026-11-28T10:00:00Z","message":"old","seq":"7","zzz":{"a":1}}\n'
        b'{"seq":{"not":"a number"}}\n'
    )

    assert asked(old=old, new=TEXT) == ({"n": 402, "s": 401}, "")


@pytest.mark.parametrize(
    "line", [b'{"type":"\\ud800"}', b'{"type":"a","type":"b"}', b'{"type":"\xff"}']
)
def test_lines_that_only_python_reads(asked, line):
    """Halves of surrogate pairs, keys that come twice, bytes that are no UTF-8: kept."""
    found, said = asked(x=TEXT + line + b"\n")

    assert found == {"n": 401, "s": 400}
    assert said == ""


def test_empty_objects(asked):
    """An object without a byte has no lines."""
    assert asked(empty=b"", full=TEXT) == ({"n": 400, "s": 400}, "")


def test_much_is_told(asked, monkeypatch):
    """Before gigabytes are read, it is said how many, and how to read less."""
    monkeypatch.setattr(lake, "MUCH", 1000)

    assert "--since reads less" in asked(x=TEXT)[1]


def test_kinds(tmp_path: Path):
    """An object is what its first bytes say."""
    cases = {
        b"": objects.EMPTY,
        b"\n": objects.EMPTY,
        TEXT: objects.PLAIN,
        gzip.compress(TEXT): objects.GZIP,
        gzip.compress(b"a,b"): objects.FOREIGN,
        b"PAR1xx": objects.PARQUET,
        b"[]": objects.FOREIGN,
    }

    for content, kind in cases.items():
        (tmp_path / "x").write_bytes(content)
        assert objects.kind(tmp_path / "x") == kind
