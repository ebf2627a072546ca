"""Native DuckDB that reads the table through its Postgres extension."""

from pathlib import Path

import duckdb
import duckdb_extension_postgres_scanner

from job import SELECT, URL


def connect() -> duckdb.DuckDBPyConnection:
    """A connection to which the database is attached as pg."""
    connection = duckdb.connect(config={"allow_unsigned_extensions": "true"})
    folder = Path(duckdb_extension_postgres_scanner.__file__).parent
    [extension] = folder.glob("extensions/*/postgres_scanner.duckdb_extension")
    connection.execute(f"load '{extension}'")
    connection.execute("set timezone = 'UTC'")
    connection.execute(f"attach '{URL}' as pg (type postgres, read_only)")
    return connection


def select() -> str:
    """The SELECT in DuckDB's words, over the attached table, which it scans with several sessions."""
    token = "encode(sha256(convert_to(c.anon_token, 'UTF8')), 'hex')"
    assert token in SELECT
    return SELECT.replace(token, "sha256(c.anon_token)").replace("::uuid", "::varchar").replace("from ", "from pg.")
