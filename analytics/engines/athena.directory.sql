-- Amazon Athena (engine 3): a table a dataset, over all lanes of a directory of exports. Days are computed from the path, so
-- nothing has to be added when one appears. Replace bucket and prefix, and list your lanes.
create external table checks (
  id string,
  run_id string,
  env string,
  user_id string,
  claim string,
  claim_hash string,
  model string,
  prompt_version string,
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
  config_json string,
  sampler_json string,
  counts_by_template_json string,
  artifact_json_path string,
  prompt_char_len_max int,
  pqs double,
  gate_compliance_ok boolean,
  gate_stability_ok boolean,
  gate_precision_ok boolean,
  pqs_version string,
  was_cached boolean,
  provider_model_id string,
  created_at timestamp,
  finished_at timestamp,
  anon_token string,
  mode string,
  p_prior double,
  ci_prior_lo double,
  ci_prior_hi double,
  stability_prior double,
  p_web double,
  ci_web_lo double,
  ci_web_hi double,
  n_docs int,
  n_domains int,
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
  resolved_reason string,
  resolved_support double,
  resolved_contradict double,
  resolved_domains int,
  resolved_citations string,
  provider string,
  logical_model string,
  schema_version string,
  tokens_in bigint,
  tokens_out bigint,
  cost_usd decimal(12,6),
  request_id string,
  execution_id string,
  source string
)
partitioned by (lane string, dt string)
stored as parquet
location 's3://bucket/prefix/'
tblproperties (
  'projection.enabled' = 'true',
  'projection.lane.type' = 'enum',
  'projection.lane.values' = 'local,staging,prod',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2025-01-01,NOW',
  'storage.location.template' = 's3://bucket/prefix/${lane}/dt=${dt}'
);

create external table requests (
  id string,
  created_at timestamp,
  claim string,
  mode string,
  env string,
  user_id string
)
partitioned by (lane string, dt string)
stored as parquet
location 's3://bucket/prefix/'
tblproperties (
  'projection.enabled' = 'true',
  'projection.lane.type' = 'enum',
  'projection.lane.values' = 'local,staging,prod',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2025-01-01,NOW',
  'storage.location.template' = 's3://bucket/prefix/${lane}.requests/dt=${dt}'
);

create external table usage_ledger (
  id string,
  user_id string,
  period_start date,
  period_end date,
  plan string,
  checks_allowed bigint,
  checks_used bigint,
  updated_at timestamp
)
partitioned by (lane string, dt string)
stored as parquet
location 's3://bucket/prefix/'
tblproperties (
  'projection.enabled' = 'true',
  'projection.lane.type' = 'enum',
  'projection.lane.values' = 'local,staging,prod',
  'projection.dt.type' = 'date',
  'projection.dt.format' = 'yyyy-MM-dd',
  'projection.dt.range' = '2025-01-01,NOW',
  'storage.location.template' = 's3://bucket/prefix/${lane}.usage_ledger/dt=${dt}'
);
