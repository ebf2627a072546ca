-- Apache Spark: a view over one directory a lane. Columns and types come from the files, dt from the path, and new days
-- are seen by the next session (or after refresh table). Replace the paths (s3a://bucket/prefix/... or a directory).
create or replace temporary view checks as
select 'local' as lane, * from parquet.`data/exports/local`
union all
select 'prod' as lane, * from parquet.`data/exports/prod`;
