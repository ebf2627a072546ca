alter table checks
  add column provider varchar(32),
  add column logical_model varchar(64),
  add column schema_version varchar(32),
  add column tokens_in bigint,
  add column tokens_out bigint,
  add column cost_usd numeric(12, 6);
