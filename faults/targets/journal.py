"""Fuzz target: journal files as a killed process, a full disk or another program may leave them."""

from __future__ import annotations

import fcntl
import os
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from faults.targets.target import Target
from firehose_logging._delivery.journal import PREFIX, name_prefix
from firehose_logging._delivery.journal_files import Journal
from firehose_logging._delivery.segment import COUNTED, HEADER, MAGIC
from firehose_logging._delivery.segment_reader import read_lines, read_losses

lines = st.lists(st.binary(min_size=1, max_size=60).map(lambda b: b.replace(b"\n", b"") + b"\n"))
damage = st.one_of(
    st.none(),
    st.tuples(st.just("cut"), st.integers(0, 4_000)),
    st.tuples(st.just("flip"), st.integers(0, 4_000)),
    st.tuples(st.just("zero"), st.integers(0, 4_000)),
    st.tuples(st.just("torn"), st.binary(max_size=400)),
)
histories = st.tuples(lines, st.integers(0, 30), lines, damage)
losses = st.dictionaries(
    st.sampled_from(COUNTED),
    st.integers(1, 2**33),
)


def recover(given: tuple[list[bytes], int, list[bytes], Any]) -> None:
    """What was written comes back in order, what was not finished is left out, never an error.

    No fault that we know changes a byte of a line: who writes into our file is the same user. Then
    what comes back is as many lines at most, and each is one.
    """
    first, confirmed, second, harm = given
    with tempfile.TemporaryDirectory() as folder:
        dead = Journal(folder, name_prefix("logs"), "1-dead")
        for index, line in enumerate(first):
            dead.append(index, line, 0.0, lambda: 0)
        if first and confirmed >= len(first):
            dead.forget(None)
            first = []
        for index, line in enumerate(second, 100):
            dead.append(index, line, 0.0, lambda: 0)
        written = first + second
        dead.close(keep=True)
        for path in Path(folder).glob(".*.journal"):
            _harm(path, harm, HEADER + sum(len(line) + 15 & -8 for line in written))
        heir = Journal(folder, name_prefix("logs"), "2-next")
        found = list(heir.recover())
        heir.close(keep=False)

        if harm is None or harm[0] == "torn":
            assert found == written
        elif harm[0] == "cut":
            assert found == written[: len(found)]
        else:
            assert len(found) <= len(written)
            assert all(line.index(b"\n") == len(line) - 1 for line in found)
        assert not list(Path(folder).iterdir())


def _harm(path: Path, harm: tuple[str, Any] | None, end: int) -> None:
    """Do to a file what a kill does while a line is written at ``end``, or what somebody may do."""
    if harm is None:
        return
    kind, how = harm
    data = bytearray(path.read_bytes())
    if kind == "torn":
        data[end + 8 : end + 8 + len(how)] = how
        path.write_bytes(data)
        return
    at = how % len(data)
    if kind == "cut":
        path.write_bytes(data[:at])
    else:
        data[at] = 0 if kind == "zero" else data[at] ^ 0xFF
        path.write_bytes(data)


def count(given: dict[str, int]) -> None:
    """Losses that a process did not live to tell are found by the next one."""
    with tempfile.TemporaryDirectory() as folder:
        dead = Journal(folder, name_prefix("logs"), "1-dead")
        dead.keep_losses(given)
        dead.close(keep=True)
        heir = Journal(folder, name_prefix("logs"), "2-next")
        assert list(heir.recover()) == []
        assert heir.found == {reason: min(n, 0xFFFFFFFF) for reason, n in given.items()}


def read(data: bytes) -> None:
    """Any bytes are lines or nothing."""
    for prefix in (b"", MAGIC, MAGIC + bytes(HEADER - 8)):
        assert all(read_lines(prefix + data))
        assert all(0 <= number < 2**32 for number in read_losses(prefix + data))


def pass_over(data: bytes) -> None:
    """A file that lives, a symlink, a folder and other people's files stay as they are."""
    with tempfile.TemporaryDirectory() as root:
        folder = Path(root, "tmp")
        journal = Journal(str(folder), name_prefix("logs"), "2-next")
        outside = Path(root, "outside")
        outside.write_bytes(MAGIC + data)
        ours = f"{PREFIX}{os.geteuid()}-logs~"
        (folder / f"{ours}link.1.journal").symlink_to(outside)
        (folder / f"{ours}folder.1.journal").mkdir()
        (folder / f"{PREFIX}{os.geteuid()}-other~1.1.journal").write_bytes(data)
        live = folder / f"{ours}live.1.journal"
        live.write_bytes(data)
        before = sorted(path.name for path in folder.iterdir())
        with live.open("rb") as held:
            fcntl.flock(held, fcntl.LOCK_EX)
            assert list(journal.recover()) == []
            assert live.read_bytes() == data
        assert outside.read_bytes() == MAGIC + data
        assert sorted(path.name for path in folder.iterdir()) == before


TARGETS = [
    Target("journal, damaged", histories, recover),
    Target("journal, counted losses", losses, count),
    Target("journal, any bytes", st.binary(max_size=300), read),
    Target("journal, not ours to take", st.binary(max_size=60), pass_over),
]
