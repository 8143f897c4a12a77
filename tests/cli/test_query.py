"""SQL over the lines of a real run."""

from __future__ import annotations

import csv
import io
import json
from datetime import datetime, timezone

import pytest

from firehose_logging._cli import saved

pytestmark = pytest.mark.e2e


@pytest.fixture
def ask(bucket, command):
    """Rows of a query over the real run."""

    def run(*arguments):
        ran = command("query", *arguments, "--from", bucket.folder, "--format", "json")
        assert (ran.status, ran.err) == (0, "")
        return [json.loads(line) for line in ran.out.splitlines()]

    return run


def test_every_column_has_its_type(ask):
    """Times are times, numbers numbers, flags flags, lists lists, objects JSON text."""
    row = ask(
        "SELECT typeof(timestamp) AS a, typeof(seq) AS b, typeof(coldStart) AS c, "
        "typeof(stackTrace) AS d, typeof(record) AS e, typeof(message) AS f FROM logs LIMIT 1"
    )

    assert list(row[0].values()) == [
        "TIMESTAMP",
        "BIGINT",
        "BOOLEAN",
        "VARCHAR[]",
        "VARCHAR",
        "VARCHAR",
    ]


def test_message_is_text_or_json_text(ask, bucket):
    """A message that is an object is its JSON text; functions reach into it."""
    rows = ask(
        "SELECT message, json_extract_scalar(message, '$.nested.is') AS nested FROM logs "
        f"WHERE requestId = '{bucket.requests['whole']}' AND logger = 'user' ORDER BY seq"
    )

    assert [row["message"] for row in rows] == [
        "order taken",
        '{"nested":{"is":"fine"}}',
        "running low",
    ]
    assert [row["nested"] for row in rows] == [None, "fine", None]


def test_extras_are_reachable_without_touching_the_table(ask):
    """Whatever was logged besides is in the raw line."""
    rows = ask(
        "SELECT json_extract_scalar(line, '$.customer') AS customer, count(*) AS lines FROM lines "
        "WHERE json_extract_scalar(line, '$.customer') IS NOT NULL GROUP BY 1"
    )

    assert rows == [{"customer": "c-42", "lines": 1}]


def test_the_hour_is_the_objects(ask):
    """The partition column of Athena's table is a column here too."""
    rows = ask("SELECT DISTINCT hour FROM logs")

    for row in rows:
        datetime.strptime(row["hour"], "%Y/%m/%d/%H").replace(tzinfo=timezone.utc)
    assert rows


def test_invocations(ask, bucket):
    """One row an invocation, with what the platform reported and what was logged."""
    rows = {row["requestId"]: row for row in ask("SELECT * FROM invocations")}

    assert rows.keys() == set(bucket.requests.values())
    found = {name: rows[request] for name, request in bucket.requests.items()}
    assert {name: row["status"] for name, row in found.items()} == {
        "whole": "success",
        "caught": "success",
        "raised": "error",
        "logged and raised": "error",
        "timed out": "timeout",
        "after": "success",
    }
    assert [name for name, row in found.items() if row["coldStart"]] == ["whole", "after"]
    assert found["whole"]["initMs"] > 0
    assert found["raised"]["errorType"] == "RuntimeError"
    assert found["timed out"]["errorType"] == "Sandbox.Timedout"
    assert found["caught"]["errorType"] is None
    assert found["timed out"]["durationMs"] == pytest.approx(2000, abs=500)
    assert {name: row["lines"] for name, row in found.items()} == {
        "whole": 4,
        "caught": 2,
        "raised": 2,
        "logged and raised": 2,
        "timed out": 1,
        "after": 5,
    }
    for row in found.values():
        assert row["functionName"] == "shop"
        assert row["memoryMb"] == 128
        assert row["maxMemoryMb"] > 0
        assert row["attempts"] == 1
        assert row["cost"] == pytest.approx(
            row["billedMs"] / 1000 * 128 / 1024 * 0.0000166667 + 0.0000002
        )


def test_errors_are_one_row_a_failure(ask, bucket):
    """An uncaught error is a line and two events of the platform, and one row here."""
    names = {request: name for name, request in bucket.requests.items()}
    rows = ask("SELECT requestId, kind, errorType, errorMessage, location FROM errors")

    assert sorted(
        (names[row["requestId"]], row["kind"], row["errorType"] or "") for row in rows
    ) == [
        ("caught", "logged", ""),
        ("caught", "logged", "KeyError"),
        ("logged and raised", "logged", "KeyError"),
        ("logged and raised", "uncaught", "ValueError"),
        ("raised", "uncaught", "RuntimeError"),
        ("timed out", "timeout", "Sandbox.Timedout"),
    ]
    raised = next(row for row in rows if row["errorType"] == "RuntimeError")
    assert raised["errorMessage"] == "asked for it"
    assert ":_raise:" in raised["location"]


def test_instances(ask):
    """The environment that timed out and the one after it, nothing missing, nothing twice."""
    rows = ask("SELECT * FROM instances ORDER BY firstAt")

    assert [row["invocations"] for row in rows] == [5, 1]
    for row in rows:
        assert (row["firstSeq"], row["missing"], row["duplicates"], row["lost"]) == (1, 0, 0, 0)
        assert row["lastSeq"] == row["lines"]
        assert row["initMs"] > 0


