from __future__ import annotations

import copy
import pickle
import re

import pytest

from firehose_logging import Settings, SettingsError
from firehose_logging.errors import FirehoseLoggingError

NAME = "AWS_KINESIS_STREAM_NAME"
PORT = "HTTP_LOGS_LISTENER_PORT"
PRE = "FIREHOSE_LOGGING_"
TYPES = ("platform", "function", "extension")

GOOD = [
    (NAME, "a-Z_0.9", "stream_name", "a-Z_0.9"),
    (NAME, "a-Z_0.9", "stream_names", ("a-Z_0.9",)),
    (NAME, "b, a,b", "stream_names", ("b", "a")),
    (NAME, "b,a", "stream_name", "b"),
    (NAME, "x" * 64, "stream_name", "x" * 64),
    (PORT, "1", "listener_port", 1),
    (PORT, "65535", "listener_port", 65_535),
    (PRE + "TELEMETRY", "function,platform", "telemetry", ("platform", "function")),
    (PRE + "TELEMETRY", " Platform , EXTENSION,", "telemetry", ("platform", "extension")),
    (PRE + "TELEMETRY", "off", "telemetry", ()),
    (PRE + "TELEMETRY_API", "Logs", "telemetry_api", "logs"),
    (PRE + "CAPTURE", "errors,logging", "capture", ("logging", "errors")),
    (PRE + "CAPTURE", "OFF", "capture", ()),
    (
        PRE + "CAPTURE",
        "descriptors,stderr,stdout",
        "capture",
        ("stdout", "stderr", "descriptors"),
    ),
    (PRE + "LEVEL", "debug", "level", 10),
    (PRE + "LEVEL", "warn", "level", 30),
    (PRE + "LEVEL", "TRACE", "level", 5),
    (PRE + "LEVEL", "25", "level", 25),
    (
        PRE + "LEVELS",
        "botocore=WARNING, shop.db = debug,a=25,",
        "levels",
        (("botocore", 30), ("shop.db", 10), ("a", 25)),
    ),
    (PRE + "LEVELS", "off", "levels", ()),
    (PRE + "PASSTHROUGH", "off", "passthrough", ()),
    (PRE + "PASSTHROUGH", "ON", "passthrough", ("on",)),
    (PRE + "PASSTHROUGH", "Metrics", "passthrough", ("metrics",)),
    (PRE + "PASSTHROUGH", "undelivered,metrics", "passthrough", ("metrics", "undelivered")),
    (
        PRE + "FIELDS",
        "service=shop, env = prod ,version=1.4,region,memorySize,eq=a=b,unset=",
        "fields",
        (
            ("service", "shop"),
            ("env", "prod"),
            ("version", "1.4"),
            ("region", None),
            ("memorySize", None),
            ("eq", "a=b"),
        ),
    ),
    (PRE + "SCHEMA", "Fixed", "schema", "fixed"),
    (PRE + "FLUSH", "Periodic", "flush", "periodic"),
    (PRE + "INTERVAL", "0.1", "interval", 0.1),
    (PRE + "INTERVAL", "900", "interval", 900.0),
    (PRE + "COMPRESSION", "GZIP", "compression", "gzip"),
    (PRE + "BUFFER_BYTES", "65536", "buffer_bytes", 65_536),
    (PRE + "JOURNAL", "off", "journal", False),
    (PRE + "JOURNAL", "/mnt/Logs", "journal", "/mnt/Logs"),
    (PRE + "TRANSPORT", "Boto3", "transport", "boto3"),
    (PRE + "TRANSPORT", "direct", "transport", "direct"),
]

