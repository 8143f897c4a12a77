"""Whatever is set wrong, the function answers as before and one message says what is wrong."""

from __future__ import annotations

import dataclasses
import json
import os
import socket
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from firehose_logging._delivery.journal import PREFIX, name_prefix
from firehose_logging._delivery.journal_files import Journal
from firehose_logging._delivery.segment import SUFFIX
from firehose_logging.settings import Settings
from local_firehose import LocalFirehose
from support.e2e_lambda import STREAM, Run, deployed, open_firehose
from support.e2e_lines import platform, said_by

pytestmark = pytest.mark.e2e

FIRST: list[Any] = [["log", "INFO", "one"], ["print", "two"], ["stderr", "three"], ["warn", "four"]]
SECOND: list[Any] = [["log", "WARNING", "five"], ["raise", "ValueError", "six"]]
SAID = [*said_by(FIRST, 1), *said_by(SECOND, 2)]


def use(run: Run) -> None:
    """Two invocations, one of which fails, and the end."""
    assert run.do(*FIRST, answer="ok").payload == "ok"
    assert run.do(*SECOND).error_message == "six"
    run.shutdown()


@pytest.fixture(scope="module")
def firehose() -> Iterator[LocalFirehose]:
    """One Firehose for those who will not reach it."""
    with open_firehose() as firehose:
        yield firehose


@pytest.fixture(scope="module")
def bare_output(firehose: LocalFirehose) -> dict[str, list[str]]:
    """What CloudWatch holds of the function without the layer."""
    with deployed(with_layer=False, firehose=firehose) as run:
        use(run)
        return run.output


def own_output(run: Run) -> dict[str, list[str]]:
    """What CloudWatch holds without what the package said itself."""
    return {
        stream: [text for text in texts if not text.startswith("firehose_logging: ")]
        for stream, texts in run.output.items()
    }


@contextmanager
def credentials(**changes: str) -> Iterator[LocalFirehose]:
    """A Firehose that knows other credentials than the function has."""
    with open_firehose() as firehose:
        firehose._identity = dataclasses.replace(firehose._identity, **changes)
        yield firehose


#: case: variables, options of the function, what the message must name.
NOTHING_ARRIVES: dict[str, tuple[dict[str, str | None], dict[str, Any], list[str]]] = {
    "no stream": ({"AWS_KINESIS_STREAM_NAME": None}, {}, ["AWS_KINESIS_STREAM_NAME is not set"]),
    "empty stream": ({"AWS_KINESIS_STREAM_NAME": ""}, {}, ["AWS_KINESIS_STREAM_NAME"]),
    "illegal stream": (
        {"AWS_KINESIS_STREAM_NAME": "my/stream"},
        {},
        ["AWS_KINESIS_STREAM_NAME='my/stream'", "letters"],
    ),
    "arn": (
        {"AWS_KINESIS_STREAM_NAME": "arn:aws:firehose:eu-west-1:1:deliverystream/logs"},
        {},
        ["AWS_KINESIS_STREAM_NAME=", "not the ARN"],
    ),
    "unknown stream": (
        {"AWS_KINESIS_STREAM_NAME": "nobodys"},
        {},
        ["stream nobodys", "ResourceNotFoundException", "AWS_KINESIS_STREAM_NAME"],
    ),
    "wrong region": ({}, {"region": "us-west-2"}, ["stream logs", "region"]),
    "bad signature": ({}, {"secret_key": "another"}, ["InvalidSignatureException", "credentials"]),
    "unknown key": ({}, {"access_key": "ASIASOMEBODYELSE0000"}, ["credentials"]),
    "no credentials": (
        {"AWS_EC2_METADATA_DISABLED": "true", "HOME": "/nowhere"},
        {"access_key": "", "secret_key": "", "session_token": ""},
        ["NoCredentials", "credentials"],
    ),
}


