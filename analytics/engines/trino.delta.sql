-- Trino (Delta Lake connector, catalog delta, schema lake): a table and a view a dataset, over the remote lake. Columns and days come
-- from its log. Replace bucket, prefix and prod. The catalog needs delta.register-table-procedure.enabled = true, and better
-- delta.security = READ_ONLY after that. Timestamps are read to the millisecond. An older snapshot:
--   select count(*) from delta.lake.prod_checks for version as of 0;
call delta.system.register_table(
  schema_name => 'lake', table_name => 'prod_checks', table_location => 's3://bucket/prefix/prod/checks'
);

create or replace view delta.lake.checks as
select 'prod' as lane, * from delta.lake.prod_checks;

call delta.system.register_table(
  schema_name => 'lake', table_name => 'prod_requests', table_location => 's3://bucket/prefix/prod/requests'
);

create or replace view delta.lake.requests as
select 'prod' as lane, * from delta.lake.prod_requests;

call delta.system.register_table(
  schema_name => 'lake', table_name => 'prod_usage_ledger', table_location => 's3://bucket/prefix/prod/usage_ledger'
);

create or replace view delta.lake.usage_ledger as
select 'prod' as lane, * from delta.lake.prod_usage_ledger;
