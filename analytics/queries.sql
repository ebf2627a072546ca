-- Sample queries over the views of catalog.sql. Each begins with its name and one line on what it shows; where it does
-- not take all of --param's names, a line "params" has those it takes.
--   deno task analytics prompt_versions
--   duckdb -init analytics/catalog.sql < analytics/queries.sql
-- overview and freshness tell what each lane holds. All others count a row once, in however many lanes it stands.

-- name: overview
-- Rows, runs and days of each lane, env and source; a row that stands in two lanes counts in both.
select
  lane,
  env,
  source,
  count(*) as rows,
  count(distinct run_id) as runs,
  count(distinct claim_hash) as claims,
  count(distinct c.model) as models,
  min(dt) as first_day,
  max(dt) as last_day
from asked_checks as c
where (select since from asked) is null or dt >= (select since from asked)
group by lane, env, source
order by lane, env, source;

-- name: freshness
-- The last row of each env in each lane, how far it lies behind the lane's last day, and days without rows.
with envs as (
  select
    lane, env,
    count(*) as rows,
    min(dt) as first_day,
    max(dt) as last_day,
    max(created_at) as last_row,
    count(distinct dt) as days_with_rows
  from asked_checks
  where (select since from asked) is null or dt >= (select since from asked)
  group by lane, env
),
lanes as (
  select c.lane, max(c.dt) as lane_day
  from checks as c
  cross join asked as a
  where a.until is null or c.dt <= a.until
  group by c.lane
)
select
  envs.lane, envs.env, envs.rows, envs.last_row, envs.last_day, lanes.lane_day,
  date_diff('day', envs.last_day, lanes.lane_day) as days_behind,
  date_diff('day', envs.first_day, lanes.lane_day) + 1 - envs.days_with_rows as gap_days
from envs
join lanes on lanes.lane = envs.lane
order by envs.lane, envs.env;

-- name: totals
-- The lake in one line: each row once, all envs together.
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
  (select round(avg(power(p - truth, 2)), 4) from resolved) as brier
from executions;

-- name: prompt_versions
-- The newest prompt version and the one before, by env and model: the mean change on claims that both answered.
with measured as (
  select
    env, model, measure, case when measure = 'ci_width' then -1 when measure <> 'p' then 1 end as better,
    case measure
      when 'p' then older_p when 'ci_width' then older_width when 'stability' then older_stability
      when 'compliance' then older_compliance else older_pqs
    end as older,
    case measure
      when 'p' then newer_p when 'ci_width' then newer_width when 'stability' then newer_stability
      when 'compliance' then newer_compliance else newer_pqs
    end as newer
  from prompt_version_pairs
  cross join (values ('p'), ('ci_width'), ('stability'), ('compliance'), ('pqs')) as measures (measure)
)
select
  v.env, v.model, v.older, v.newer, m.measure, v.older_runs, v.newer_runs,
  count(m.newer - m.older) as claims,
  round(avg(m.older) filter (where m.newer is not null), 4) as older_mean,
  round(avg(m.newer) filter (where m.older is not null), 4) as newer_mean,
  round(avg(m.newer - m.older), 4) as change,
  round(stddev_samp(m.newer - m.older) / sqrt(count(m.newer - m.older)), 4) as change_se,
  count(*) filter (where better * (m.newer - m.older) > 0) as wins,
  count(*) filter (where better * (m.newer - m.older) < 0) as losses
from prompt_version_newest as v
left join measured as m on m.env = v.env and m.model = v.model
group by v.env, v.model, v.older, v.newer, m.measure, v.older_runs, v.newer_runs
order by v.env, v.model, m.measure nulls last;

-- name: prompt_version_claims
-- The same two versions claim by claim, by env and model: medians, which one wins, and on what the newer one loses.
select
  claim, env, model, "K", "R", "T", "B",
  case when score > 0 then newer when score < 0 then older else 'tie' end as winner,
  concat_ws(
    ', ',
    case when newer_width > older_width then 'ci_width' end,
    case when newer_stability < older_stability then 'stability' end,
    case when newer_compliance < older_compliance then 'compliance' end,
    case when newer_pqs < older_pqs then 'pqs' end
  ) as newer_loses_on,
  round(older_p, 4) as older_p, round(newer_p, 4) as newer_p,
  round(older_width, 4) as older_width, round(newer_width, 4) as newer_width,
  round(older_stability, 3) as older_stability, round(newer_stability, 3) as newer_stability,
  round(older_compliance, 3) as older_compliance, round(newer_compliance, 3) as newer_compliance,
  older_pqs, newer_pqs
from prompt_version_pairs
order by score, claim nulls last, env, model, "K", "R", "T", "B", claim_hash;