@pytest.mark.parametrize("transport", ["auto", "boto3"])
@pytest.mark.parametrize("case", NOTHING_ARRIVES)
def test_nothing_can_be_sent(
    case: str, transport: str, firehose: LocalFirehose, bare_output: dict[str, list[str]]
) -> None:
    """The function is as without the layer, and one message names what is wrong."""
    variables, options, names = NOTHING_ARRIVES[case]
    variables = {"FIREHOSE_LOGGING_TRANSPORT": transport, **variables}
    with deployed(environment=variables, firehose=firehose, **options) as run:
        use(run)

        told, *more = run.told
        assert more == []
        for name in names:
            assert name in told
        assert options.get("secret_key") != "another" or "another" not in told
        assert own_output(run) == bare_output
        assert run.lines == []


#: variable: a wrong value, and a part of what is allowed.
WRONG_VALUES = {
    "HTTP_LOGS_LISTENER_PORT": ("http", "65535"),
    "FIREHOSE_LOGGING_TELEMETRY": ("platforms", "platform, function, extension"),
    "FIREHOSE_LOGGING_TELEMETRY_API": ("telemetri", "telemetry, logs"),
    "FIREHOSE_LOGGING_CAPTURE": ("everything", "logging, stdout, stderr, errors"),
    "FIREHOSE_LOGGING_LEVEL": ("LOUD", "DEBUG"),
    "FIREHOSE_LOGGING_LEVELS": ("user=LOUD", "a comma list of logger=level, each level TRACE"),
    "FIREHOSE_LOGGING_PASSTHROUGH": (
        "perhaps",
        "on, off, or a comma list of metrics, undelivered; using on",
    ),
    "FIREHOSE_LOGGING_FIELDS": ("message=shop", "with no name of a line's own columns"),
    "FIREHOSE_LOGGING_SCHEMA": ("closed", "open, fixed"),
    "FIREHOSE_LOGGING_FLUSH": ("sometimes", "end, periodic, adaptive"),
    "FIREHOSE_LOGGING_INTERVAL": ("0", "seconds"),
    "FIREHOSE_LOGGING_COMPRESSION": ("snappy", "none, gzip"),
    "FIREHOSE_LOGGING_BUFFER_BYTES": ("16 MB", "65536"),
    "FIREHOSE_LOGGING_JOURNAL": ("yes", "on, off, or the absolute path of a folder; using on"),
    "FIREHOSE_LOGGING_TRANSPORT": ("curl", "auto"),
}


def test_every_variable_is_tried() -> None:
    """A variable that is added to the settings is added here."""
    from firehose_logging import settings

    known = {variable for _, variable, _, _ in settings._FIELDS}
    assert known == {*WRONG_VALUES, "AWS_KINESIS_STREAM_NAME"}


def wrong(run: Run) -> list[str]:
    """What was told of values. That the usual port is another test's, now, is told as well."""
    usual = f"HTTP_LOGS_LISTENER_PORT={Settings().listener_port} cannot be used"
    return [told for told in run.told if usual not in told]


@pytest.mark.parametrize("variable", WRONG_VALUES)
def test_a_wrong_value(variable: str, bare_output: dict[str, list[str]]) -> None:
    """A wrong value is told once, with what is allowed; the default holds, all lines arrive."""
    value, allowed = WRONG_VALUES[variable]
    with deployed(environment={variable: value}) as run:
        use(run)

        told, *more = wrong(run)
        assert more == []
        assert f"{variable}={value!r} is not allowed" in told
        assert allowed in told
        assert own_output(run) == bare_output
        run.expect(*SAID)


def test_all_values_wrong(bare_output: dict[str, list[str]]) -> None:
    """Each of many wrong values is told, once; the function and its lines are unharmed."""
    with deployed(environment={name: value for name, (value, _) in WRONG_VALUES.items()}) as run:
        use(run)

        assert len(wrong(run)) == len(WRONG_VALUES)
        assert own_output(run) == bare_output
        run.expect(*SAID)


