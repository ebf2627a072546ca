-- What each named query must answer, asked of Postgres in its own way: of "rows", each row once, "latest", the last of
-- each env's run, "known", rows of earlier days too, "ledger" and "asks"; "lanes" has each row as often as it was exported.

-- name: overview
select lane, env, source, count(*) as rows, count(distinct run_id) as runs, count(distinct claim_hash) as claims,
  count(distinct model) as models, min(day) as first_day, max(day) as last_day
from lanes where day >= coalesce((select since from given), day) group by 1, 2, 3 order by 1, 2, 3

-- name: freshness
select lane, env, count(*) as rows, max(created_at)::text as last_row, max(day) as last_day, lane_day,
  lane_day - max(day) as days_behind,
  (select count(*) from generate_series(min(l.day), lane_day, interval '1 day') as d
    where not exists (select from lanes as x where x.lane = l.lane and x.env = l.env and x.day = d::date
      and x.day >= coalesce((select since from given), x.day))) as gap_days
from lanes as l
join (select lane, max(day) as lane_day from all_lanes where day <= coalesce((select until from given), day) group by lane) as e
  using (lane)
where day >= coalesce((select since from given), day)
group by lane, env, lane_day order by 1, 2

-- name: totals
select count(*) as rows, count(distinct run_id) as runs, count(distinct claim_hash) as claims, count(distinct model) as models,
  min(day) as first_day, max(day) as last_day, sum(cost_usd) as cost_usd,
  round(sum((mode = 'web_informed')::int)::numeric / count(*), 3) as web_share,
  round(sum(was_cached::int)::numeric / count(*), 3) as cached_share,
  (select round(avg((said - was) * (said - was))::numeric, 4) from told) as brier
from rows

-- name: prompt_versions
with setting as (
  select env, model, prompt_version, claim_hash, array["K", "R", "T", "B"] as setting, measure,
    percentile_cont(0.5) within group (order by value) as value
  from latest, lateral (values ('p', prob_true_rpl), ('ci_width', ci_width), ('stability', stability_score),
    ('compliance', rpl_compliance_rate), ('pqs', pqs)) as v (measure, value)
  where claim_hash is not null group by 1, 2, 3, 4, 5, 6
),
pairs as (
  select v.env, v.model, v.older, v.newer, v.older_runs, v.newer_runs, n.measure, o.value as a, n.value as b,
    case n.measure when 'ci_width' then o.value - n.value when 'p' then null else n.value - o.value end as gain
  from two_versions as v
  left join (setting as n join setting as o
    on o.env = n.env and o.model = n.model and o.claim_hash = n.claim_hash and o.measure = n.measure
      and o.setting is not distinct from n.setting)
    on n.env = v.env and n.model = v.model and n.prompt_version = v.newer and o.prompt_version = v.older
)
select env, model, older, newer, measure, older_runs, newer_runs, count(b - a) as claims,
  round(avg(case when b is not null then a end)::numeric, 4) as older_mean,
  round(avg(case when a is not null then b end)::numeric, 4) as newer_mean,
  round(avg(b - a)::numeric, 4) as change,
  round((sqrt(var_samp(b - a) / nullif(count(b - a), 0)))::numeric, 4) as change_se,
  coalesce(sum((gain > 0)::int), 0) as wins, coalesce(sum((gain < 0)::int), 0) as losses
from pairs group by env, model, older, newer, measure, older_runs, newer_runs order by env, model, measure

