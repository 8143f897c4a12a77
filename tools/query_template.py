"""Write what Athena needs into the templates: table, views, named queries, from the command's SQL.

    python -m tools.query_template            write it
    python -m tools.query_template --check    exit status 1 when a template is not up to date

template.yaml has all of it; deploy/table.yaml the same for a bucket that is there, without Parquet.

The part between the two marker lines is made here; nobody edits it by hand.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from firehose_logging._cli import athena, saved
from tools import table_metrics

if TYPE_CHECKING:
    from collections.abc import Iterable

ROOT = Path(__file__).resolve().parent.parent
TEMPLATE = ROOT / "template.yaml"
PART = ROOT / "deploy" / "table.yaml"
BEGIN = "  # --- Athena: made by tools/query_template.py from firehose_logging/_cli/sql "
END = "  # --- end of what is made"
TEXT = "org.apache.hadoop.mapred.TextInputFormat"
TEXT_OUT = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
LAZY = "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe"
PARQUET = "org.apache.hadoop.hive.ql.io.parquet"

HEAD = """\
  QueryDatabase:
    Type: AWS::Glue::Database
    Condition: QueriesLogs
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseInput:
        Name: !Ref QueryDatabaseName
        Description: Logs of Lambda functions, as firehose-logging writes them

  # What a query may cost, and where results go: encrypted, apart from the logs.
  QueryWorkGroup:
    Type: AWS::Athena::WorkGroup
    Condition: QueriesLogs
    Properties:
      Name: !Ref AWS::StackName
      Description: Queries over the logs
      RecursiveDeleteOption: true
      WorkGroupConfiguration:
        BytesScannedCutoffPerQuery: !Ref QueryScanLimit
        EnforceWorkGroupConfiguration: true
        PublishCloudWatchMetricsEnabled: false
        EngineVersion:
          SelectedEngineVersion: Athena engine version 3
        ResultConfiguration:
          OutputLocation: !Sub "s3://${LogBucket}/athena-results/"
          EncryptionConfiguration:
            EncryptionOption: SSE_S3
