-- ClickHouse 24.8 or later: a view a dataset, over all lanes of a directory of exports. Columns and types come from the files.
-- Replace bucket, region, prefix, KEY and SECRET. For a directory of the server take file('exports/*/dt=*/checks*.parquet',
-- 'Parquet') in place of s3(...), and leave out the collection.
create named collection if not exists exports as
  url = 'https://bucket.s3.us-east-1.amazonaws.com/prefix/',
  access_key_id = 'KEY',
  secret_access_key = 'SECRET';

create or replace view checks as
select
  *,
  extract(_path, '([^/]+)/dt=[^/]+/[^/]+$') as lane,
  toDate(extract(_path, 'dt=([0-9-]+)/')) as dt
from s3(exports, filename = '*/dt=*/checks*.parquet', format = 'Parquet')
settings use_hive_partitioning = 0;

create or replace view requests as
select
  *,
  extract(_path, '([^/.]+)\\.requests/dt=[^/]+/[^/]+$') as lane,
  toDate(extract(_path, 'dt=([0-9-]+)/')) as dt
from s3(exports, filename = '*.requests/dt=*/requests.parquet', format = 'Parquet')
settings use_hive_partitioning = 0;

create or replace view usage_ledger as
select
  *,
  extract(_path, '([^/.]+)\\.usage_ledger/dt=[^/]+/[^/]+$') as lane,
  toDate(extract(_path, 'dt=([0-9-]+)/')) as dt
from s3(exports, filename = '*.usage_ledger/dt=*/usage_ledger.parquet', format = 'Parquet')
settings use_hive_partitioning = 0;
