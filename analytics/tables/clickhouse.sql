-- ClickHouse 24.8 or later: a view that reads the files in place. Columns and types come from the files.
-- For a directory of the server use file('exports/*/dt=*/checks*.parquet', 'Parquet') instead of s3(...).
create or replace view checks as
select
  *,
  extract(_path, '([^/]+)/dt=[^/]+/[^/]+$') as lane,
  toDate(extract(_path, 'dt=([0-9-]+)/')) as dt
from s3('https://bucket.s3.us-east-1.amazonaws.com/prefix/*/dt=*/checks*.parquet', 'Parquet')
settings use_hive_partitioning = 0;
