"""From Athena's SQL to DuckDB's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from firehose_logging._cli.errors import CommandError

if TYPE_CHECKING:
    from sqlglot import Expr

#: Functions that DuckDB has under another name or meaning, as macros of the name that Athena
#: knows. Trino's JSON functions answer NULL for what is no JSON, and json_extract_scalar for what
#: is no scalar. Each has a TRY of its own: before DuckDB 2 one around a CASE catches nothing.
MACROS = (
    "CREATE MACRO athena_json_scalar(text, path) AS CASE WHEN "
    "TRY(json_type(text, path)) IN ('OBJECT', 'ARRAY') THEN NULL "
    "ELSE TRY(json_extract_string(text, path)) END",
    "CREATE MACRO athena_json(text, path) AS TRY(json_extract(text, path))",
    "CREATE MACRO from_iso8601_timestamp(text) AS TRY_CAST(text AS TIMESTAMP)",
)


def to_duckdb(sql: str) -> str:
    """Translate one query.

    Raises:
        CommandError: it cannot be read, or is no query.
    """
    return translate(parse(sql))


def parse(sql: str) -> Expr:
    """The syntax tree of one query in Athena's SQL.

    Raises:
        CommandError: as ``to_duckdb``.
    """
    import sqlglot
    from sqlglot import exp
    from sqlglot.errors import SqlglotError

    try:
        trees = [tree for tree in sqlglot.parse(sql, read="athena") if tree is not None]
    except SqlglotError as error:
        raise CommandError(f"the query cannot be read as Athena's SQL: {_plain(error)}") from None
    if len(trees) != 1 or not isinstance(trees[0], exp.Query):
        raise CommandError(
            'one query is needed, beginning with SELECT or WITH; the table is "logs", the views '
            'are "invocations", "errors" and "instances", raw lines are in "lines"'
        )
    return trees[0]


def translate(tree: Expr) -> str:
    """A syntax tree in DuckDB's SQL."""
    from sqlglot import exp

    def lenient(node: Expr) -> Expr:
        if isinstance(node, (exp.JSONExtractScalar, exp.JSONExtract)):
            scalar = isinstance(node, exp.JSONExtractScalar)
            path = node.expression
            if isinstance(path, exp.JSONPath):
                path = exp.Literal.string(path.sql(dialect="duckdb").strip("'"))
            name = "athena_json_scalar" if scalar else "athena_json"
            return exp.Anonymous(this=name, expressions=[node.this, path])
        return node

    return tree.transform(lenient).sql(dialect="duckdb", identify=False)


def _plain(error: Exception) -> str:
    """The parser's sentence without its terminal colours."""
    import re

    text: str = re.sub(r"\x1b\[\d+m", "", str(error))
    return " ".join(text.split())
