-- DuckDB 1.2 or later without its delta extension: a view a dataset, over the objects of one snapshot. First list them:
--   deno task lake:list --env prod --to s3://bucket/prefix > objects.txt
-- Replace region, KEY and SECRET; a store other than S3 needs endpoint 'HOST:PORT' and url_style 'path' in the secret.
-- A view lasts as long as the session, which has the list.
install httpfs;
load httpfs;

create or replace secret lake (type s3, key_id 'KEY', secret 'SECRET', region 'us-east-1');

create or replace temporary table objects as
select url from read_csv('objects.txt', header = false, delim = '\t', columns = {'url': 'varchar'});

set variable checks = (select list(url) from objects where url like '%/checks/dt=%');

create or replace temporary view checks as
select * from read_parquet(getvariable('checks'), hive_partitioning = true, union_by_name = true);

set variable requests = (select list(url) from objects where url like '%/requests/dt=%');

create or replace temporary view requests as
select * from read_parquet(getvariable('requests'), hive_partitioning = true, union_by_name = true);

set variable usage_ledger = (select list(url) from objects where url like '%/usage_ledger/dt=%');

create or replace temporary view usage_ledger as
select * from read_parquet(getvariable('usage_ledger'), hive_partitioning = true, union_by_name = true);
