"""The entry point: quick, helpful, and quiet when its reader goes away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from firehose_logging._cli.__main__ import COMMANDS, main
from tools.waiting import wait_until

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

    assert (ran.status, "did you mean query? There are: query, tail" in ran.err) == (2, True)
    assert "unknown command 'xyz'. There are: query, tail" in command("xyz").err


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


@pytest.mark.parametrize("sql", ["count(*)", "max(a.seq + b.seq * c.seq)"])
def test_interrupted_in_the_engine(tmp_path, sql):
    """Ctrl-C ends a query that would run for hours."""
    (tmp_path / "lines").write_text('{"seq":1}\n' * 5000)
    scratch = tmp_path / ".scratch"
    scratch.mkdir()
    endless = f"SELECT {sql} FROM logs a, logs b, logs c"
    program = subprocess.Popen(
        [*PROGRAM, "query", endless, "--from", tmp_path],
        stderr=subprocess.PIPE,
        env={**os.environ, "TMPDIR": str(scratch)},
    )
    try:
        # Its folder is made just before the tables are, and the query follows.
        wait_until(lambda: list(scratch.iterdir()) or program.poll() is not None, 30)
        program.send_signal(signal.SIGINT)
        said = program.communicate(timeout=30)[1]
    finally:
        program.kill()
        program.communicate()

    assert program.returncode == 130
    assert b"Traceback" not in said


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