def test_an_occupied_port(bare_output: dict[str, list[str]]) -> None:
    """A free port is taken instead, which is told; telemetry and all else is there."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = str(other.getsockname()[1])
        with deployed(environment={"HTTP_LOGS_LISTENER_PORT": port}) as run:
            use(run)

            told, *more = run.told
            assert more == []
            assert f"HTTP_LOGS_LISTENER_PORT={port}" in told
            assert own_output(run) == bare_output
            run.expect(*SAID)
            assert len(platform(run.lines, "start")) == 2
            (line,) = (line for line in run.lines if line.get("code"))
            assert (line["code"], line["level"]) == ("port_taken", "WARNING")


@pytest.mark.parametrize("folder", ["/dev/null", "/dev/null/at all"])
def test_an_unwritable_temporary_folder(folder: str, bare_output: dict[str, list[str]]) -> None:
    """Without a place for the crash journal all lines arrive, and one message says so."""
    with deployed(environment={"TMPDIR": folder}) as run:
        use(run)

        told, *more = run.told
        assert more == []
        assert folder in told
        assert "journal" in told
        assert own_output(run) == bare_output
        run.expect(*SAID)


def plant(folder: Path, token: str) -> Path:
    """The journal of a process that is gone, with one line."""
    line = {"type": "function", "level": "INFO", "logger": "user", "message": token}
    journal = Journal(str(folder), name_prefix(STREAM), token)
    journal.append(0, json.dumps(line).encode() + b"\n", 1.0, lambda: 0)
    journal.close(keep=True)
    (path,) = (path for path in folder.iterdir() if token in path.name)
    return path


def test_a_journal_folder_that_is_open_to_all(
    tmp_path: Path, bare_output: dict[str, list[str]]
) -> None:
    """In a folder that is open to all, as /tmp is, nobody reads our lines or puts in theirs."""
    folder = tmp_path / "open"
    folder.mkdir()
    folder.chmod(0o777)
    planted = [plant(folder, "1-linked")]
    planted[0].symlink_to(planted[0].rename(tmp_path / "elsewhere"))
    if os.geteuid() == 0:  # nobody else can give a file away
        planted.append(plant(folder, "1-foreign"))
        os.chown(planted[1], 65534, 65534)
    planted.append(folder / f"{PREFIX}{os.geteuid()}-{STREAM}~1-pipe.1{SUFFIX}")
    os.mkfifo(planted[-1])
    contents = (tmp_path / "elsewhere").read_bytes()
    with deployed(environment={"TMPDIR": str(folder)}) as run:
        assert run.do(*FIRST, answer="ok").payload == "ok"
        ours = set(folder.glob(f"{PREFIX}*")) - set(planted)
        assert {stat.filemode(path.lstat().st_mode) for path in ours} == {"-rw-------"}
        assert run.do(*SECOND).error_message == "six"
        run.shutdown()

        assert run.told == []
        assert own_output(run) == bare_output
        run.expect(*SAID)
        assert set(planted) <= set(folder.iterdir())
        assert (tmp_path / "elsewhere").read_bytes() == contents


def test_an_unknown_stream_is_asked_for_rarely() -> None:
    """Calls that cannot succeed do not grow with the invocations, and hold nobody up."""
    with deployed(environment={"AWS_KINESIS_STREAM_NAME": "nobodys"}) as run:
        for number in range(60):
            run.do(["log", "INFO", f"line {number}"])
        calls = len(run.firehose.ledger.calls)
        run.shutdown()

        assert 1 <= calls <= 12
        # One that was under way, that at SIGTERM, and that for what came after it.
        assert len(run.firehose.ledger.calls) <= calls + 3
        assert len(run.told) == 1


def test_a_stream_that_comes_later() -> None:
    """What could not be delivered at first is delivered when somebody has made the stream."""
    from local_firehose import DeliveryStream, read_lines

    with deployed(environment={"AWS_KINESIS_STREAM_NAME": "later"}) as run:
        run.do(["logs", "INFO", 20])
        bucket = run.env.work / "later"
        bucket.mkdir()
        run.firehose.add_stream(DeliveryStream("later", bucket=bucket))
        run.do(["log", "INFO", "and then"])
        run.shutdown()
        run.firehose.flush()
        lines = [x for x in read_lines(bucket) if x["type"] == "function"]

        assert [x["message"] for x in lines] == [*(f"line {n}" for n in range(20)), "and then"]