BAD = [
    (NAME, "no spaces", ["1 to 64 letters, digits", "not the ARN", "no logs are sent"]),
    (NAME, "x" * 65, ["1 to 64"]),
    (NAME, "a,,b", ["1 to 64"]),
    (NAME, ",".join("abcdefghijk"), ["at most 10", "no logs are sent"]),
    (NAME, "arn:aws:firehose:us-east-1:1:deliverystream/x", ["not the ARN"]),
    (PORT, "0", ["a whole number from 1 to 65535", "using 1234"]),
    (PORT, "65536", ["65535"]),
    (PORT, "12.5", ["a whole number"]),
    (PORT, "\u0661\u0662\u0663x", ["a whole number"]),
    (PRE + "TELEMETRY", "platfrom", [f"a comma list of {', '.join(TYPES)}; or off", "platform"]),
    (PRE + "TELEMETRY", "platform,off", ["a comma list"]),
    (PRE + "TELEMETRY_API", "v2", ["one of telemetry, logs", "using telemetry"]),
    (PRE + "CAPTURE", "print", ["logging, stdout, stderr, errors, descriptors", "or off"]),
    (PRE + "LEVEL", "loud", ["TRACE, DEBUG, INFO, WARNING, ERROR, CRITICAL", "0 to 100"]),
    (PRE + "LEVEL", "101", ["0 to 100"]),
    (PRE + "LEVEL", "-1", ["0 to 100"]),
    (PRE + "LEVELS", "a=loud", ["logger=level", "TRACE, DEBUG", "using none"]),
    (PRE + "LEVELS", "a", ["logger=level"]),
    (PRE + "LEVELS", "=INFO", ["logger=level"]),
    (PRE + "LEVELS", "a=INFO,a=DEBUG", ["each name once"]),
    (PRE + "PASSTHROUGH", "true", ["on, off, or a comma list of metrics, undelivered", "using on"]),
    (PRE + "PASSTHROUGH", "on,metrics", ["on, off, or"]),
    (PRE + "FIELDS", "Level=x", ["no name of a line's own columns", "using none"]),
    (PRE + "FIELDS", "team=x,Code=y", ["no name of a line's own columns", "using none"]),
    (PRE + "FIELDS", "lost=x", ["no name of a line's own columns"]),
    (PRE + "FIELDS", "service", ["without a value accountId, region, functionArn"]),
    (PRE + "FIELDS", "=x", ["name=value"]),
    (PRE + "FIELDS", "a=1,A=2", ["each name once"]),
    (PRE + "SCHEMA", "closed", ["one of open, fixed", "using open"]),
    (PRE + "FLUSH", "always", ["one of end, periodic, adaptive", "using adaptive"]),
    (PRE + "INTERVAL", "0", ["a number of seconds from 0.1 to 900", "using 10"]),
    (PRE + "INTERVAL", "901", ["900"]),
    (PRE + "INTERVAL", "nan", ["from 0.1 to 900"]),
    (PRE + "INTERVAL", "inf", ["from 0.1 to 900"]),
    (PRE + "INTERVAL", "10s", ["a number of seconds"]),
    (PRE + "COMPRESSION", "zip", ["one of none, gzip", "using none"]),
    (PRE + "BUFFER_BYTES", "65535", ["a whole number from 65536 to 1073741824", "16777216"]),
    (PRE + "BUFFER_BYTES", "16MB", ["a whole number"]),
    (PRE + "JOURNAL", "yes", ["on, off, or the absolute path of a folder", "using on"]),
    (PRE + "TRANSPORT", "http", ["one of auto, direct, boto3", "using auto"]),
]


def test_defaults():
    """Without a variable every setting has the default that the documentation states."""
    found = Settings.from_env({})

    assert found == Settings()
    assert found.stream_name is None
    assert found.listener_port == 1234
    assert found.telemetry == ("platform",)
    assert found.telemetry_api == "telemetry"
    assert found.capture == ("logging", "stdout", "stderr", "errors")
    assert (found.level, found.levels, found.passthrough, found.journal) == (0, (), ("on",), True)
    assert (found.fields, found.schema, found.stream_names) == ((), "open", ())
    assert (found.flush, found.interval) == ("adaptive", 10.0)
    assert (found.compression, found.buffer_bytes) == ("none", 16_777_216)
    assert found.transport == "auto"


def test_every_variable_is_tested():
    """A new variable needs good and bad values here."""
    doc = Settings.__doc__ or ""
    named = set(re.findall(r"``((?:FIREHOSE|HTTP|AWS_KINESIS)_\w+)``", doc))

    assert {case[0] for case in GOOD} == {case[0] for case in BAD} == named


@pytest.mark.parametrize(("variable", "text", "field", "value"), GOOD)
def test_good_value(variable, text, field, value):
    """Each variable sets its field, whatever case and spaces around it; nothing is reported."""
    reports = []

    found = Settings.from_env({variable: f" {text} "}, reports.append)

    assert getattr(found, field) == value
    assert type(getattr(found, field)) is type(value)
    assert reports == []


@pytest.mark.parametrize(("variable", "text", "parts"), BAD)
def test_bad_value(variable, text, parts):
    """A wrong value is reported once with variable, value, range and default, which is used."""
    reports = []

    found = Settings.from_env({variable: text}, reports.append)

    assert found == Settings()
    (report,) = reports
    assert report.startswith(f"{variable}={text!r} is not allowed: ")
    assert [part for part in parts if part not in report] == []


def test_every_variable_can_be_wrong_at_once():
    """Wrong values everywhere are one report each, and never an exception."""
    reports = []
    names = {variable for variable, _, _ in BAD}

    found = Settings.from_env(dict.fromkeys(names, "?"), reports.append)

    assert found == Settings()
    assert {report.partition("=")[0] for report in reports} == names
    assert len(reports) == len(names)
    assert Settings.from_env(dict.fromkeys(names, "?")) == Settings()


