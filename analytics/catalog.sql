-- Views over the exported lake, for DuckDB 0.9.1 and later. From the project's root:
--   duckdb -init analytics/catalog.sql
-- Nothing here asks for the clock or the session's time zone: days are those of the path, in UTC. A section needs files
-- of its dataset: the tasks leave out the sections of datasets that were not exported.
--
-- A lane is where an export stands (local, staging, prod), an env is where a row was made. One database can be exported
-- to several lanes: checks, requests and usage_ledger have a row as often as it was exported, what is made of them once.

-- What is asked about; null asks about everything. The tasks' --param sets it; by hand, make it again, with values.
create or replace view asked as
select
  cast(null as varchar) as model,
  cast(null as varchar) as env,
  cast(null as varchar) as claim,
  cast(null as date) as since,
  cast(null as date) as until;

-- dataset: checks
-- Every exported row, with its lane (the folder of the export) and its UTC day.
create or replace view checks as
select
  * exclude (filename, dt),
  regexp_extract(filename, '([^/\\]+)[/\\]dt=[^/\\]+[/\\][^/\\]+$', 1) as lane,
  cast(dt as date) as dt
from read_parquet(
  'data/exports/*/dt=*/checks*.parquet',
  hive_partitioning = true,
  union_by_name = true,
  filename = true
);

-- Those asked about, earlier days too: what is usual on a day is found in the days before.
create or replace view asked_checks as
select c.*
from checks as c
cross join asked as a
where (a.model is null or c.model = a.model)
  and (a.env is null or c.env = a.env)
  and (a.claim is null or c.claim_hash = a.claim or position(lower(a.claim) in lower(c.claim)) > 0)
  and (a.until is null or c.dt <= a.until);

-- Each of them once, in its newest form, in however many lanes it stands.
create or replace view history as
select *
from asked_checks
qualify row_number() over (
  partition by coalesce(id, execution_id, run_id), case when coalesce(id, execution_id) is null then created_at end
  order by created_at desc nulls last, finished_at desc nulls last, lane
) = 1;

-- One row per execution, of the days asked about.
create or replace view executions as
select h.*
from history as h
cross join asked as a
where a.since is null or h.dt >= a.since;

-- One row per env and run: the last of its executions.
create or replace view checks_latest as
select *
from executions
qualify row_number() over (
  partition by env, run_id
  order by created_at desc nulls last, source, execution_id desc nulls last, id
) = 1;

-- Runs that recorded what is true: truth is 1 or 0, p the probability that was given (with the web where it was asked),
-- bin_from the lower end of its tenth, of which the last has both ends. Rounding takes sums a little past 0 and 1.
create or replace view resolved as
select
  *,
  coalesce(p_combined, prob_true_rpl) as p,
  greatest(least(floor(coalesce(p_combined, prob_true_rpl) * 10), 9), 0) / 10 as bin_from,
  case when resolved_truth then 1.0 else 0.0 end as truth
from checks_latest
where resolved_truth is not null and coalesce(p_combined, prob_true_rpl) between -1e-9 and 1 + 1e-9;

-- The newest prompt version of each env and model, by its first day in the lake, and the one before, with their runs.
create or replace view prompt_version_newest as
with born as (
  select prompt_version, min(dt) as first_day from checks group by prompt_version
),
used as (
  select env, model, prompt_version, count(*) as runs from checks_latest group by env, model, prompt_version
),
aged as (
  select
    used.env, used.model, used.prompt_version as newer, used.runs as newer_runs,
    row_number() over (
      partition by used.env, used.model order by born.first_day desc, used.prompt_version desc
    ) as age,
    lead(used.prompt_version) over (
      partition by used.env, used.model order by born.first_day desc, used.prompt_version desc
    ) as older,
    lead(used.runs) over (
      partition by used.env, used.model order by born.first_day desc, used.prompt_version desc
    ) as older_runs
  from used
  join born on born.prompt_version = used.prompt_version
)
select env, model, older, newer, older_runs, newer_runs from aged where age = 1 and older is not null;

