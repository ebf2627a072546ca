-- Views over the exported lake, for DuckDB 0.9.1 and later. From the project's root:
--   duckdb -init analytics/catalog.sql
-- Nothing here asks for the clock or the session's time zone: days are those of the path, in UTC. A section needs files
-- of its dataset: the tasks leave out the sections of datasets that were not exported.

-- dataset: checks
-- Every exported row, with its lane (the folder of the export: local, staging, prod) and its UTC day.
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

-- One row per env and run: the last of its executions.
create or replace view checks_latest as
select *
from checks
qualify row_number() over (
  partition by env, run_id
  order by created_at desc nulls last, source, execution_id desc nulls last, lane
) = 1;

-- The two newest prompt versions (by the day they first appear) of each model and K, R, T, B, claim by claim: medians,
-- and of the four measures (ci_width, stability, compliance, pqs) those the newer one wins minus those it loses.
create or replace view prompt_version_pairs as
with born as (
  select prompt_version, min(dt) as born from checks group by prompt_version
),
versions as (
  select
    model, "K", "R", "T", "B", c.prompt_version,
    row_number() over (
      partition by model, "K", "R", "T", "B" order by min(b.born) desc, c.prompt_version desc
    ) as age
  from checks as c
  join born as b on b.prompt_version = c.prompt_version
  group by model, "K", "R", "T", "B", c.prompt_version
),
claims as (
  select
    c.model, c."K", c."R", c."T", c."B", c.claim_hash, min(c.claim) as claim,
    max(c.prompt_version) filter (where v.age = 2) as older,
    max(c.prompt_version) filter (where v.age = 1) as newer,
    median(c.ci_width) filter (where v.age = 2) as older_width,
    median(c.ci_width) filter (where v.age = 1) as newer_width,
    median(c.stability_score) filter (where v.age = 2) as older_stability,
    median(c.stability_score) filter (where v.age = 1) as newer_stability,
    median(c.rpl_compliance_rate) filter (where v.age = 2) as older_compliance,
    median(c.rpl_compliance_rate) filter (where v.age = 1) as newer_compliance,
    median(c.pqs) filter (where v.age = 2) as older_pqs,
    median(c.pqs) filter (where v.age = 1) as newer_pqs
  from checks_latest as c
  join versions as v
    on c.model = v.model and c.prompt_version = v.prompt_version
    and c."K" is not distinct from v."K" and c."R" is not distinct from v."R"
    and c."T" is not distinct from v."T" and c."B" is not distinct from v."B"
  where v.age <= 2
  group by c.model, c."K", c."R", c."T", c."B", c.claim_hash
  having count(distinct v.age) = 2
)
select
  *,
  coalesce(sign(older_width - newer_width), 0) + coalesce(sign(newer_stability - older_stability), 0)
    + coalesce(sign(newer_compliance - older_compliance), 0) + coalesce(sign(newer_pqs - older_pqs), 0) as score
from claims;

-- dataset: usage_ledger
-- Checks allowed and used, one row per user and month.
create or replace view usage as
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

-- dataset: requests
-- Requests as they came in; one request can lead to several checks.
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