@pytest.mark.parametrize("text", ["", "  ", "\n"])
def test_empty_is_unset(text):
    """A variable that is set to nothing is not set."""
    reports = []

    assert Settings.from_env({NAME: text, PORT: text}, reports.append) == Settings()
    assert reports == []


@pytest.mark.parametrize(
    ("environ", "level"),
    [
        ({"AWS_LAMBDA_LOG_LEVEL": "warn"}, 30),
        ({"AWS_LAMBDA_LOG_LEVEL": "FATAL"}, 50),
        ({"AWS_LAMBDA_LOG_LEVEL": "nonsense"}, 0),
        ({"AWS_LAMBDA_LOG_LEVEL": "WARN", PRE + "LEVEL": "debug"}, 10),
        ({"AWS_LAMBDA_LOG_LEVEL": "WARN", PRE + "LEVEL": "0"}, 0),
    ],
)
def test_level_of_lambda(environ, level):
    """Lambda's own level counts where ours is not set; what it holds is not ours to judge."""
    reports = []

    assert Settings.from_env(environ, reports.append).level == level
    assert reports == []


@pytest.mark.parametrize(
    ("passthrough", "all_", "metrics", "undelivered"),
    [
        ("on", True, True, False),
        ("off", False, False, False),
        ("metrics", False, True, False),
        ("undelivered", False, False, True),
        ("metrics,undelivered", False, True, True),
    ],
)
def test_what_passes_through(passthrough, all_, metrics, undelivered):
    """Each word of passthrough lets its own kind of line through, and `on` all that is captured."""
    found = Settings(passthrough=passthrough)

    assert (found.passes_all, found.passes_metrics) == (all_, metrics)
    assert found.passes_undelivered == undelivered


def test_place_of_the_journal():
    """The journal is in the temporary folder, nowhere, or where somebody wants it."""
    folders = [
        Settings.from_env({PRE + "JOURNAL": text}).journal_folder("/var/x")
        for text in ("on", "off", "/mnt/a")
    ]

    assert folders == ["/var/x", None, "/mnt/a"]


@pytest.mark.parametrize(
    ("variable", "nearest"),
    [
        ("FLSUH", "FLUSH"),
        ("BUFFER_SIZE", "BUFFER_BYTES"),
        ("TELEMETRY_APIS", "TELEMETRY_API"),
        ("flush", "FLUSH"),
        ("LEVLES", "LEVELS"),
    ],
)
def test_unknown_variable(variable, nearest):
    """A variable that does not exist is told once, with the one that was probably meant."""
    reports = []

    found = Settings.from_env({PRE + variable: "x", "FIREHOSE_OTHER": "x"}, reports.append)

    assert found == Settings()
    assert reports == [f"{PRE}{variable} is no variable of ours; did you mean {PRE}{nearest}?"]


@pytest.mark.parametrize(
    "again", [copy.copy, copy.deepcopy, lambda s: pickle.loads(pickle.dumps(s))]
)
@pytest.mark.parametrize(
    "settings",
    [
        Settings(),
        Settings(
            flush="end", levels={"a": "INFO"}, fields={"team": "x", "region": None}, capture=()
        ),
        Settings(stream_name="a,b", passthrough=True, journal="/tmp/x", telemetry="function"),
        Settings.from_env({"AWS_LAMBDA_LOG_LEVEL": "WARN", "FIREHOSE_LOGGING_TELEMETRY": "off"}),
    ],
)
def test_settings_can_be_copied_and_pickled(settings, again):
    """As a part of a logging configuration, which people copy before they change it."""
    made = again(settings)

    assert made == settings
    assert made.given == settings.given


def test_function_telemetry_turns_capture_off():
    """With `function` telemetry nothing arrives twice, unless capture is asked for."""
    environ = {PRE + "TELEMETRY": "function"}

    assert Settings.from_env(environ).capture == ()
    assert Settings.from_env({**environ, PRE + "CAPTURE": "errors"}).capture == ("errors",)


def test_function_telemetry_turns_capture_off_in_code_too():
    """The same for settings that are made in code, or changed there."""
    both = Settings(telemetry="platform,function")

    assert both.capture == ()
    assert Settings(telemetry="function", capture="errors").capture == ("errors",)
    assert Settings(capture="errors").replace(telemetry="function").capture == ("errors",)
    assert Settings().replace(telemetry="function").capture == ()
    assert both.replace(telemetry="platform").capture == Settings().capture
    assert both.replace(interval=3).capture == ()


def test_environment_is_read_when_called(monkeypatch):
    """Without an argument the process's environment of this moment is read."""
    monkeypatch.setenv(NAME, "one")
    assert Settings.from_env().stream_name == "one"
    monkeypatch.setenv(NAME, "two")
    assert Settings.from_env().stream_name == "two"


