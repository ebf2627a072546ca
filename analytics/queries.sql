-- Sample queries over the views of catalog.sql. Each begins with its name and one line on what it shows.
--   deno task analytics prompt_versions
--   duckdb -init analytics/catalog.sql < analytics/queries.sql

-- name: overview
-- Rows, runs and days of each lane, env and source.
select
  lane,
  env,
  source,
  count(*) as rows,
  count(distinct run_id) as runs,
  count(distinct claim_hash) as claims,
  count(distinct model) as models,
  min(dt) as first_day,
  max(dt) as last_day
from checks
group by lane, env, source
order by lane, env, source;

-- name: totals
-- The lake in one line.
select
  count(*) as rows,
  count(distinct run_id) as runs,
  count(distinct claim_hash) as claims,
  count(distinct model) as models,
  min(dt) as first_day,
  max(dt) as last_day,
  sum(cost_usd) as cost_usd,
  round(avg(case when mode = 'web_informed' then 1.0 else 0.0 end), 3) as web_share,
  round(avg(case when was_cached then 1.0 else 0.0 end), 3) as cached_share,
  round(avg(power(coalesce(p_combined, prob_true_rpl) - cast(resolved_truth as integer), 2)), 4) as brier
from checks;

-- name: prompt_versions
-- The two newest prompt versions at equal model, K, R, T, B: on how many claims the newer wins and loses.
select
  model, "K", "R", "T", "B", older, newer,
  count(*) as claims,
  count(*) filter (where score > 0) as wins,
  count(*) filter (where score < 0) as losses,
  count(*) filter (where score = 0) as ties,
  round(median(newer_width - older_width), 4) as ci_width_change,
  round(median(newer_stability - older_stability), 4) as stability_change,
  round(median(newer_compliance - older_compliance), 4) as compliance_change,
  round(median(newer_pqs - older_pqs), 1) as pqs_change
from prompt_version_pairs
group by model, "K", "R", "T", "B", older, newer
order by model, "K", "R", "T", "B";

-- name: prompt_version_claims
-- The same comparison claim by claim: medians of both versions, which one wins, and on what the newer one loses.
select
  claim, model, "K", "R", "T", "B",
  case when score > 0 then newer when score < 0 then older else 'tie' end as winner,
  concat_ws(
    ', ',
    case when newer_width > older_width then 'ci_width' end,
    case when newer_stability < older_stability then 'stability' end,
    case when newer_compliance < older_compliance then 'compliance' end,
    case when newer_pqs < older_pqs then 'pqs' end
  ) as newer_loses_on,
  round(older_width, 4) as older_width, round(newer_width, 4) as newer_width,
  round(older_stability, 3) as older_stability, round(newer_stability, 3) as newer_stability,
  round(older_compliance, 3) as older_compliance, round(newer_compliance, 3) as newer_compliance,
  older_pqs, newer_pqs
from prompt_version_pairs
order by score, claim, model, "K", "R", "T", "B";

-- name: claim_models
-- The same claim across models, in the newest prompt version most of them share: spread and bias gap.
with per_model as (
  select
    claim_hash, min(claim) as claim, prompt_version, model,
    median(prob_true_rpl) as p,
    median(p_web - p_prior) as bias_gap,
    max(created_at) as last_seen
  from checks_latest
  where claim_hash is not null and prob_true_rpl is not null
  group by claim_hash, prompt_version, model
),
per_claim as (
  select
    claim_hash, min(claim) as claim, prompt_version,
    count(*) as models,
    max(p) filter (where model ilike 'gpt%') as gpt,
    max(p) filter (where model ilike 'grok%') as grok,
    max(p) filter (where model ilike 'gemini%') as gemini,
    max(p) - min(p) as spread,
    arg_min(model, p) as lowest,
    arg_max(model, p) as highest,
    avg(bias_gap) as bias_gap,
    max(last_seen) as last_seen
  from per_model
  group by claim_hash, prompt_version
  having count(*) > 1
)
select
  claim, prompt_version, models,
  round(gpt, 3) as gpt, round(grok, 3) as grok, round(gemini, 3) as gemini,
  round(spread, 3) as spread, lowest, highest, round(bias_gap, 3) as bias_gap
from per_claim
qualify row_number() over (partition by claim_hash order by models desc, last_seen desc, prompt_version desc) = 1
order by per_claim.spread desc, claim;

-- name: bias_gap
-- How far the web moves each model (p_web - p_prior), and how often towards the truth.
select
  model,
  count(*) as web_runs,
  round(avg(p_web - p_prior), 4) as mean_gap,
  round(median(abs(p_web - p_prior)), 4) as median_distance,
  count(*) filter (where resolved_truth is not null) as resolved,
  round(
    avg(case when (p_web > p_prior) = resolved_truth then 1.0 when resolved_truth is not null then 0.0 end), 3
  ) as towards_truth