-- name: claim_models
-- The same claim across models, a row each, in the newest prompt version that most of them share; all envs together.
-- params: env, claim, since, until
with per_model as (
  select
    claim_hash, min(claim) as claim, prompt_version, model,
    count(*) as runs,
    median(prob_true_rpl) as p,
    median(p_web - p_prior) as bias_gap,
    max(created_at) as last_seen
  from checks_latest
  where claim_hash is not null and model is not null and prob_true_rpl is not null
  group by claim_hash, prompt_version, model
),
per_claim as (
  select
    claim_hash, min(claim) as claim, prompt_version,
    count(*) as models, avg(p) as mean_p, max(p) - min(p) as spread, max(last_seen) as last_seen
  from per_model
  group by claim_hash, prompt_version
  having count(*) > 1
),
shared as (
  select *
  from per_claim
  qualify row_number() over (partition by claim_hash order by models desc, last_seen desc, prompt_version desc) = 1
)
select
  c.claim, c.prompt_version, c.models, round(c.spread, 3) as spread,
  m.model, m.runs, round(m.p, 3) as p, round(m.p - c.mean_p, 3) as from_mean, round(m.bias_gap, 3) as bias_gap
from shared as c
join per_model as m on m.claim_hash = c.claim_hash and m.prompt_version = c.prompt_version
order by c.spread desc, c.claim nulls last, c.claim_hash, m.p desc, m.model;

-- name: bias_gap
-- How far the web moves each model (p_web - p_prior), and how often towards the truth if at all; all envs together.
select
  model,
  count(*) as web_runs,
  round(avg(p_web - p_prior), 4) as mean_gap,
  round(median(abs(p_web - p_prior)), 4) as median_distance,
  count(*) filter (where resolved_truth is not null) as resolved,
  count(*) filter (where resolved_truth is not null and p_web <> p_prior) as resolved_moved,
  round(
    avg(case when (p_web > p_prior) = resolved_truth then 1.0 else 0.0 end)
      filter (where resolved_truth is not null and p_web <> p_prior),
    3
  ) as towards_truth
from checks_latest
where mode = 'web_informed' and p_web is not null and p_prior is not null
group by model
order by model nulls last;

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
-- Brier score by model, prompt version and mode where the truth is known (0 perfect, 0.25 a coin); all envs together.
select
  model, prompt_version, mode,
  count(*) as runs,
  count(distinct claim_hash) as claims,
  round(avg(power(p - truth, 2)), 4) as brier,
  round(stddev_samp(power(p - truth, 2)) / sqrt(count(*)), 4) as brier_se,
  round(avg(power(prob_true_rpl - truth, 2)), 4) as brier_prior,
  round(avg(p), 3) as mean_p,
  round(avg(truth), 3) as share_true
from resolved
group by model, prompt_version, mode
order by model nulls last, prompt_version nulls last, mode;

-- name: brier_months
-- Brier score by month and mode; all envs together.
select
  strftime(dt, '%Y-%m') as month,
  mode,
  count(*) as runs,
  round(avg(power(p - truth, 2)), 4) as brier,
  round(avg(power(prob_true_rpl - truth, 2)), 4) as brier_prior,
  round(avg(p), 3) as mean_p,
  round(avg(truth), 3) as share_true
from resolved
group by 1, 2
order by 1, 2;

-- name: calibration
-- Where a model says 0.7, are 70 % true? Ten bins by model and prompt version; all envs together.
select
  model, prompt_version, bin_from,
  count(*) as runs,
  round(avg(p), 3) as mean_p,
  round(avg(truth), 3) as share_true,
  round(avg(truth) - avg(p), 3) as gap
from resolved
group by 1, 2, 3
order by 1 nulls last, 2 nulls last, 3;

-- name: reliability
-- The same bins by month and mode; all envs together.
select
  strftime(dt, '%Y-%m') as month,
  mode,
  bin_from,
  count(*) as runs,
  round(avg(p), 3) as mean_p,
  round(avg(truth), 3) as share_true,
  round(avg(truth) - avg(p), 3) as gap
from resolved
group by 1, 2, 3
order by 1, 2, 3;

-- name: widths
-- Width of the confidence interval by day and model, median and quartiles; all envs together.
select
  dt, model,
  count(ci_width) as runs,
  round(percentile_cont(0.25) within group (order by ci_width), 4) as lower_quartile,
  round(median(ci_width), 4) as median_width,
  round(percentile_cont(0.75) within group (order by ci_width), 4) as upper_quartile
from checks_latest
where ci_width is not null
group by dt, model
order by dt, model nulls last;

-- name: cache_hits
-- Cache hit rate by day and env, each execution once: whole runs from the cache, and the mean over samples.
select
  dt,
  env,
  count(*) as rows,
  count(*) filter (where was_cached) as cached,
  round(avg(case when was_cached then 1.0 else 0.0 end), 3) as cached_share,
  round(avg(cache_hit_rate), 3) as mean_hit_rate
from executions
group by dt, env
order by dt, env;

-- name: costs
-- Tokens and cost by day and provider, and per run; each execution once, all envs together.
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
from executions
group by dt, provider
order by dt, provider nulls last;

