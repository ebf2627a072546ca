-- ClickHouse 25.8 or later: a view a dataset, over the remote lake as Delta tables. Columns and days come from their log.
-- Replace bucket, region, prefix, KEY, SECRET and prod. An older snapshot:
--   select count() from checks settings delta_lake_snapshot_version = 0;
create named collection if not exists lake as
  url = 'https://bucket.s3.us-east-1.amazonaws.com/prefix/',
  access_key_id = 'KEY',
  secret_access_key = 'SECRET';

create or replace view checks as
select 'prod' as lane, * from deltaLake(lake, filename = 'prod/checks/');

create or replace view requests as
select 'prod' as lane, * from deltaLake(lake, filename = 'prod/requests/');

create or replace view usage_ledger as
select 'prod' as lane, * from deltaLake(lake, filename = 'prod/usage_ledger/');
