-- Trino (Hive connector, catalog hive, schema lake): a table and a view a dataset, over one lane of a directory of exports; call what
-- follows it again when days come or go. Replace bucket, prefix and prod. Timestamps are read to the millisecond.
create table hive.lake.prod_checks (
  id varchar,
  run_id varchar,
  env varchar,
  user_id varchar,
  claim varchar,
  claim_hash varchar,
  model varchar,
  prompt_version varchar,
  k bigint,
  r bigint,
  t bigint,
  b bigint,
  seed decimal(20,0),
  bootstrap_seed decimal(20,0),
  max_output_tokens bigint,
  prob_true_rpl double,
  ci_lo double,
  ci_hi double,
  ci_width double,
  template_iqr_logit double,
  stability_score double,
  imbalance_ratio double,
  rpl_compliance_rate double,
  cache_hit_rate double,
  config_json varchar,
  sampler_json varchar,
  counts_by_template_json varchar,
  artifact_json_path varchar,
  prompt_char_len_max integer,
  pqs double,
  gate_compliance_ok boolean,
  gate_stability_ok boolean,
  gate_precision_ok boolean,
  pqs_version varchar,
  was_cached boolean,
  provider_model_id varchar,
  created_at timestamp(3),
  finished_at timestamp(3),
  anon_token varchar,
  mode varchar,
  p_prior double,
  ci_prior_lo double,
  ci_prior_hi double,
  stability_prior double,
  p_web double,
  ci_web_lo double,
  ci_web_hi double,
  n_docs integer,
  n_domains integer,
  median_age_days double,
  web_dispersion double,
  json_valid_rate double,
  date_confident_rate double,
  n_confident_dates double,
  p_combined double,
  ci_combined_lo double,
  ci_combined_hi double,
  w_web double,
  recency_score double,
  strength_score double,
  resolved_flag boolean,
  resolved_truth boolean,
  resolved_reason varchar,
  resolved_support double,
  resolved_contradict double,
  resolved_domains integer,
  resolved_citations varchar,
  provider varchar,
  logical_model varchar,
  schema_version varchar,
  tokens_in bigint,
  tokens_out bigint,
  cost_usd decimal(12,6),
  request_id varchar,
  execution_id varchar,
  source varchar,
  dt date
)
with (
  external_location = 's3://bucket/prefix/prod/',
  format = 'PARQUET',
  partitioned_by = array['dt']
);

call hive.system.sync_partition_metadata('lake', 'prod_checks', 'FULL');

create or replace view hive.lake.checks as
select 'prod' as lane, * from hive.lake.prod_checks;

create table hive.lake.prod_requests (
  id varchar,
  created_at timestamp(3),
  claim varchar,
  mode varchar,
  env varchar,
  user_id varchar,
  dt date
)
with (
  external_location = 's3://bucket/prefix/prod.requests/',
  format = 'PARQUET',
  partitioned_by = array['dt']
);

call hive.system.sync_partition_metadata('lake', 'prod_requests', 'FULL');

create or replace view hive.lake.requests as
select 'prod' as lane, * from hive.lake.prod_requests;

create table hive.lake.prod_usage_ledger (
  id varchar,
  user_id varchar,
  period_start date,
  period_end date,
  plan varchar,
  checks_allowed bigint,
  checks_used bigint,
  updated_at timestamp(3),
  dt date
)
with (
  external_location = 's3://bucket/prefix/prod.usage_ledger/',
  format = 'PARQUET',
  partitioned_by = array['dt']
);

call hive.system.sync_partition_metadata('lake', 'prod_usage_ledger', 'FULL');

create or replace view hive.lake.usage_ledger as
select 'prod' as lane, * from hive.lake.prod_usage_ledger;
