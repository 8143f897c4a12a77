"""The entry point: quick, helpful, and quiet when its reader goes away."""

from __future__ import annotations

import subprocess
import sys

import pytest

from firehose_logging._cli.__main__ import COMMANDS, main

PROGRAM = [sys.executable, "-m", "firehose_logging._cli"]


def test_help_names_every_command(command):
    """With an example each."""
    ran = command("--help")

    assert ran.status == 0
    assert all(name in ran.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_an_example(command, name):
    """One that can be typed."""
    ran = command(name, "--help")

    assert ran.status == 0
    assert f"firehose-logging {name}" in ran.out.partition("example:")[2]


def test_unknown_commands_are_told(command):
    """With the nearest name."""
    ran = command("qury")

    assert (ran.status, "did you mean query" in ran.err) == (2, True)


def test_nothing_heavy_is_imported_before_it_is_needed():
    """--help starts neither DuckDB nor boto3."""
    code = (
        "import sys; from firehose_logging._cli.__main__ import main; main(['--help']);"
        "sys.exit(any(name in sys.modules for name in ('duckdb', 'sqlglot', 'rich', 'boto3')))"
    )

    done = subprocess.run([sys.executable, "-c", code], check=False, stdout=subprocess.DEVNULL)

    assert done.returncode == 0


def test_a_missing_extra_is_named(tmp_path, command, monkeypatch):
    """Without what the extra installs, the sentence says how to install it."""
    monkeypatch.setitem(sys.modules, "sqlglot", None)
    ran = command("query", "SELECT 1", "--from", tmp_path)

    assert ran.status == 2
    assert "pip install 'firehose-logging[cli]'" in ran.err


def test_interrupted(monkeypatch, capsys):
    """Ctrl-C ends a command without a traceback, with the status that shells know."""
    from firehose_logging._cli import query

    def interrupt(arguments):
        raise KeyboardInterrupt

    monkeypatch.setattr(query, "main", interrupt)

    assert main(["query"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def test_a_closed_pipe_is_no_error():
    """As with `| head -1`."""
    program = subprocess.Popen(
        [*PROGRAM, "query", "--list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    )
    program.stdout.close()
    with program.stderr:
        said = program.stderr.read()

    assert program.wait() == 0
    assert said == b""
