-- Apache Spark: a view a dataset, over one directory a lane of exports. Columns and types come from the files, dt from the path,
-- and new days are seen by the next session (or after refresh table). Replace data/exports (s3a://bucket/prefix or a directory)
-- and the lanes.
create or replace temporary view checks as
select 'local' as lane, * from parquet.`data/exports/local`
union all
select 'prod' as lane, * from parquet.`data/exports/prod`;

create or replace temporary view requests as
select 'local' as lane, * from parquet.`data/exports/local.requests`
union all
select 'prod' as lane, * from parquet.`data/exports/prod.requests`;

create or replace temporary view usage_ledger as
select 'local' as lane, * from parquet.`data/exports/local.usage_ledger`
union all
select 'prod' as lane, * from parquet.`data/exports/prod.usage_ledger`;
