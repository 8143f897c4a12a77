"""Record format conversion, and the command over what comes of it."""

from __future__ import annotations

import io
import json

import pytest
from pyarrow import parquet as reader

from firehose_logging._cli import athena
from local_firehose import DeliveryStream, parquet
from support.e2e_lambda import deployed, open_firehose
from support.stories import STORIES

COLUMNS = (
    ("message", "string"),
    ("requestid", "string"),
    ("seq", "bigint"),
    ("coldstart", "boolean"),
    ("stacktrace", "array<string>"),
)


def rows(data):
    """What a converted object holds."""
    return reader.read_table(io.BytesIO(data)).to_pylist()


def test_keys_match_without_their_case():
    """A column without a key is null, a key without a column is dropped, any value has a text."""
    lines = [
        {"message": {"a": 1}, "requestId": "r", "seq": 1, "coldStart": True, "stackTrace": ["x"]},
        {"Message": "text", "seq": "no number", "other": 1},
    ]
    data, failed = parquet.convert("".join(map(json.dumps, lines)).encode(), COLUMNS)

    assert failed == []
    assert rows(data) == [
        {"message": '{"a": 1}', "requestid": "r", "seq": 1, "coldstart": True, "stacktrace": ["x"]},
        {"message": "text", "requestid": None, "seq": None, "coldstart": None, "stacktrace": None},
    ]


@pytest.mark.parametrize(
    ("document", "wanted"),
    [
        ('{"seq": NaN}', {"seq": None}),
        ('{"seq": -Infinity}', {"seq": None}),
        ('{"seq": 9223372036854775808}', {"seq": None}),
        ('{"share": 1e999}', {"share": float("inf")}),
        ('{"message": "\\ud800"}', {"message": "?"}),
        ('{"stacktrace": ["\\ud800", 1]}', {"stacktrace": ["?", "1"]}),
    ],
)
def test_odd_values_hold_nothing_up(document, wanted):
    """What no column can hold is null, or a text; a record like it is not tried for ever."""
    data, failed = parquet.convert(document.encode(), (*COLUMNS, ("share", "double")))

    assert failed == []
    assert wanted.items() <= rows(data)[0].items()


def test_what_is_nested_too_deeply_fails():
    """It is no object that can be read."""
    deep = '{"a":' * 100_000

    assert parquet.convert(deep.encode(), COLUMNS) == (b"", [deep])


def test_what_is_no_object_fails():
    """It is told apart; nothing at all makes no file."""
    assert parquet.convert(b'[1]\nno\n{"seq":1}\n', COLUMNS)[1] == ["[1]", "no"]
    assert parquet.convert(b"", COLUMNS) == (b"", [])


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"compression": "GZIP", "buffer_mib": 64}, "UNCOMPRESSED is needed"),
        ({"buffer_mib": 10}, "64 are needed"),
        ({"buffer_mib": 64, "columns": (("a", "map"),)}, "known here are"),
    ],
)
def test_rules_of_the_service(tmp_path, settings, word):
    """No compression beside it, 64 MiB at least, types that are known."""
    with pytest.raises(ValueError, match=word):
        DeliveryStream("logs", bucket=tmp_path, **{"columns": COLUMNS, **settings})


@pytest.mark.e2e
def test_a_function_with_fixed_columns(tmp_path, capsys):
    """Lines of FIREHOSE_LOGGING_SCHEMA=fixed as Parquet answer like lines of JSON."""
    from firehose_logging._cli.__main__ import main

    settings = {
        "prefix": "firehose/!{timestamp:yyyy/MM/dd/HH}/",
        "error_prefix": "firehose-errors/!{firehose:error-output-type}/",
        "columns": tuple(athena.parquet_columns()),
        "buffer_mib": 64,
    }
    with open_firehose(tmp_path, **settings) as firehose:
        fixed = {"FIREHOSE_LOGGING_SCHEMA": "fixed"}
        with deployed("scripted", fixed, firehose=firehose, timeout=10.0, name="shop") as run:
            requests = [run.do(*STORIES[name]).request_id for name in ("whole", "raised")]
            run.shutdown()
        firehose.flush()
    capsys.readouterr()

    def ask(sql):
        assert main(["query", sql, "--from", str(tmp_path), "--format", "json"]) == 0
        return [json.loads(line) for line in capsys.readouterr().out.splitlines()]

    found = {row["requestId"]: row for row in ask("SELECT * FROM invocations")}
    assert [found[request]["status"] for request in requests] == ["success", "error"]
    assert found[requests[0]]["lines"] == 4
    assert [row["errorType"] for row in ask("SELECT errorType FROM errors")] == ["RuntimeError"]
    extras = ask(
        "SELECT json_extract_scalar(extra, '$.customer') AS c FROM logs WHERE extra IS NOT NULL"
    )
    assert {"c": "c-42"} in extras
    assert main(["verify", "--from", str(tmp_path)]) == 0
    assert not list(tmp_path.glob("firehose-errors/**/*"))
