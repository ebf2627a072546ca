"""Native DuckDB made to keep what our export promises: it writes the days whose fingerprint changed, in order, each to a
staging file that is read back and compared, and renames them together when all are there."""

import json
import os
from pathlib import Path

from duckdb_postgres import connect
from job import ORDERED_SELECT, TARGET

FINGERPRINTS = """
    select to_char(created_at at time zone 'UTC', 'YYYY-MM-DD') as dt, count(*) as rows,
      bit_xor(hash_record_extended(row(xmin, ctid), 0)) as fingerprint
    from public.checks group by 1"""
IS_OF_DAY = "where d.created_at >= '{0} 00:00+00' and d.created_at < timestamptz '{0} 00:00+00' + interval '1 day'"
DIGEST = "select count(*), sum(hash(d)) from {} as d"

connection = connect()
lane, manifest = Path(TARGET), Path(TARGET, "manifest.json")


def ask(sql: str) -> str:
    """A query that Postgres runs, as a table of DuckDB."""
    quoted = sql.replace("'", "''")
    return f"postgres_query('pg', '{quoted}')"


def stage(day: str) -> Path:
    """Writes one day beside its place, synced and equal to what was read."""
    select = ORDERED_SELECT.replace("::uuid", "::text").replace("order by", f"{IS_OF_DAY.format(day)} order by")
    connection.execute(f"create or replace temp table day as from {ask(select)}")
    path = lane / f"dt={day}" / "checks.parquet.staged"
    path.parent.mkdir(parents=True, exist_ok=True)
    connection.execute(f"copy day to '{path}' (format parquet, compression zstd)")
    file = f"read_parquet('{path}', hive_partitioning = false)"
    read, written = (connection.execute(DIGEST.format(table)).fetchone() for table in ("day", file))
    if read != written:
        raise SystemExit(f"{path} is not what was read")
    with open(path, "rb") as staged_file:
        os.fsync(staged_file.fileno())
    return path


connection.execute("begin")  # One snapshot for the fingerprints and all days.
found = {day: [rows, str(mark)] for day, rows, mark in connection.execute(f"from {ask(FINGERPRINTS)}").fetchall()}
known = json.loads(manifest.read_text()) if manifest.exists() else {}
changed = sorted(day for day in found if found[day] != known.get(day))
for path in [stage(day) for day in changed]:
    path.rename(path.with_suffix(""))
for day in known.keys() - found.keys():
    (lane / f"dt={day}" / "checks.parquet").unlink()
lane.mkdir(parents=True, exist_ok=True)
manifest.with_suffix(".staged").write_text(json.dumps(found))
manifest.with_suffix(".staged").rename(manifest)
print(sum(found[day][0] for day in changed))