-- name: prompt_version_claims
with medians as (
  select env, model, "K", "R", "T", "B", claim_hash, prompt_version, min(claim) as claim,
    percentile_cont(0.5) within group (order by prob_true_rpl) as p,
    percentile_cont(0.5) within group (order by ci_width) as width,
    percentile_cont(0.5) within group (order by stability_score) as stability,
    percentile_cont(0.5) within group (order by rpl_compliance_rate) as compliance,
    percentile_cont(0.5) within group (order by pqs) as pqs
  from latest where claim_hash is not null group by 1, 2, 3, 4, 5, 6, 7, 8
),
compared as (
  select n.*, o.p as op, o.width as ow, o.stability as os, o.compliance as oc, o.pqs as oq, v.older, v.newer,
    (select sum(sign(x)) from unnest(array[o.width - n.width, n.stability - o.stability, n.compliance - o.compliance,
      n.pqs - o.pqs]) as x) as balance
  from two_versions as v
  join medians as n on n.env = v.env and n.model = v.model and n.prompt_version = v.newer
  join medians as o on o.env = v.env and o.model = v.model and o.prompt_version = v.older and o.claim_hash = n.claim_hash
    and (o."K", o."R") = (n."K", n."R") and o."T" is not distinct from n."T" and o."B" is not distinct from n."B"
)
select claim, env, model, "K", "R", "T", "B",
  case sign(coalesce(balance, 0)) when 1 then newer when -1 then older else 'tie' end as winner,
  coalesce(array_to_string(array[
    case when width > ow then 'ci_width' end, case when stability < os then 'stability' end,
    case when compliance < oc then 'compliance' end, case when pqs < oq then 'pqs' end], ', '), '') as newer_loses_on,
  round(op::numeric, 4) as older_p, round(p::numeric, 4) as newer_p,
  round(ow::numeric, 4) as older_width, round(width::numeric, 4) as newer_width,
  round(os::numeric, 3) as older_stability, round(stability::numeric, 3) as newer_stability,
  round(oc::numeric, 3) as older_compliance, round(compliance::numeric, 3) as newer_compliance,
  oq as older_pqs, pqs as newer_pqs
from compared order by coalesce(balance, 0), claim, env, model, "K", "R", "T", "B"

-- name: claim_models
with m as (
  select claim_hash, prompt_version, model, min(claim) as claim, count(*) as runs, max(created_at) as seen,
    percentile_cont(0.5) within group (order by prob_true_rpl) as p,
    percentile_cont(0.5) within group (order by p_web - p_prior) as gap
  from latest where claim_hash is not null and prob_true_rpl is not null group by 1, 2, 3
),
best as (
  select distinct on (claim_hash) claim_hash, prompt_version, count(*) as models, max(p) - min(p) as spread, avg(p) as mean
  from m group by claim_hash, prompt_version having count(*) >= 2
  order by claim_hash, count(*) desc, max(seen) desc, prompt_version desc
)
select m.claim, m.prompt_version, models, round(spread::numeric, 3) as spread, model, runs, round(p::numeric, 3) as p,
  round((p - mean)::numeric, 3) as from_mean, round(gap::numeric, 3) as bias_gap
from best join m using (claim_hash, prompt_version) order by best.spread desc, m.claim, m.p desc, model

-- name: bias_gap
select model, count(*) as web_runs, round(avg(p_web - p_prior)::numeric, 4) as mean_gap,
  round((percentile_cont(0.5) within group (order by abs(p_web - p_prior)))::numeric, 4) as median_distance,
  count(resolved_truth) as resolved,
  sum((resolved_truth is not null and p_web != p_prior)::int) as resolved_moved,
  round(sum((resolved_truth is not null and (resolved_truth and p_web > p_prior or not resolved_truth and p_web < p_prior))::int)::numeric
    / nullif(sum((resolved_truth is not null and p_web != p_prior)::int), 0), 3) as towards_truth
from latest where mode = 'web_informed' and p_web + p_prior is not null group by model order by model

-- name: web_share
select to_char(day, 'YYYY-MM') as month, env, count(*) as runs, sum((mode = 'web_informed')::int) as web_runs,
  round(sum((mode = 'web_informed')::int)::numeric / count(*), 3) as web_share,
  sum((mode = 'web_informed' and coalesce(resolved_flag, false))::int) as resolved,
  round(sum((mode = 'web_informed' and coalesce(resolved_flag, false))::int)::numeric
    / nullif(sum((mode = 'web_informed')::int), 0), 3) as resolved_rate,
  round(avg(n_domains), 1) as mean_domains
from latest group by 1, 2 order by 1, 2

