"""Athena and Glue in template.yaml: made from the command's SQL, over where the stream writes."""

from __future__ import annotations

import base64
import json
import re
from typing import Any

import pytest
import sqlglot

from firehose_logging._cli import athena, saved
from support import cloudformation, iam
from tools import query_template

KINDS = {
    "AWS::Glue::Database",
    "AWS::Glue::Table",
    "AWS::Athena::NamedQuery",
    "AWS::Athena::WorkGroup",
}


def resources(**parameters: str) -> dict[str, Any]:
    """The resources with these parameters."""
    return cloudformation.resolve(parameters)["Resources"]


@pytest.fixture(scope="module")
def deployed() -> dict[str, Any]:
    """With the defaults."""
    return resources()


@pytest.fixture(scope="module")
def parquet() -> dict[str, Any]:
    """With Parquet."""
    return resources(TableFormat="PARQUET")


def of(found: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    """Properties of the resources of a type."""
    return [each["Properties"] for each in found.values() if each["Type"] == kind]


def tables(found: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Inputs of Glue's tables, by name."""
    listed = [each["TableInput"] for each in of(found, "AWS::Glue::Table")]
    names = {each["Name"]: each for each in listed}
    assert len(names) == len(listed)
    return names


def test_the_template_is_up_to_date() -> None:
    """`python -m tools.query_template` was run after the last change of a query."""
    text = query_template.TEMPLATE.read_text()

    assert query_template.renewed(text) == text


def test_on_by_default_and_off_on_request(deployed: dict[str, Any]) -> None:
    """QueryTable=false leaves nothing of it."""
    assert {each["Type"] for each in deployed.values()} >= KINDS
    assert not {each["Type"] for each in resources(QueryTable="false").values()} & KINDS


@pytest.mark.parametrize("prefix", ["firehose/", "", "a/b/"])
def test_partitions_are_where_the_stream_writes(prefix: str) -> None:
    """The projected location is the stream's prefix, hour by hour."""
    found = resources(FirehoseS3Prefix=prefix)
    (stream,) = of(found, "AWS::KinesisFirehose::DeliveryStream")
    written = stream["ExtendedS3DestinationConfiguration"]["Prefix"]
    parameters = tables(found)["lines"]["Parameters"]

    hour = written.replace("!{timestamp:yyyy/MM/dd/HH}", "${hour}")
    assert parameters["storage.location.template"] == f"s3://stack-logbucket/{hour}"
    assert parameters["projection.enabled"] == "true"
    assert parameters["projection.hour.format"] == "yyyy/MM/dd/HH"
    assert parameters["projection.hour.interval.unit"] == "HOURS"
    assert parameters["projection.hour.range"] == "NOW-400DAYS,NOW"
    assert tables(found)["lines"]["PartitionKeys"] == [{"Name": "hour", "Type": "string"}]


def test_lines_are_text(deployed: dict[str, Any]) -> None:
    """One column; no SerDe reads JSON, so none decides what a key's case or an object means."""
    storage = tables(deployed)["lines"]["StorageDescriptor"]

    assert storage["Columns"] == [{"Name": "line", "Type": "string"}]
    assert storage["SerdeInfo"]["SerializationLibrary"].endswith("LazySimpleSerDe")


@pytest.mark.parametrize("name", ["logs", *saved.VIEWS])
def test_views_are_kept_as_athena_keeps_them(deployed: dict[str, Any], name: str) -> None:
    """Text and columns as Base64 JSON; Glue's own columns are the same in Hive's types."""
    view = tables(deployed)[name]
    text = re.fullmatch(r"/\* Presto View: (\S+) \*/", view["ViewOriginalText"])
    assert text
    kept = json.loads(base64.b64decode(text.group(1)))

    sql, columns = (
        (athena.logs_view(), athena.logs_columns())
        if name == "logs"
        else (saved.view(name), athena.view_columns(name))
    )
    assert kept["originalSql"] == sql
    assert (kept["catalog"], kept["schema"]) == ("awsdatacatalog", "firehose_logging")
    assert [(each["name"], each["type"]) for each in kept["columns"]] == columns
    storage = view["StorageDescriptor"]["Columns"]
    assert [(each["Name"], each["Type"]) for each in storage] == athena.hive(columns)
    assert (view["TableType"], view["Parameters"]["presto_view"]) == ("VIRTUAL_VIEW", "true")


def test_saved_queries_are_named_queries(deployed: dict[str, Any]) -> None:
    """Every one, with the text that is made from the same file."""
    found = {each["Name"]: each for each in of(deployed, "AWS::Athena::NamedQuery")}

    assert set(found) == set(saved.names())
    for name, query in found.items():
        expected = athena.named_query(name, "firehose_logging")
        assert query["QueryString"].rstrip("\n") == expected
        assert query["Description"] == saved.about(name)
        assert sqlglot.parse_one(query["QueryString"], read="athena")


def test_queries_have_a_limit_and_results_of_their_own(deployed: dict[str, Any]) -> None:
    """A bound on what is scanned; results encrypted and not among the logs."""
    (group,) = of(deployed, "AWS::Athena::WorkGroup")
    settings = group["WorkGroupConfiguration"]

    assert settings["BytesScannedCutoffPerQuery"] == 10 * 2**30
    assert settings["EnforceWorkGroupConfiguration"] is True
    result = settings["ResultConfiguration"]
    assert result["EncryptionConfiguration"]["EncryptionOption"] == "SSE_S3"
    assert result["OutputLocation"] == "s3://stack-logbucket/athena-results/"
    assert not result["OutputLocation"].startswith("s3://stack-logbucket/firehose/")


def test_parquet(parquet: dict[str, Any]) -> None:
    """Firehose converts by the table's schema, compresses nothing itself, and may read Glue."""
    (stream,) = of(parquet, "AWS::KinesisFirehose::DeliveryStream")
    target = stream["ExtendedS3DestinationConfiguration"]
    conversion = target["DataFormatConversionConfiguration"]
    schema = conversion["SchemaConfiguration"]

    assert (target["CompressionFormat"], target["BufferingHints"]["SizeInMBs"]) == (
        "UNCOMPRESSED",
        64,
    )
    assert (schema["DatabaseName"], schema["TableName"]) == ("firehose_logging", "columns")
    role = parquet["FirehoseDeliveryRole"]["Properties"]
    table = "arn:aws:glue:eu-central-1:123456789012:table/firehose_logging/columns"
    assert iam.decide(iam.policies_of(role), "glue:GetTableVersions", table) == iam.ALLOWED
    (function,) = of(parquet, "AWS::Lambda::Function")
    assert function["Environment"]["Variables"]["FIREHOSE_LOGGING_SCHEMA"] == "fixed"


def test_parquet_has_the_same_tables(parquet: dict[str, Any], deployed: dict[str, Any]) -> None:
    """Columns instead of lines below, the same logs, views and queries above."""
    assert set(tables(parquet)) - {"columns"} == set(tables(deployed)) - {"lines"}
    columns = tables(parquet)["columns"]["StorageDescriptor"]["Columns"]
    assert [(each["Name"], each["Type"]) for each in columns] == athena.parquet_columns()
    logs = tables(parquet)["logs"]["StorageDescriptor"]["Columns"]
    assert logs == tables(deployed)["logs"]["StorageDescriptor"]["Columns"]


def test_json_converts_nothing(deployed: dict[str, Any]) -> None:
    """Without Parquet the stream is as it was."""
    (stream,) = of(deployed, "AWS::KinesisFirehose::DeliveryStream")

    assert "DataFormatConversionConfiguration" not in stream["ExtendedS3DestinationConfiguration"]