"""


def main(arguments: list[str]) -> int:
    """Write, or compare."""
    stale = False
    for path in (TEMPLATE, PART):
        before = path.read_text("utf-8")
        after = renewed(before, part=path == PART)
        stale = stale or before != after
        if "--check" not in arguments:
            path.write_text(after, "utf-8")
    return int(stale and "--check" in arguments)


def renewed(template: str, *, part: bool = False) -> str:
    """A template with what stands between the markers made anew.

    Args:
        template: the text of template.yaml, or of the part.
        part: it is deploy/table.yaml.
    """
    head, begin, rest = template.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not begin or not end:
        raise SystemExit(f"the lines {BEGIN!r} and {END!r} are needed in a template")
    made = alone() if part else resources()
    return f"{head}{begin}{'-' * (100 - len(begin))}\n\n{made}\n{end}{tail}"


def resources() -> str:
    """All resources of template.yaml, as YAML below ``Resources``."""
    columns = view("LogsOfColumnsView", "logs", athena.logs_view_of_parquet(),
                   athena.logs_columns(), "ColumnsTable", "QueriesColumns")  # fmt: skip
    parts = [HEAD, lines_table(), columns_table(), logs(), columns, *over_logs()]
    return "\n".join([*parts, table_metrics.resources(key=False)])


def alone() -> str:
    """Those of deploy/table.yaml: always there, and the bucket is a name that is given."""
    text = "\n".join([HEAD, lines_table(), logs(), *over_logs(), table_metrics.resources(key=True)])
    for condition in ("QueriesLogs", "QueriesLines"):
        text = text.replace(f"    Condition: {condition}\n", "")
    return text.replace("${LogBucket}", "${BucketName}")


def logs() -> str:
    """The view that reads columns out of text."""
    return view("LogsView", "logs", athena.logs_view(), athena.logs_columns(),
                "LinesTable", "QueriesLines")  # fmt: skip


def over_logs() -> list[str]:
    """The views over logs, and the saved queries."""
    parts = []
    for name in saved.VIEWS:
        title = f"{name.capitalize()}View"
        parts.append(view(title, name, saved.view(name), athena.view_columns(name),
                          "QueryDatabase", "QueriesLogs"))  # fmt: skip
    return parts + [named_query(name) for name in saved.names()]


def lines_table() -> str:
    """Lines as they lie in the bucket: one text column."""
    return table("LinesTable", "lines", "QueriesLines", [("line", "string")], TEXT, TEXT_OUT, LAZY,
                 # The separator of columns is a control character, which JSON text never holds.
                 {"serialization.format": "1", "serialization.last.column.takes.rest": "true"},
                 "json", "")  # fmt: skip


def columns_table() -> str:
    """The same as Parquet, which Firehose converts to."""
    return table("ColumnsTable", "columns", "QueriesColumns", athena.parquet_columns(),
                 f"{PARQUET}.MapredParquetInputFormat", f"{PARQUET}.MapredParquetOutputFormat",
                 f"{PARQUET}.serde.ParquetHiveSerDe", {"serialization.format": "1"},
                 "parquet", "")  # fmt: skip


def table(
    title: str,
    name: str,
    condition: str,
    columns: Iterable[tuple[str, str]],
    reads: str,
    writes: str,
    serde: str,
    serde_parameters: dict[str, str],
    kind: str,
    below: str,
) -> str:
    """One external table whose partitions are the hours of arrival, projected: no crawler."""
    listed = "\n".join(
        f"            - {{Name: {column}, Type: {kind}}}" for column, kind in columns
    )
    parameters = "\n".join(
        f'              {key}: "{value}"' for key, value in serde_parameters.items()
    )
    return f"""\
  {title}:
    Type: AWS::Glue::Table
    Condition: {condition}
    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref QueryDatabase
      TableInput:
        Name: {name}
        TableType: EXTERNAL_TABLE
        Parameters:
          EXTERNAL: "TRUE"
          classification: {kind}
          projection.enabled: "true"
          projection.hour.type: date
          projection.hour.format: yyyy/MM/dd/HH
          projection.hour.interval: "1"
          projection.hour.interval.unit: HOURS
          projection.hour.range: !Sub "NOW-${{QueryDays}}DAYS,NOW"
          storage.location.template: !Sub "s3://${{LogBucket}}/${{FirehoseS3Prefix}}{below}${{!hour}}/"
        PartitionKeys:
          - {{Name: hour, Type: string}}
        StorageDescriptor:
          Location: !Sub "s3://${{LogBucket}}/${{FirehoseS3Prefix}}{below}"
          InputFormat: {reads}
          OutputFormat: {writes}
          SerdeInfo:
            SerializationLibrary: {serde}
            Parameters:
{parameters}
          Columns:
{listed}
"""


def view(
    title: str,
    name: str,
    sql: str,
    columns: list[tuple[str, str]],
    after: str,
    condition: str,
) -> str:
    """One view, as Athena itself keeps views in Glue: its text and columns as Base64 JSON."""
    kept = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": "${QueryDatabase}",
        "columns": [{"name": column, "type": kind} for column, kind in columns],
    }
    text = json.dumps(kept).replace("'", "''")
    listed = "\n".join(
        f"            - {{Name: {column}, Type: {kind!r}}}".replace("'", '"')
        for column, kind in athena.hive(columns)
    )
    depends = f"    DependsOn: {after}\n" if after != "QueryDatabase" else ""
    return f"""\
  {title}:
    Type: AWS::Glue::Table
    Condition: {condition}
{depends}    Properties:
      CatalogId: !Ref AWS::AccountId
      DatabaseName: !Ref QueryDatabase
      TableInput:
        Name: {name}
        TableType: VIRTUAL_VIEW
        Parameters:
          presto_view: "true"
          comment: Presto View
        ViewExpandedText: /* Presto View */
        ViewOriginalText: !Sub
          - "/* Presto View: ${{Text}} */"
          - Text:
              Fn::Base64: !Sub '{text}'
        PartitionKeys: []
        StorageDescriptor:
          SerdeInfo: {{}}
          Columns:
{listed}
"""


def named_query(name: str) -> str:
    """One saved query in Athena's console."""
    title = "Query" + "".join(part.capitalize() for part in name.split("-"))
    sql = athena.named_query(name, "${QueryDatabase}")
    indented = "\n".join(f"        {line}".rstrip() for line in sql.split("\n"))
    return f"""\
  {title}:
    Type: AWS::Athena::NamedQuery
    Condition: QueriesLogs
    Properties:
      Name: {name}
      Description: {json.dumps(saved.about(name))}
      Database: !Ref QueryDatabase
      WorkGroup: !Ref QueryWorkGroup
      QueryString: !Sub |
{indented}
"""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