-- name: brier
select model, prompt_version, mode, count(*) as runs, count(distinct claim_hash) as claims,
  round(avg((said - was) ^ 2)::numeric, 4) as brier,
  round((sqrt(var_samp((said - was) ^ 2) / count(*)))::numeric, 4) as brier_se,
  round(avg((prob_true_rpl - was) ^ 2)::numeric, 4) as brier_prior,
  round(avg(said)::numeric, 3) as mean_p, round(avg(was)::numeric, 3) as share_true
from told group by 1, 2, 3 order by 1, 2, 3

-- name: brier_months
select to_char(day, 'YYYY-MM') as month, mode, count(*) as runs,
  round(avg((said - was) ^ 2)::numeric, 4) as brier, round(avg((prob_true_rpl - was) ^ 2)::numeric, 4) as brier_prior,
  round(avg(said)::numeric, 3) as mean_p, round(avg(was)::numeric, 3) as share_true
from told group by 1, 2 order by 1, 2

-- name: calibration
select model, prompt_version, (bin - 1) / 10.0 as bin_from, count(*) as runs, round(avg(said)::numeric, 3) as mean_p,
  round(avg(was)::numeric, 3) as share_true, round((avg(was) - avg(said))::numeric, 3) as gap
from told group by 1, 2, 3 order by 1, 2, 3

-- name: reliability
select to_char(day, 'YYYY-MM') as month, mode, (bin - 1) / 10.0 as bin_from, count(*) as runs,
  round(avg(said)::numeric, 3) as mean_p, round(avg(was)::numeric, 3) as share_true,
  round((avg(was) - avg(said))::numeric, 3) as gap
from told group by 1, 2, 3 order by 1, 2, 3

-- name: widths
select day as dt, model, count(*) as runs, round(q[1]::numeric, 4) as lower_quartile, round(q[2]::numeric, 4) as median_width,
  round(q[3]::numeric, 4) as upper_quartile
from (
  select day, model, count(*) as count, percentile_cont(array[0.25, 0.5, 0.75]) within group (order by ci_width) as q
  from latest where ci_width is not null group by 1, 2
) as per_day, generate_series(1, count) group by day, model, q order by 1, 2

-- name: cache_hits
select day as dt, env, count(*) as rows, sum(was_cached::int) as cached,
  round(sum(was_cached::int)::numeric / count(*), 3) as cached_share, round(avg(cache_hit_rate)::numeric, 3) as mean_hit_rate
from rows group by 1, 2 order by 1, 2

-- name: costs
select day as dt, provider, count(*) as rows, sum((cost_usd is not null)::int) as priced, sum(tokens_in) as tokens_in,
  sum(tokens_out) as tokens_out, sum(cost_usd) as cost_usd, round(sum(cost_usd) / nullif(count(cost_usd), 0), 6) as cost_per_run,
  round(avg(tokens_in + tokens_out)) as tokens_per_run
from rows group by 1, 2 order by 1, 2 nulls last

-- name: costly_runs
select day as dt, env, run_id, execution_id, provider, model, mode, "K", "R", tokens_in, tokens_out, cost_usd
from rows where cost_usd >= 0 order by cost_usd desc, created_at desc, run_id, execution_id, env fetch first 20 rows only

-- name: checks_per_user
select to_char(day, 'YYYY-MM') as month, user_id,
  case when user_id is null and anon_token is null then 'research' when user_id is null then 'anonymous' else 'user' end as kind,
  count(*) as checks, count(distinct anon_token) as visitors, count(distinct claim_hash) as claims,
  sum(was_cached::int) as cached, sum(cost_usd) as cost_usd
from latest group by 1, 2, 3 order by 1, 4 desc, 3, 2 nulls last

-- name: allowance
select to_char(month, 'YYYY-MM') as month, plan, count(distinct user_id) as users, sum(used) as used, sum(allowed) as allowed,
  round(sum(used) * 100 / nullif(sum(allowed), 0), 1) as percent,
  sum((used * 5 >= allowed * 4 and used < allowed)::int) as near, sum((used = allowed)::int) as reached,
  sum((used > allowed)::int) as exceeded
from ledger group by 1, 2 order by 1, 2

