create table users (
  id uuid primary key,
  email varchar(320) not null,
  plan varchar(32) not null default 'trial',
  status varchar(32) not null default 'active',
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  constraint uq_users_email unique (email)
);

create table usage_ledger (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  period_start date not null,
  period_end date not null,
  plan varchar(32) not null,
  checks_allowed bigint not null,
  checks_used bigint not null default 0,
  updated_at timestamptz not null default now(),
  constraint uq_usage_period unique (user_id, period_start)
);

create index ix_usage_user on usage_ledger (user_id);

create table sessions (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  created_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  expires_at timestamptz not null,
  user_agent varchar(256)
);

create index ix_sessions_user_id on sessions (user_id);

create table email_tokens (
  id uuid primary key,
  user_id uuid not null references users (id) on delete cascade,
  selector varchar(64) not null,
  verifier_hash varchar(128) not null,
  created_at timestamptz not null default now(),
  expires_at timestamptz not null,
  consumed_at timestamptz,
  constraint uq_email_tokens_selector unique (selector)
);

create index ix_email_tokens_user_id on email_tokens (user_id);

create table checks (
  id uuid primary key,
  run_id varchar(64) not null,
  env varchar(16) not null,
  user_id uuid references users (id) on delete set null,
  claim text,
  claim_hash varchar(64),
  model varchar(64) not null,
  prompt_version varchar(64) not null,
  "K" bigint not null,
  "R" bigint not null,
  "T" bigint,
  "B" bigint,
  seed bigint,
  bootstrap_seed bigint,
  max_output_tokens bigint,
  prob_true_rpl double precision,
  ci_lo double precision,
  ci_hi double precision,
  ci_width double precision,
  template_iqr_logit double precision,
  stability_score double precision,
  imbalance_ratio double precision,
  rpl_compliance_rate double precision,
  cache_hit_rate double precision,
  config_json text,
  sampler_json text,
  counts_by_template_json text,
  artifact_json_path text,
  prompt_char_len_max integer,
  pqs double precision,
  gate_compliance_ok boolean,
  gate_stability_ok boolean,
  gate_precision_ok boolean,
  pqs_version varchar(32),
  was_cached boolean not null default false,
  provider_model_id varchar(64),
  created_at timestamptz not null default now(),
  finished_at timestamptz,
  constraint uq_checks_run_id unique (run_id)
);

create index ix_checks_user_id on checks (user_id);
create index ix_checks_env on checks (env);
create index ix_checks_claim_hash on checks (claim_hash);

create table result_cache (
  id uuid primary key,
  result_key varchar(128) not null,
  run_id varchar(64) not null,
  env varchar(16) not null,
  user_id uuid references users (id) on delete set null,
  payload jsonb not null,
  created_at timestamptz not null default now(),
  last_used_at timestamptz not null default now(),
  constraint uq_result_cache_key unique (result_key)
);

create index ix_result_cache_env on result_cache (env);
create index ix_result_cache_user on result_cache (user_id);
