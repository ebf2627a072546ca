import type { TestDatabase } from "./database.ts";

/** What the backend's Alembic does, one revision after the other: types, defaults, names and the order of columns are
 * those in the catalogs of databases that it made. */
const REVISIONS: readonly string[] = [
  `create table users (
    id uuid not null, email varchar(320) not null, plan varchar(32) default 'trial' not null,
    status varchar(32) default 'active' not null, created_at timestamptz default now() not null,
    updated_at timestamptz default now() not null,
    constraint users_pkey primary key (id), constraint uq_users_email unique (email));
  create table usage_ledger (
    id uuid not null, user_id uuid not null, period_start date not null, period_end date not null,
    plan varchar(32) not null, checks_allowed bigint not null, checks_used bigint default '0' not null,
    updated_at timestamptz default now() not null,
    constraint usage_ledger_pkey primary key (id),
    constraint usage_ledger_user_id_fkey foreign key (user_id) references users (id) on delete cascade,
    constraint uq_usage_period unique (user_id, period_start));
  create index ix_usage_user on usage_ledger (user_id);
  create table sessions (
    id uuid not null, user_id uuid not null, created_at timestamptz default now() not null,
    last_seen_at timestamptz default now() not null, expires_at timestamptz not null, user_agent varchar(256),
    constraint sessions_pkey primary key (id),
    constraint sessions_user_id_fkey foreign key (user_id) references users (id) on delete cascade);
  create index ix_sessions_user_id on sessions (user_id);
  create table email_tokens (
    id uuid not null, user_id uuid not null, selector varchar(64) not null, verifier_hash varchar(128) not null,
    created_at timestamptz default now() not null, expires_at timestamptz not null, consumed_at timestamptz,
    constraint email_tokens_pkey primary key (id), constraint uq_email_tokens_selector unique (selector),
    constraint email_tokens_user_id_fkey foreign key (user_id) references users (id) on delete cascade);
  create index ix_email_tokens_user_id on email_tokens (user_id);
  create table checks (
    id uuid not null, run_id varchar(64) not null, env varchar(16) not null, user_id uuid, claim text,
    claim_hash varchar(64), model varchar(64) not null, prompt_version varchar(64) not null, "K" bigint not null,
    "R" bigint not null, "T" bigint, "B" bigint, seed bigint, bootstrap_seed bigint, max_output_tokens bigint,
    prob_true_rpl double precision, ci_lo double precision, ci_hi double precision, ci_width double precision,
    template_iqr_logit double precision, stability_score double precision, imbalance_ratio double precision,
    rpl_compliance_rate double precision, cache_hit_rate double precision, config_json text, sampler_json text,
    counts_by_template_json text, artifact_json_path text, prompt_char_len_max integer, pqs double precision,
    gate_compliance_ok boolean, gate_stability_ok boolean, gate_precision_ok boolean, pqs_version varchar(32),
    was_cached boolean default 'false' not null, provider_model_id varchar(64),
    created_at timestamptz default now() not null, finished_at timestamptz,
    constraint checks_pkey primary key (id), constraint uq_checks_run_id unique (run_id),
    constraint checks_user_id_fkey foreign key (user_id) references users (id) on delete set null);
  create index ix_checks_user_id on checks (user_id);
  create index ix_checks_env on checks (env);
  create index ix_checks_claim_hash on checks (claim_hash);
  create table result_cache (
    id uuid not null, result_key varchar(128) not null, run_id varchar(64) not null, env varchar(16) not null,
    user_id uuid, payload jsonb not null, created_at timestamptz default now() not null,
    last_used_at timestamptz default now() not null,
    constraint result_cache_pkey primary key (id), constraint uq_result_cache_key unique (result_key),
    constraint result_cache_user_id_fkey foreign key (user_id) references users (id) on delete set null);
  create index ix_result_cache_env on result_cache (env);
  create index ix_result_cache_user on result_cache (user_id)`,

  `alter table users add column stripe_customer_id varchar(64);
  alter table users add column stripe_subscription_id varchar(64);
  alter table users add column billing_anchor date`,

  `alter table checks add column anon_token varchar(64);
  create index ix_checks_env_anon_token on checks (env, anon_token)`,

  `create table anonymous_usage (
    token varchar(64) not null, checks_allowed bigint default 1 not null, checks_used bigint default 0 not null,
    updated_at timestamptz default current_timestamp not null,
    constraint anonymous_usage_pkey primary key (token))`,

  `alter table checks alter column seed type numeric(20, 0) using seed::numeric(20, 0);
  alter table checks alter column bootstrap_seed type numeric(20, 0) using bootstrap_seed::numeric(20, 0)`,

  `alter table checks add column mode varchar(32) default 'baseline' not null;
  ${
    [
      ...["p_prior", "ci_prior_lo", "ci_prior_hi", "stability_prior", "p_web", "ci_web_lo", "ci_web_hi"],
      ...["n_docs integer", "n_domains integer", "median_age_days", "web_dispersion", "json_valid_rate"],
      ...["date_confident_rate", "n_confident_dates", "p_combined", "ci_combined_lo", "ci_combined_hi", "w_web"],
      ...["recency_score", "strength_score", "resolved_flag boolean", "resolved_truth boolean"],
      ...["resolved_reason text", "resolved_support", "resolved_contradict", "resolved_domains integer"],
      ...["resolved_citations text"],
    ].map((column) => `alter table checks add column ${column.includes(" ") ? column : `${column} float`}`).join(";\n")
  }`,

  `alter table checks add column provider varchar(32);
  alter table checks add column logical_model varchar(64);
  alter table checks add column schema_version varchar(32);
  alter table checks add column tokens_in bigint;
  alter table checks add column tokens_out bigint;
  alter table checks add column cost_usd numeric(12, 6)`,

  `create table requests (
    id uuid not null, created_at timestamptz default now() not null, claim text, mode varchar(32), env varchar(16),
    user_id uuid, anon_token varchar(64), user_agent varchar(256), client_ip varchar(64),
    constraint requests_pkey primary key (id),
    constraint requests_user_id_fkey foreign key (user_id) references users (id) on delete set null);
  create index ix_requests_user_id on requests (user_id);
  create index ix_requests_anon_env on requests (env, anon_token);
  alter table checks add column request_id uuid;
  alter table checks add constraint checks_request_id_fkey
    foreign key (request_id) references requests (id) on delete set null`,
];

