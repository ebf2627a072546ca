-- DuckDB with its delta extension: a view a dataset, over the remote lake. Columns and days come from its log.
-- Replace bucket, region, prefix, KEY, SECRET and prod; a store other than S3 needs endpoint 'HOST:PORT' and url_style 'path'
-- in the secret. An older snapshot:
--   select count(*) from delta_scan('s3://bucket/prefix/prod/checks', version => 0);
install delta;
load delta;

create or replace secret lake (type s3, key_id 'KEY', secret 'SECRET', region 'us-east-1');

create or replace view checks as
select * from delta_scan('s3://bucket/prefix/prod/checks');

create or replace view requests as
select * from delta_scan('s3://bucket/prefix/prod/requests');

create or replace view usage_ledger as
select * from delta_scan('s3://bucket/prefix/prod/usage_ledger');