-- These two on each claim that both answered with the same K, R, T, B: medians, and of four measures (ci_width,
-- stability, compliance, pqs) those that the newer one wins minus those it loses.
create or replace view prompt_version_pairs as
with answers as (
  select c.*, v.older, v.newer, c.prompt_version = v.newer as is_newer
  from checks_latest as c
  join prompt_version_newest as v
    on v.env = c.env and v.model = c.model and c.prompt_version in (v.older, v.newer)
  where c.claim_hash is not null
),
claims as (
  select
    env, model, older, newer, "K", "R", "T", "B", claim_hash, min(claim) as claim,
    median(prob_true_rpl) filter (where not is_newer) as older_p,
    median(prob_true_rpl) filter (where is_newer) as newer_p,
    median(ci_width) filter (where not is_newer) as older_width,
    median(ci_width) filter (where is_newer) as newer_width,
    median(stability_score) filter (where not is_newer) as older_stability,
    median(stability_score) filter (where is_newer) as newer_stability,
    median(rpl_compliance_rate) filter (where not is_newer) as older_compliance,
    median(rpl_compliance_rate) filter (where is_newer) as newer_compliance,
    median(pqs) filter (where not is_newer) as older_pqs,
    median(pqs) filter (where is_newer) as newer_pqs
  from answers
  group by env, model, older, newer, "K", "R", "T", "B", claim_hash
  having count(distinct prompt_version) = 2
)
select
  *,
  coalesce(sign(older_width - newer_width), 0) + coalesce(sign(newer_stability - older_stability), 0)
    + coalesce(sign(newer_compliance - older_compliance), 0) + coalesce(sign(newer_pqs - older_pqs), 0) as score
from claims;

-- Rows of each env and day, empty days too, from its first day to the last one of the lake. usual is the median of the
-- days with rows among the 28 that end with the last one before it: an outage of any length is held against them.
-- An alert needs 7 such days, and that at least 10 rows are missing, in all empty days together.
create or replace view env_days as
with counts as (
  select env, dt, count(*) as rows from history group by env, dt
),
usuals as (
  select c.env, c.dt, median(near.rows) as usual, count(*) as days_with_rows
  from counts as c
  join counts as near on near.env = c.env and date_diff('day', near.dt, c.dt) between 0 and 27
  group by c.env, c.dt
),
ends as (
  select case when min(a.until) < max(c.dt) then min(a.until) else max(c.dt) end as last_day
  from checks as c
  cross join asked as a
),
spans as (
  select env, cast(min(dt) as timestamp) as first_day, cast(min(last_day) as timestamp) as last_day
  from counts
  cross join ends
  group by env
),
calendar as (
  select env, cast(day as date) as dt
  from spans
  cross join unnest(generate_series(first_day, last_day, interval 1 day)) as days (day)
),
daily as (
  select
    calendar.env, calendar.dt, coalesce(counts.rows, 0) as rows,
    max(counts.dt) over (
      partition by calendar.env order by calendar.dt rows between unbounded preceding and 1 preceding
    ) as last_seen
  from calendar
  left join counts on counts.env = calendar.env and counts.dt = calendar.dt
)
select
  daily.env, daily.dt, daily.rows, usuals.usual,
  case when daily.rows = 0 then date_diff('day', daily.last_seen, daily.dt) end as empty_days,
  case
    when usuals.days_with_rows < 7 then null
    when daily.rows = 0 and usuals.usual * date_diff('day', daily.last_seen, daily.dt) >= 10 then 'no rows'
    when daily.rows > 0 and daily.rows < usuals.usual / 2 and usuals.usual - daily.rows >= 10 then 'flat'
  end as alert
from daily
left join usuals on usuals.env = daily.env and usuals.dt = daily.last_seen;

-- dataset: usage_ledger
-- Checks allowed and used by user and month, every exported row.
create or replace view usage_ledger as
select
  * exclude (filename, dt),
  regexp_extract(filename, '([^/\\.]+)\.usage_ledger[/\\]dt=[^/\\]+[/\\][^/\\]+$', 1) as lane,
  cast(dt as date) as dt
from read_parquet(
  'data/exports/*.usage_ledger/dt=*/usage_ledger.parquet',
  hive_partitioning = true,
  union_by_name = true,
  filename = true
);

-- Each of them once, in its newest form; of the months that begin within the days asked about.
create or replace view usage as
select u.*
from usage_ledger as u
cross join asked as a
where (a.since is null or u.dt >= a.since) and (a.until is null or u.dt <= a.until)
qualify row_number() over (partition by u.id order by u.updated_at desc nulls last, u.lane) = 1;

-- dataset: requests
-- Requests as they came in, every exported row; one request can lead to several checks.
create or replace view requests as
select
  * exclude (filename, dt),
  regexp_extract(filename, '([^/\\.]+)\.requests[/\\]dt=[^/\\]+[/\\][^/\\]+$', 1) as lane,
  cast(dt as date) as dt
from read_parquet(
  'data/exports/*.requests/dt=*/requests.parquet',
  hive_partitioning = true,
  union_by_name = true,
  filename = true
);