/** How many revisions the backend's Alembic has. */
export const LAST_REVISION: number = REVISIONS.length;

/** Makes an empty database one that Alembic has brought to a revision: with its table, and without rows. */
export async function upgradeTo({ sql }: TestDatabase, revision: number): Promise<void> {
  await sql.unsafe(`create table alembic_version (
    version_num varchar(32) not null, constraint alembic_version_pkc primary key (version_num))`);
  for (const statements of REVISIONS.slice(0, revision)) await sql.unsafe(statements);
  await sql.unsafe(`insert into alembic_version values ('revision_${revision}')`);
}

/** Adds rows as the backend writes them, and its table feedback, which no migration makes. */
export async function addBackendRows({ sql }: TestDatabase, revision: number): Promise<void> {
  const largestSeed = revision < 5 ? "9223372036854775807" : "18446744073709551615";
  await sql.unsafe(`
    insert into users (id, email) select md5('user ' || n)::uuid, n || '@example.org' from generate_series(1, 3) n;
    insert into usage_ledger (id, user_id, period_start, period_end, plan, checks_allowed, checks_used)
      select id, id, '2025-09-01', '2025-09-30', plan, 3, 1 from users;
    insert into checks (id, run_id, env, user_id, claim, model, prompt_version, "K", "R", seed, bootstrap_seed,
        prob_true_rpl, ci_lo, ci_hi, created_at)
      select md5('check ' || n)::uuid, 'run-' || n, 'production', md5('user ' || n % 4)::uuid, 'claim ' || n, 'gpt-5',
        'v1', 8, 2, ${largestSeed} - n, ${largestSeed}, n / 100.0, 0, 1.0000000000000002,
        timestamptz '2025-09-01 00:00:00.000001+00' + n * interval '7 hours'
      from generate_series(1, 9) n where n % 4 > 0;
    create table feedback (id serial primary key, check_id uuid not null references checks (id), stars integer);
    insert into feedback (check_id, stars) select id, 5 from checks`);
}