@pytest.mark.parametrize(
    ("values", "parts"),
    [
        ({"interval": 0}, ["interval=0 is not allowed", "0.1 to 900"]),
        ({"interval": True}, ["interval=True"]),
        ({"listener_port": "x"}, ["listener_port='x'", "1 to 65535"]),
        ({"flush": None}, ["flush=None", "NoneType"]),
        ({"stream_name": ""}, ["stream_name=''", "1 to 64"]),
        ({"stream_name": b"x"}, ["bytes is not allowed"]),
        ({"telemetry": ["x"]}, ["telemetry=['x']", "platform, function, extension"]),
        ({"passthrough": 1.5}, ["passthrough=1.5", "on, off"]),
        ({"stream_names": ["a", "b c"]}, ["stream_names=['a', 'b c']", "1 to 64"]),
        ({"levels": {"a": "loud"}}, ["levels={'a': 'loud'}", "logger=level"]),
        ({"levels": 5}, ["levels=5", "logger=level"]),
        ({"fields": [("a", "b", "c")]}, ["fields=[('a', 'b', 'c')]", "a name and a value"]),
        ({"fields": None}, ["fields=None", "a name and a value"]),
        ({"journal": "tmp"}, ["journal='tmp'", "absolute path"]),
        ({"bufer_bytes": 1}, ["no setting bufer_bytes", "the settings are stream_name, "]),
    ],
)
def test_wrong_value_in_code(values, parts):
    """In code a wrong value raises, naming setting, value and what is allowed."""
    with pytest.raises(SettingsError) as caught:
        Settings(**values)

    assert isinstance(caught.value, (FirehoseLoggingError, ValueError))
    assert [part for part in parts if part not in str(caught.value)] == []


@pytest.mark.parametrize(
    ("values", "field", "value"),
    [
        ({"telemetry": ()}, "telemetry", ()),
        ({"telemetry": ["function", "platform"]}, "telemetry", ("platform", "function")),
        ({"capture": "off"}, "capture", ()),
        ({"passthrough": False}, "passthrough", ()),
        ({"passthrough": True}, "passthrough", ("on",)),
        ({"passthrough": ["undelivered"]}, "passthrough", ("undelivered",)),
        ({"stream_name": None}, "stream_names", ()),
        ({"stream_names": ["a", "b"]}, "stream_name", "a"),
        ({"levels": {"botocore": "warning", "a,b": 5}}, "levels", (("botocore", 30), ("a,b", 5))),
        ({"levels": "a=INFO"}, "levels", (("a", 20),)),
        (
            {"fields": {"team": "a, b", "region": None}},
            "fields",
            (("team", "a, b"), ("region", None)),
        ),
        ({"fields": ["region", ("n", 1)]}, "fields", (("region", None), ("n", "1"))),
        ({"journal": "/mnt/x"}, "journal", "/mnt/x"),
        ({"interval": 2}, "interval", 2.0),
        ({"level": "INFO"}, "level", 20),
        ({"level": 15}, "level", 15),
    ],
)
def test_values_in_code(values, field, value):
    """In code values may be given in their own types or as the variable's text."""
    assert getattr(Settings(**values), field) == value


def test_settings_never_change():
    """Settings are immutable, comparable and usable as keys."""
    found = Settings(stream_name="logs")
    with pytest.raises(AttributeError, match="cannot be changed; make new ones to set flush"):
        found.flush = "end"
    with pytest.raises(AttributeError, match="flush stays"):
        del found.flush
    with pytest.raises(AttributeError):
        found.other = 1

    assert found.flush == "adaptive"
    assert found == Settings(stream_name="logs") != Settings()
    assert hash(found) == hash(Settings(stream_name="logs"))
    assert found != "logs"


def test_replace():
    """A copy has what was changed and keeps the rest."""
    found = Settings.from_env({NAME: "a", PRE + "FLUSH": "end"})

    copy = found.replace(stream_name="b")

    assert (copy.stream_name, copy.flush) == ("b", "end")
    assert found.stream_name == "a"
    assert found.replace(stream_name="c,d").stream_names == ("c", "d")
    assert copy.replace(flush="end").stream_names == ("b",)
    with pytest.raises(SettingsError):
        found.replace(flush="x")


def test_repr_shows_settings_only():
    """The repr shows every setting, and no credential of the environment."""
    secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
    text = repr(Settings.from_env({"AWS_SECRET_ACCESS_KEY": secret, NAME: "logs"}))

    assert text.startswith("Settings(stream_names=('logs',), ")
    assert "interval=10.0" in text
    assert secret not in text