-- name: costly_runs
-- The twenty most expensive executions, each once, of all envs.
select
  dt, env, run_id, execution_id, provider, model, mode, "K", "R", tokens_in, tokens_out, cost_usd
from executions
where cost_usd is not null
order by cost_usd desc, created_at desc, run_id, execution_id nulls last, env
limit 20;

-- name: checks_per_user
-- Checks by UTC month and user, all envs together; rows without a user are anonymous visitors or research.
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

-- name: allowance
-- Checks used and allowed by month and plan, users near (four fifths), at and over it; needs the dataset usage_ledger.
-- params: since, until
select
  strftime(period_start, '%Y-%m') as month,
  plan,
  count(*) as users,
  sum(checks_used) as used,
  sum(checks_allowed) as allowed,
  round(100.0 * sum(checks_used) / nullif(sum(checks_allowed), 0), 1) as percent,
  count(*) filter (where checks_used >= 0.8 * checks_allowed and checks_used < checks_allowed) as near,
  count(*) filter (where checks_used = checks_allowed) as reached,
  count(*) filter (where checks_used > checks_allowed) as exceeded
from usage
group by 1, 2
order by 1, 2;

-- name: usage_allowance
-- Who has used four fifths of the allowance, or more, by month and plan; needs the dataset usage_ledger.
-- params: since, until
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
order by month desc, plan, used - allowed desc, user_id nulls last;

-- name: request_outcomes
-- How many requests became a check, and how many never did, by day, env and mode; needs the dataset requests.
-- params: env, claim, since, until
with asked_requests as (
  select distinct r.id, r.dt, r.env, r.mode
  from requests as r
  cross join asked as a
  where (a.env is null or r.env = a.env)
    and (a.claim is null or position(lower(a.claim) in lower(r.claim)) > 0)
    and (a.since is null or r.dt >= a.since)
    and (a.until is null or r.dt <= a.until)
),
made as (
  select request_id, count(distinct run_id) as checks from checks where request_id is not null group by request_id
)
select
  r.dt,
  r.env,
  r.mode,
  count(*) as requests,
  count(m.request_id) as became_checks,
  count(*) - count(m.request_id) as never,
  cast(coalesce(sum(m.checks), 0) as bigint) as checks
from asked_requests as r
left join made as m on m.request_id = r.id
group by r.dt, r.env, r.mode
order by r.dt, r.env nulls last, r.mode nulls last;

-- name: gates
-- Gate pass rates among rated runs, and runs that lack gates or pqs, by month and prompt version; all envs together.
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
order by 1, 2 nulls last;

-- name: days
-- Rows by env and day, each once, empty days too; an alert where a day has less than half of the usual, or nothing.
select
  d.env, d.dt, d.rows, d.usual,
  case
    when d.alert = 'no rows' and d.empty_days = 1 then 'no rows for 1 day'
    when d.alert = 'no rows' then concat('no rows for ', cast(d.empty_days as varchar), ' days')
    else d.alert
  end as alert
from env_days as d
cross join asked as a
where a.since is null or d.dt >= a.since
order by d.env, d.dt;

-- name: alerts
-- The ten newest alerts of each env, newest first: days in a row that are flat, or without any rows.
with numbered as (
  select
    d.*,
    date_diff('day', cast('2000-01-01' as date), d.dt) - row_number() over (partition by d.env, d.alert order by d.dt)
      as stretch
  from env_days as d
  cross join asked as a
  where d.alert is not null and (a.since is null or d.dt >= a.since)
),
stretches as (
  select
    env, alert,
    min(dt) as first_day, max(dt) as last_day, count(*) as days, max(empty_days) as empty_days,
    cast(sum(rows) as bigint) as rows, median(usual) as usual
  from numbered
  group by env, alert, stretch
),
aged as (
  select *, row_number() over (partition by env order by last_day desc) as age from stretches
)
select env, last_day, first_day, alert, coalesce(empty_days, days) as days, rows, usual
from aged
where age <= 10
order by last_day desc, env;

-- name: local_production
-- Local research beside production: the same claim, model and prompt version in both envs.
-- params: model, claim, since, until
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
order by abs(p.p - l.p) desc nulls last, l.claim nulls last, l.claim_hash, l.model, l.prompt_version;

-- name: reruns
-- Runs that were executed more than once, by env, and how far their answers lie apart; each execution once.
select
  env, run_id, min(claim) as claim, model, prompt_version,
  count(*) as executions,
  min(dt) as first_day, max(dt) as last_day,
  round(min(prob_true_rpl), 4) as lowest_p, round(max(prob_true_rpl), 4) as highest_p,
  round(max(prob_true_rpl) - min(prob_true_rpl), 4) as spread
from executions
group by env, run_id, model, prompt_version
having count(*) > 1
order by max(prob_true_rpl) - min(prob_true_rpl) desc nulls last, env, run_id, model, prompt_version;
