-- Amazon Athena (engine 3): a table and a view a dataset, over the remote lake as Delta tables. Columns and days come from their log.
-- Replace bucket, prefix and prod. Athena reads the newest snapshot alone; the other engines read older ones too.
create external table prod_checks
location 's3://bucket/prefix/prod/checks/'
tblproperties ('table_type' = 'DELTA');

create or replace view checks as
select 'prod' as lane, * from prod_checks;

create external table prod_requests
location 's3://bucket/prefix/prod/requests/'
tblproperties ('table_type' = 'DELTA');

create or replace view requests as
select 'prod' as lane, * from prod_requests;

create external table prod_usage_ledger
location 's3://bucket/prefix/prod/usage_ledger/'
tblproperties ('table_type' = 'DELTA');

create or replace view usage_ledger as
select 'prod' as lane, * from prod_usage_ledger;