from checks_latest
where mode = 'web_informed' and p_web is not null and p_prior is not null
group by model
order by model;

-- name: web_share
-- Share of web_informed runs and how many of them are resolved, by month and env.
select
  strftime(dt, '%Y-%m') as month,
  env,
  count(*) as runs,
  count(*) filter (where mode = 'web_informed') as web_runs,
  round(avg(case when mode = 'web_informed' then 1.0 else 0.0 end), 3) as web_share,
  count(*) filter (where mode = 'web_informed' and resolved_flag) as resolved,
  round(avg(case when resolved_flag then 1.0 else 0.0 end) filter (where mode = 'web_informed'), 3) as resolved_rate,
  round(avg(n_domains), 1) as mean_domains
from checks_latest
group by 1, 2
order by 1, 2;

-- name: brier
-- Brier score by month and mode where the truth is known; 0 is perfect, 0.25 is a coin.
select
  strftime(dt, '%Y-%m') as month,
  mode,
  count(*) as runs,
  round(avg(power(coalesce(p_combined, prob_true_rpl) - cast(resolved_truth as integer), 2)), 4) as brier,
  round(avg(power(prob_true_rpl - cast(resolved_truth as integer), 2)), 4) as brier_prior,
  round(avg(coalesce(p_combined, prob_true_rpl)), 3) as mean_p,
  round(avg(case when resolved_truth then 1.0 else 0.0 end), 3) as share_true
from checks_latest
where resolved_truth is not null and coalesce(p_combined, prob_true_rpl) is not null
group by 1, 2
order by 1, 2;

-- name: reliability
-- Reliability bins by month and mode: where a model says 0.7, are 70 % true?
with answered as (
  select
    strftime(dt, '%Y-%m') as month,
    mode,
    coalesce(p_combined, prob_true_rpl) as p,
    case when resolved_truth then 1.0 else 0.0 end as truth
  from checks_latest
  where resolved_truth is not null and coalesce(p_combined, prob_true_rpl) between 0 and 1
)
select
  month,
  mode,
  least(floor(p * 10), 9) / 10 as bin_from,
  count(*) as runs,
  round(avg(p), 3) as mean_p,
  round(avg(truth), 3) as share_true,
  round(avg(truth) - avg(p), 3) as gap
from answered
group by 1, 2, 3
order by 1, 2, 3;

-- name: cache_hits
-- Cache hit rate by day and env: whole runs from the cache, and the mean over samples.
select
  dt,
  env,
  count(*) as rows,
  count(*) filter (where was_cached) as cached,
  round(avg(case when was_cached then 1.0 else 0.0 end), 3) as cached_share,
  round(avg(cache_hit_rate), 3) as mean_hit_rate
from checks
group by dt, env
order by dt, env;

-- name: costs
-- Tokens and cost by day and provider, and per run.
select
  dt,
  provider,
  count(*) as rows,
  count(cost_usd) as priced,
  sum(tokens_in) as tokens_in,
  sum(tokens_out) as tokens_out,
  sum(cost_usd) as cost_usd,
  round(avg(cast(cost_usd as double)), 6) as cost_per_run,
  round(avg(tokens_in + tokens_out)) as tokens_per_run
from checks
group by dt, provider
order by dt, provider nulls last;

-- name: costly_runs
-- The twenty most expensive executions.
select
  dt, env, run_id, execution_id, provider, model, mode, "K", "R", tokens_in, tokens_out, cost_usd
from checks
where cost_usd is not null
order by cost_usd desc, created_at desc, run_id, execution_id
limit 20;

-- name: checks_per_user
-- Checks by UTC month and user; rows without a user are anonymous visitors or research.
select
  strftime(dt, '%Y-%m') as month,
  user_id,
  case when user_id is not null then 'user' when anon_token is not null then 'anonymous' else 'research' end as kind,
  count(*) as checks,
  count(distinct anon_token) as visitors,
  count(distinct claim_hash) as claims,
  count(*) filter (where was_cached) as cached,
  sum(cost_usd) as cost_usd
from checks_latest
group by 1, 2, 3
order by 1, checks desc, kind, user_id nulls last;

-- name: usage_allowance
-- Who has used four fifths of the allowance, or more, by month and plan; needs the dataset usage_ledger.
select
  strftime(period_start, '%Y-%m') as month,
  plan,
  user_id,
  checks_used as used,
  checks_allowed as allowed,
  round(100.0 * checks_used / nullif(checks_allowed, 0), 1) as percent,
  case when checks_used > checks_allowed then 'over' when checks_used = checks_allowed then 'full' else 'near' end
    as standing
