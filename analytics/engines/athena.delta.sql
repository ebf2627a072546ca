-- Amazon Athena (engine 3): a table a dataset, over the remote lake as Delta tables. Columns and days come from their log.
-- Replace bucket, prefix and prod. Athena reads the newest snapshot alone; the other engines read older ones too.
create external table checks
location 's3://bucket/prefix/prod/checks/'
tblproperties ('table_type' = 'DELTA');

create external table requests
location 's3://bucket/prefix/prod/requests/'
tblproperties ('table_type' = 'DELTA');

create external table usage_ledger
location 's3://bucket/prefix/prod/usage_ledger/'
tblproperties ('table_type' = 'DELTA');
