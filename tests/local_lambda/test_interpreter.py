"""local_lambda/interpreter.py: what an environment's own /tmp must not hide."""

from __future__ import annotations

from pathlib import Path

from local_lambda.interpreter import steps


def test_every_step_of_a_link_counts(tmp_path: Path) -> None:
    """A link to a link to a folder needs all three."""
    (tmp_path / "venv").mkdir()
    (tmp_path / "one").symlink_to(tmp_path / "venv")
    (tmp_path / "two").symlink_to("one")

    assert steps(tmp_path / "two") == [tmp_path / name for name in ("two", "one", "venv")]


def test_a_link_to_itself_ends(tmp_path: Path) -> None:
    """Links in a circle are no endless walk."""
    (tmp_path / "one").symlink_to("two")
    (tmp_path / "two").symlink_to("one")

    assert steps(tmp_path / "one") == [tmp_path / "one", tmp_path / "two"]