from usage
where checks_used >= 0.8 * checks_allowed
order by month desc, plan, used - allowed desc, user_id nulls last, lane;

-- name: request_outcomes
-- How many requests became a check, and how many never did, by day and mode; needs the dataset requests.
with made as (
  select lane, request_id, count(*) as checks from checks where request_id is not null group by lane, request_id
)
select
  r.lane,
  r.dt,
  r.mode,
  count(*) as requests,
  count(m.request_id) as became_checks,
  count(*) - count(m.request_id) as never,
  cast(coalesce(sum(m.checks), 0) as bigint) as checks
from requests as r
left join made as m on m.lane = r.lane and m.request_id = r.id
group by r.lane, r.dt, r.mode
order by r.lane, r.dt, r.mode nulls last;

-- name: gates
-- Gate pass rates among rated runs, and runs that lack gates or pqs, by month and prompt version.
select
  strftime(dt, '%Y-%m') as month,
  prompt_version,
  count(*) as runs,
  round(avg(case when gate_compliance_ok then 1.0 when not gate_compliance_ok then 0.0 end), 3) as compliance_pass,
  round(avg(case when gate_stability_ok then 1.0 when not gate_stability_ok then 0.0 end), 3) as stability_pass,
  round(avg(case when gate_precision_ok then 1.0 when not gate_precision_ok then 0.0 end), 3) as precision_pass,
  count(*) filter (where gate_compliance_ok and gate_stability_ok and gate_precision_ok) as pass_all,
  count(*) filter (
    where gate_compliance_ok is null or gate_stability_ok is null or gate_precision_ok is null
  ) as without_gates,
  count(*) filter (where pqs is null) as without_pqs,
  median(pqs) as median_pqs
from checks_latest
group by 1, 2
order by 1, 2;

-- name: days
-- Rows by env and day, empty days too; "flat" where a day has less than half the median of the 7 before.
with counts as (
  select env, dt, count(*) as rows from checks group by env, dt
),
spans as (
  select env, min(dt) as first_day, (select max(dt) from checks) as last_day from checks group by env
),
calendar as (
  select env, cast(unnest(generate_series(cast(first_day as timestamp), cast(last_day as timestamp), interval 1 day)) as date) as dt
  from spans
),
daily as (
  select calendar.env, calendar.dt, coalesce(counts.rows, 0) as rows
  from calendar
  left join counts on counts.env = calendar.env and counts.dt = calendar.dt
),
compared as (
  select
    *,
    median(rows) over (partition by env order by dt rows between 7 preceding and 1 preceding) as usual,
    count(*) over (partition by env order by dt rows between 7 preceding and 1 preceding) as days_before
  from daily
)
select
  env,
  dt,
  rows,
  usual,
  case when days_before >= 3 and rows < usual / 2 then 'flat' end as alert
from compared
order by env, dt;

-- name: local_production
-- Local research beside production: the same claim, model and prompt version in both envs.
with per_env as (
  select
    env, claim_hash, min(claim) as claim, model, prompt_version,
    count(*) as runs, median(prob_true_rpl) as p, median(ci_width) as ci_width, median(stability_score) as stability
  from checks_latest
  where env in ('local', 'production') and claim_hash is not null
  group by env, claim_hash, model, prompt_version
)
select
  l.claim, l.model, l.prompt_version,
  l.runs as local_runs, p.runs as production_runs,
  round(l.p, 3) as local_p, round(p.p, 3) as production_p, round(p.p - l.p, 3) as difference,
  round(l.ci_width, 3) as local_width, round(p.ci_width, 3) as production_width,
  abs(p.p - l.p) > (l.ci_width + p.ci_width) / 2 as disagree
from per_env as l
join per_env as p
  on p.claim_hash = l.claim_hash and p.model = l.model and p.prompt_version = l.prompt_version
where l.env = 'local' and p.env = 'production'
order by abs(p.p - l.p) desc, l.claim, l.model, l.prompt_version;

-- name: reruns
-- Runs that were executed more than once, and how far their answers lie apart.
select
  env, run_id, min(claim) as claim, model, prompt_version,
  count(*) as executions,
  min(dt) as first_day, max(dt) as last_day,
  round(min(prob_true_rpl), 4) as lowest_p, round(max(prob_true_rpl), 4) as highest_p,
  round(max(prob_true_rpl) - min(prob_true_rpl), 4) as spread
from checks
group by env, run_id, model, prompt_version
having count(*) > 1
order by spread desc nulls last, env, run_id, model, prompt_version;