def test_losses_are_those_that_the_package_tells(tmp_path, command):
    """An extra of the function's named lost or diverted is none, in views and saved queries."""
    users = {"type": "function", "logger": "shop", "lost": {"refused": 9}, "diverted": 2}
    told = {"type": "extension", "logger": "firehose_logging", "lost": {"refused": 3}}
    lines = [users, {**users, "lost": {"refused": "all"}}, told]
    (tmp_path / "lines").write_text(
        "".join(
            json.dumps({"instanceId": "i", "seq": n, **each}) + "\n" for n, each in enumerate(lines)
        )
    )

    def asked(*query):
        ran = command("query", *query, "--from", tmp_path, "--format", "json")
        return [json.loads(line) for line in ran.out.splitlines()]

    assert [row["lost"] for row in asked("SELECT lost FROM instances")] == [3]
    assert [row["lost"] for row in asked("--saved", "losses")] == ['{"refused":3}']
    assert [row["lostLines"] for row in asked("--saved", "health")] == [3]


@pytest.mark.parametrize("name", saved.names())
def test_saved_queries_answer(ask, bucket, name):
    """Each saved query runs over real output."""
    known = {"request": bucket.requests["raised"], "execution": "none"}
    told = [f"--param={each}={known[each]}" for each in saved.parameters(name)]

    rows = ask("--saved", name, *told)

    empty = {"duplicates", "execution", "gaps", "losses"}
    assert bool(rows) == (name not in empty)


def test_slowest_shows_what_it_logged(ask, bucket):
    """The slowest invocation stands first, with its last words."""
    first = ask("--saved", "slowest")[0]

    assert (first["requestId"], first["lastMessage"]) == (
        bucket.requests["timed out"],
        "last words",
    )


def test_request_is_a_story(ask, bucket):
    """Function and platform, in order."""
    rows = ask("--saved", "request", "--param", f"request={bucket.requests['raised']}")

    assert [row["timestamp"] for row in rows] == sorted(row["timestamp"] for row in rows)
    assert {"about to fail", "RuntimeError: asked for it"} <= {row["message"] for row in rows}
    assert {"platform.start", "platform.runtimeDone", "platform.report"} <= {
        row["type"] for row in rows
    }


def test_formats(bucket, command):
    """A table for people, JSON lines and CSV for programs."""
    query = ("query", "SELECT 1 AS one, NULL AS none, 'a, b' AS text", "--from", bucket.folder)

    assert json.loads(command(*query, "--format", "json").out) == {
        "one": 1,
        "none": None,
        "text": "a, b",
    }
    rows = list(csv.reader(io.StringIO(command(*query, "--format", "csv").out)))
    assert rows == [["one", "none", "text"], ["1", "", "a, b"]]
    assert "a, b" in command(*query).out


@pytest.mark.parametrize(
    ("sql", "word"),
    [
        ("SELEC 1", "Athena"),
        ("DROP TABLE logs", "SELECT or WITH"),
        ("SELECT 1; SELECT 2", "SELECT or WITH"),
        ("SELECT nothing FROM logs", "nothing"),
        ("SELECT * FROM nowhere", "nowhere"),
    ],
)
def test_wrong_queries_are_told(bucket, command, sql, word):
    """What is wrong, in a sentence, without a traceback."""
    ran = command("query", sql, "--from", bucket.folder)

    assert ran.status == 2
    assert word in ran.err
    assert "Traceback" not in ran.err


def test_a_query_or_a_name_is_needed(bucket, command):
    """One of the two, and a saved query's parameters."""
    assert "--saved NAME" in command("query", "--from", bucket.folder).err
    assert (
        "did you mean slowest" in command("query", "--saved", "slow", "--from", bucket.folder).err
    )
    assert (
        "--param request=VALUE"
        in command("query", "--saved", "request", "--from", bucket.folder).err
    )


def test_values_of_parameters_are_text(bucket, command):
    """A quote in a value ends nothing."""
    value = "request=x' OR 'a'='a"
    ran = command(
        *("query", "--saved", "request", "--param", value, "--from", bucket.folder),
        *("--format", "json"),
    )

    assert (ran.status, ran.out) == (0, "")


def test_list_and_print_need_no_source(command):
    """The names of the saved queries, and their SQL for Athena's console."""
    assert "cold-starts" in command("query", "--list").out
    printed = command("query", "--saved", "errors", "--print")
    assert printed.out.startswith("SELECT timestamp, kind")


@pytest.fixture
def one_line(tmp_path):
    """A bucket with one line."""
    folder = tmp_path / "one"
    folder.mkdir()
    (folder / "object").write_text('{"timestamp":"2026-11-28T10:00:00.000000Z","message":"m"}\n')
    return folder


def test_sql_of_a_file_or_of_stdin(command, one_line, tmp_path, monkeypatch):
    """A query need not stand on the command line."""
    (tmp_path / "a.sql").write_text("SELECT message FROM logs")
    ask = ("--from", one_line, "--format", "csv")
    assert command("query", f"@{tmp_path / 'a.sql'}", *ask).out == "message\nm\n"
    monkeypatch.setattr("sys.stdin", io.StringIO("SELECT message FROM logs"))

    assert command("query", "-", *ask).out == "message\nm\n"


def test_a_file_that_is_not_there(command, one_line, tmp_path):
    """The message names it."""
    ran = command("query", f"@{tmp_path / 'nowhere.sql'}", "--from", one_line)

    assert ran.status == 2
    assert "nowhere.sql" in ran.err


@pytest.mark.parametrize(
    ("more", "word"), [(("--threads", "0"), "at least 1"), (("--threads", "2"), "")]
)
def test_threads_of_the_engine(command, one_line, more, word):
    """At least one."""
    ran = command("query", "SELECT message FROM logs", "--from", one_line, *more)

    assert word in ran.err
    assert ran.status == (2 if word else 0)


def test_a_parameter_needs_a_value(command, one_line):
    """NAME=VALUE, and the message says so."""
    ran = command("query", "--saved", "request", "--param", "request", "--from", one_line)

    assert ran.status == 2
    assert "write NAME=VALUE" in ran.err
