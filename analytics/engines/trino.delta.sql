-- Trino (Delta Lake connector, catalog delta, schema lake): a table a dataset, over the remote lake. Columns and days come
-- from its log. Replace bucket, prefix and prod. The catalog needs delta.register-table-procedure.enabled = true, and better
-- delta.security = READ_ONLY after that. Timestamps are read to the millisecond. An older snapshot:
--   select count(*) from delta.lake.checks for version as of 0;
call delta.system.register_table(
  schema_name => 'lake', table_name => 'checks', table_location => 's3://bucket/prefix/prod/checks'
);

call delta.system.register_table(
  schema_name => 'lake', table_name => 'requests', table_location => 's3://bucket/prefix/prod/requests'
);

call delta.system.register_table(
  schema_name => 'lake', table_name => 'usage_ledger', table_location => 's3://bucket/prefix/prod/usage_ledger'
);
