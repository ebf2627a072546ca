"""One statement, unordered: what DuckDB does by itself."""

from duckdb_postgres import connect, select
from job import TARGET

rows = connect().execute(f"""
    copy (select *, strftime(created_at, '%Y-%m-%d') as dt from ({select()}))
    to '{TARGET}' (format parquet, compression zstd, partition_by (dt), overwrite_or_ignore)""").fetchone()[0]
print(rows)
