-- ClickHouse 24.8 or later: views that read the files in place. Columns and types come from the files.
-- For a directory of the server use file('exports/*/dt=*/checks*.parquet', 'Parquet') instead of s3(...).
create or replace view checks as
select
  *,
  extract(_path, '([^/]+)/dt=[^/]+/[^/]+$') as lane,
  toDate(extract(_path, 'dt=([0-9-]+)/')) as dt
from s3('https://bucket.s3.us-east-1.amazonaws.com/prefix/*/dt=*/checks*.parquet', 'Parquet')
settings use_hive_partitioning = 0;

create or replace view requests as
select
  *,
  extract(_path, '([^/.]+)\\.requests/dt=[^/]+/[^/]+$') as lane,
  toDate(extract(_path, 'dt=([0-9-]+)/')) as dt
from s3('https://bucket.s3.us-east-1.amazonaws.com/prefix/*.requests/dt=*/requests.parquet', 'Parquet')
settings use_hive_partitioning = 0;

create or replace view usage_ledger as
select
  *,
  extract(_path, '([^/.]+)\\.usage_ledger/dt=[^/]+/[^/]+$') as lane,
  toDate(extract(_path, 'dt=([0-9-]+)/')) as dt
from s3('https://bucket.s3.us-east-1.amazonaws.com/prefix/*.usage_ledger/dt=*/usage_ledger.parquet', 'Parquet')
settings use_hive_partitioning = 0;
