"""Makes queries.sql of Spark, Trino and ClickHouse from ../catalog.sql and ../queries.sql. From the project's root:

pip install -r analytics/engines/requirements.txt
python3 analytics/engines/translate.py
"""

import hashlib
import re
import sys
from pathlib import Path

import sqlglot
from sqlglot import exp
from sqlglot.transforms import eliminate_qualify

HERE = Path(__file__).resolve().parent
SOURCES = ("catalog.sql", "queries.sql")
COMMAND = "python3 analytics/engines/translate.py"

# The quantile of all values, between the two nearest, as DuckDB has it: Trino has an approximate one alone.
TRINO_QUANTILE = (
    "ELEMENT_AT(TRANSFORM(ARRAY[ARRAY_AGG(CAST({value} AS DOUBLE) ORDER BY {value}) FILTER(WHERE {condition})], s -> "
    "ELEMENT_AT(TRANSFORM(ARRAY[{fraction}e0 * (CARDINALITY(s) - 1)], h -> s[CAST(FLOOR(h) AS INTEGER) + 1] "
    "* (1 - h + FLOOR(h)) + s[CAST(CEIL(h) AS INTEGER) + 1] * (h - FLOOR(h))), 1)), 1)"
)

# The days of a calendar, for ClickHouse.
CLICKHOUSE_DAYS = """
select 1 from x array join arrayMap(
  n -> toDate({start}) + n, range(toUInt64(dateDiff('day', {start}, {end}) + 1))
) as {name}
"""

# What each engine is told, and how a view of it begins.
ENGINES = {
    "spark": ("For Apache Spark 3.4 and later, while its session lasts.", "CREATE OR REPLACE TEMPORARY VIEW"),
    "trino": ("For Trino, and for Athena (engine 3), which takes one statement at a time.", "CREATE OR REPLACE VIEW"),
    "clickhouse": ("For ClickHouse, in one session.", "CREATE OR REPLACE VIEW"),
}

# As DuckDB has it: what a join does not find is NULL, and a name is a column's where there is one.
CLICKHOUSE_SETTINGS = "SET join_use_nulls = 1, prefer_column_name_to_alias = 1;"


def statements(text):
    """Comment lines just above each statement, and the statement."""
    for block in re.split(r"(?<=;)\n", text):
        lines = block.strip().rpartition("\n\n")[2].split("\n")
        comments = [line for line in lines if line.startswith("--")]
        yield comments, "\n".join(lines[len(comments):])


def is_table(statement):
    """Whether it reads files: ../<engine>.*.sql has these in the engine's own way."""
    return any(isinstance(table.this, exp.ReadParquet) for table in statement.find_all(exp.Table))


def quantile(node):
    """Value, fraction and condition of a median or percentile, with its filter; None for anything else."""
    inner = node.this if isinstance(node, exp.Filter) else node
    where = node.expression.this if isinstance(node, exp.Filter) else None
    if isinstance(inner, exp.Median):
        return inner.this, "0.5", where
    if isinstance(inner, exp.WithinGroup) and isinstance(inner.this, exp.PercentileCont):
        return inner.expression.expressions[0].this, inner.this.this.name, where
    return None


def exact_quantile(node, engine):
    """A quantile of all values; anything else as it is."""
    found = quantile(node)
    if not found:
        return node
    value, fraction, where = found
    if engine == "trino":
        condition = exp.and_(value.copy().is_(exp.null()).not_(), where)
        return exp.var(
            TRINO_QUANTILE.format(value=value.sql("trino"), condition=condition.sql("trino"), fraction=fraction)
        )
    if engine == "clickhouse":
        call = exp.ParameterizedAgg(
            this="quantileExactInclusive", expressions=[exp.Literal.number(fraction)], params=[value.copy()]
        )
    else:
        call = exp.Anonymous(this="PERCENTILE", expressions=[value.copy(), exp.Literal.number(fraction)])
    return exp.Filter(this=call, expression=exp.Where(this=where.copy())) if where else call


def rewrite(node, engine):
    """A node as the engine has it, where sqlglot's own translation gives other rows."""
    if isinstance(node, exp.Literal) and not node.is_string and isinstance(node.parent, (exp.Case, exp.If)):
        # The mean of decimals has few digits: in Trino as few as they have.
        return exp.Literal.number(f"{node.this}e0") if "." in node.this else node
    if isinstance(node, exp.Select) and node.args.get("qualify"):
        return without_qualify(node)
    if engine == "clickhouse" and isinstance(node, exp.Join) and isinstance(node.this, exp.Unnest):
        days, name = node.this.expressions[0], node.this.args["alias"].columns[0]
        sql = CLICKHOUSE_DAYS.format(start=days.args["start"], end=days.args["end"], name=name)
        return sqlglot.parse_one(sql, read="clickhouse").args["joins"][0]
    if engine == "clickhouse" and isinstance(node, exp.ConcatWs):
        separator, *texts = node.expressions
        return exp.func("arrayStringConcat", exp.array(*texts, dialect="clickhouse"), separator)
    return exact_quantile(node, engine)


def without_qualify(select):
    """The same with a subquery, whose number of a row has a name of its own in each view."""
    view = select.find_ancestor(exp.Create)
    name = f"{view.this.name}_place" if view else "place"
    select = eliminate_qualify(select)
    for identifier in select.find_all(exp.Identifier):
        if identifier.this == "_w":
            identifier.set("this", name)
    return select


def translate(statement, engine, create_view):
    """A statement in the engine's SQL; fails where that has no such thing, or approximates it."""
    tree = sqlglot.parse_one(statement, read="duckdb").transform(rewrite, engine)
    sql = tree.sql(
        dialect=engine, pretty=True, comments=False, max_text_width=110, unsupported_level=sqlglot.ErrorLevel.RAISE
    )
    if "APPROX" in sql:
        raise SystemExit(f"Cannot translate for {engine}: it would approximate; take median or percentile_cont:\n{sql}")
    sql = re.sub(r"FILTER\(WHERE\s+", "FILTER(WHERE ", sql)
    return re.sub(r"^CREATE OR REPLACE VIEW", create_view, sql) + ";"


def make(engine):
    """Text of an engine's queries.sql."""
    told, create_view = ENGINES[engine]
    texts = [(HERE.parent / name).read_text() for name in SOURCES]
    digests = [hashlib.sha256(text.encode()).hexdigest() for text in texts]
    head = [
        f"-- Views of catalog.sql and the named queries. {told}",
        f"-- First make the tables: {engine}.delta.sql or {engine}.directory.sql, beside this directory. What is asked",
        '-- about stands in the view "asked": put values in place of its NULLs, and make it again.',
        f"-- Made by {COMMAND} with sqlglot {sqlglot.__version__}, from",
        *(f"--   {name} sha256 {digest}" for name, digest in zip(SOURCES, digests)),
    ]
    made = ["\n".join(head), *([CLICKHOUSE_SETTINGS] if engine == "clickhouse" else [])]
    for comments, statement in (pair for text in texts for pair in statements(text) if pair[1]):
        if not is_table(sqlglot.parse_one(statement, read="duckdb")):
            made.append("\n".join([*comments, translate(statement, engine, create_view)]))
    return "\n\n".join(made) + "\n"


def main(directory):
    for engine in ENGINES:
        path = Path(directory) / engine / "queries.sql"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(make(engine), newline="\n")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else HERE)