-- name: usage_allowance
select to_char(month, 'YYYY-MM') as month, plan, user_id, used, allowed, round(used * 100.0 / nullif(allowed, 0), 1) as percent,
  (array['near', 'full', 'over'])[2 + sign(used - allowed)::int] as standing
from ledger where used * 5 >= allowed * 4 order by 1 desc, plan, used - allowed desc, user_id

-- name: request_outcomes
select (created_at at time zone 'UTC')::date as dt, env, mode, count(*) as requests, sum((c.n > 0)::int) as became_checks,
  sum((c.n = 0)::int) as never, sum(c.n) as checks
from asks, lateral (select count(*) as n from planned where request_id = asks.id) as c
group by 1, 2, 3 order by 1, 2, 3

-- name: gates
select to_char(day, 'YYYY-MM') as month, prompt_version, count(*) as runs,
  round(sum(gate_compliance_ok::int)::numeric / count(gate_compliance_ok), 3) as compliance_pass,
  round(sum(gate_stability_ok::int)::numeric / count(gate_stability_ok), 3) as stability_pass,
  round(sum(gate_precision_ok::int)::numeric / count(gate_precision_ok), 3) as precision_pass,
  sum((coalesce(gate_compliance_ok, false) and coalesce(gate_stability_ok, false) and coalesce(gate_precision_ok, false))::int) as pass_all,
  sum((num_nulls(gate_compliance_ok, gate_stability_ok, gate_precision_ok) > 0)::int) as without_gates,
  count(*) - count(pqs) as without_pqs, percentile_cont(0.5) within group (order by pqs) as median_pqs
from latest group by 1, 2 order by 1, 2

-- name: days
select env, dt, rows, usual,
  case when kind = 'no rows' then 'no rows for ' || empty || case empty when 1 then ' day' else ' days' end else kind end as alert
from watched where dt >= coalesce((select since from given), dt) order by env, dt

-- name: alerts
with marked as (
  select *, lag(dt) over (partition by env, kind order by dt) is distinct from dt - 1 as begins
  from watched where kind is not null and dt >= coalesce((select since from given), dt)
),
grouped as (select *, sum(begins::int) over (partition by env, kind order by dt) as spell from marked),
spells as (
  select env, max(dt) as last_day, min(dt) as first_day, kind as alert, coalesce(max(empty), count(*)) as days,
    sum(rows) as rows, percentile_cont(0.5) within group (order by usual) as usual
  from grouped group by env, kind, spell
)
select * from spells as s
where (select count(*) from spells as later where later.env = s.env and later.last_day > s.last_day) < 10
order by last_day desc, env

-- name: local_production
with side as (
  select env, claim_hash, model, prompt_version, min(claim) as claim, count(*) as runs,
    percentile_cont(0.5) within group (order by prob_true_rpl) as p,
    percentile_cont(0.5) within group (order by ci_width) as width
  from latest where claim_hash is not null group by 1, 2, 3, 4
)
select l.claim, model, prompt_version, l.runs as local_runs, p.runs as production_runs,
  round(l.p::numeric, 3) as local_p, round(p.p::numeric, 3) as production_p, round((p.p - l.p)::numeric, 3) as difference,
  round(l.width::numeric, 3) as local_width, round(p.width::numeric, 3) as production_width,
  abs(l.p - p.p) > l.width / 2 + p.width / 2 as disagree
from (select * from side where env = 'local') as l
join (select * from side where env = 'production') as p using (claim_hash, model, prompt_version)
order by abs(l.p - p.p) desc, 1, 2, 3

-- name: reruns
select env, run_id, min(claim) as claim, model, prompt_version, count(*) as executions, min(day) as first_day, max(day) as last_day,
  round(min(prob_true_rpl)::numeric, 4) as lowest_p, round(max(prob_true_rpl)::numeric, 4) as highest_p,
  round((max(prob_true_rpl) - min(prob_true_rpl))::numeric, 4) as spread
from rows group by 1, 2, 4, 5 having count(*) >= 2
order by max(prob_true_rpl) - min(prob_true_rpl) desc, 1, 2, 4, 5
