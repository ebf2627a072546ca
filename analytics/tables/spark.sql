-- Apache Spark: one table a lane, one view over them. Columns and types come from the files; dt from the path.
-- Replace the locations (s3a://bucket/prefix/... or a directory).
create table checks_local using parquet location 'data/exports/local';
create table checks_prod using parquet location 'data/exports/prod';

create or replace view checks as
select 'local' as lane, * from checks_local
union all
select 'prod' as lane, * from checks_prod;

-- After new days were exported:
--   refresh table checks_local;
--   alter table checks_local recover partitions;
