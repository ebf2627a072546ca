-- Rows for the named queries, the same on every server: what there is in all databases and harness files together, as of
-- the last export, in "planned". place tells where a row lives: a (a database that is exported to two lanes), b (another
-- one), h (a harness file), o (an older one).
--
-- Day 0 is 2025-05-01. production has 20 to 30 rows a day, 6 on days 20 and 21, 14 on day 25, none from 30 to 64, and
-- none from 92 on; staging has 12 a day, one on each third day from 10 to 43, 5 on day 50, one on days 59 and 61, and
-- none between; dev has 2 a day from day 50 to 69; local has what the harness and database b have: 11 a day from day 40
-- on, none on days 80 to 82.
create function unit(n bigint, stream integer) returns double precision language sql immutable
return (hashint8extended(n, stream) & 9007199254740991)::double precision / 9007199254740992;

create table planned as
with days as (
  select env, place, day,
    case
      when env = 'production' then case
        when day between 30 and 64 or day > 91 then 0
        when day in (20, 21) then 6
        when day = 25 then 14
        else 20 + (unit(day, 1) * 10)::integer end
      when env = 'staging' then case
        when day between 10 and 43 and day % 3 = 1 or day in (59, 61) then 1
        when day = 50 then 5
        when day = 60 then 0
        else 12 end
      when env = 'dev' then case when day between 50 and 69 then 2 else 0 end
      when day between 40 and 79 or day > 82 then case place when 'b' then 3 else 4 end
      else 0 end as count
  from generate_series(0, 99) as day,
    (values ('production', 'a'), ('staging', 'a'), ('dev', 'b'), ('local', 'b'), ('local', 'h'), ('local', 'h2')) as v (env, place)
),
numbered as (
  select env, left(place, 1) as place, day, row_number() over (order by env, place, day, i) as n
  from days, generate_series(1, count) as i
),
asked as (
  select *,
    1 + floor(unit(n, 2) * 12)::integer as claim_number,
    case
      when day < 40 then (array['rpl_a', 'rpl_z'])[1 + (n % 2)::integer]
      when day < 70 then (array['rpl_z', 'rpl_m'])[1 + (n % 2)::integer]
      else (array['rpl_m', 'rpl_m', 'rpl_c'])[1 + (n % 3)::integer] end as prompt_version,
    1 + (n / 3 % 5)::integer as model_number,
    place = 'a' and unit(n, 3) < 0.4 as is_web,
    unit(n, 4) as u
  from numbered
),
answered as (
  select *,
    (array['gpt-5', 'gpt-4o', 'grok-4', 'gemini-2.5-pro', 'claude-opus-4'])[model_number] as model,
    case when n % 60 = 0 then 1.0000000000000002 when n % 61 = 0 then 0 when n % 62 = 0 then 0.7 else unit(n, 5) end as p,
    case when is_web and n % 9 = 0 then unit(n, 5) when is_web or place = 'a' and n % 44 = 3 then unit(n, 6) end as web,
    case when place in ('a', 'b') then md5('row ' || n)::uuid end as id,
    -- A run of the harness is executed three times, within one second now and then, or once without an execution.
    case when place <> 'h' then 'run-' || n when n / 3 % 10 = 0 then 'run-h-once-' || n else 'run-h-' || n / 3 end as run_id,
    case when place = 'h' and n / 3 % 10 <> 0 then 'execution-' || lpad((n * 7919 % 10007)::text, 5, '0') end as execution_id,
    timestamptz '2025-05-01 00:00:00+00' + day * interval '1 day' + case
      when place = 'h' and n / 3 % 4 = 0 then interval '9 hours'
      when place = 'h' then floor(unit(n, 7) * 86400) * interval '1 second'
      when n % 50 = 0 then interval '1 day' - interval '1 microsecond'
      else floor(unit(n, 7) * 86400e6) * interval '1 microsecond' end as created_at
  from asked
)
select
  place, n, id, run_id, env, execution_id,
  case when place in ('a', 'b') then 'postgres' else 'sqlite' end as source,
  case when place = 'a' and n % 7 = 0 then md5('user ' || n % 5)::uuid end as user_id,
  case when n % 31 <> 0 then 'Claim ' || claim_number || case claim_number when 3 then ': 100% of O''Brien''s _swans_' else '' end
    end as claim,
  case when n % 31 <> 0 then encode(sha256(convert_to('Claim ' || claim_number
    || case claim_number when 3 then ': 100% of O''Brien''s _swans_' else '' end, 'UTF8')), 'hex') end as claim_hash,
  model, prompt_version,
  (case when u < 0.3 then 16 else 8 end)::bigint as "K",
  (case when u < 0.3 then 3 else 2 end)::bigint as "R",
  case when n % 11 <> 0 then 8::bigint end as "T",
  5000::bigint as "B",
  p as prob_true_rpl, 0.0::double precision as ci_lo, 1.0::double precision as ci_hi,
  case when n % 23 <> 0 then 0.05 + 0.3 * unit(n, 8) end as ci_width,
  case when n % 19 <> 0 then unit(n, 9) end as stability_score,
  case when n % 17 = 0 then 0.5 else 1 end::double precision as rpl_compliance_rate,
  case when n % 6 = 0 then 1 when n % 5 = 0 then 0.25 else 0 end::double precision as cache_hit_rate,
  case when n % 13 <> 0 then floor(100 * unit(n, 10)) end as pqs,
  case when n % 12 <> 0 then unit(n, 11) < 0.9 end as gate_compliance_ok,
  case when n % 14 <> 0 then unit(n, 12) < 0.7 end as gate_stability_ok,
  case when n % 16 <> 0 then unit(n, 13) < 0.4 end as gate_precision_ok,
  n % 6 = 0 as was_cached,
  created_at, created_at + case when place in ('a', 'b') then n % 40 else 0 end * interval '1 second' as finished_at,
  case when place = 'a' and n % 7 in (1, 2) then 'token-' || n % 31 end as anon_token,
  case when is_web then 'web_informed' else 'baseline' end as mode,
  case when is_web or place in ('h', 'o') or n % 44 = 3 then p end as p_prior,
  web as p_web,
  case when is_web then 2 + (n % 5)::integer end as n_domains,
  case when is_web then (p + web) / 2 end as p_combined,
  case when is_web then unit(n, 14) < 0.5 end as resolved_flag,
  case when (is_web and unit(n, 14) < 0.5) or (place = 'a' and n % 15 = 0) then unit(claim_number, 15) < 0.5 end as resolved_truth,
  case when n % 10 < 8 then (array['openai', 'openai', 'xai', 'google', 'anthropic'])[model_number] end as provider,
  case when n % 10 < 8 then 300 + n % 333 end::bigint as tokens_in,
  case when n % 10 < 7 then 40 + n % 173 end::bigint as tokens_out,
  case when n % 10 < 8 then -- Of multiples of 16, no day's mean lies in the middle between two that can be printed.
    case when n % 200 = 1 then 0.9 else 0.000016 * (62 + floor(6250 * unit(n, 16))::integer) end end::numeric(12, 6) as cost_usd,
  case when place = 'a' and n % 3 = 0 then md5('request ' || n / 6)::uuid end as request_id
from answered;

-- Two runs that both the harness and database b have, in the same second; runs that database a has, too; and runs that
-- two harness files tell apart.
update planned set run_id = h.run_id, created_at = h.created_at, finished_at = h.created_at, execution_id = null
from (
  select row_number() over (order by n) as i, run_id, created_at from planned where place = 'h' and execution_id is not null and n % 30 = 1
) as h
where place = 'b' and env = 'local' and planned.n - (select min(n) from planned where place = 'b' and env = 'local') = h.i
  and h.i <= 2;

update planned set run_id = 'run-' || n + 1000 where place = 'b' and n % 8 = 0 and run_id not like 'run-h%';

insert into planned (place, n, run_id, env, source, claim, claim_hash, model, prompt_version, "K", "R", "T", "B", prob_true_rpl,
  ci_lo, ci_hi, ci_width, stability_score, rpl_compliance_rate, cache_hit_rate, was_cached, created_at, finished_at, mode, p_prior)
select 'o', 0, run_id, env, source, claim, claim_hash, model, prompt_version, "K", "R", "T", "B", 0.123, 0, 1, 0.2, 0.8, 1, 0,
  false, created_at - interval '3 days', finished_at - interval '3 days', mode, 0.123
from planned where place = 'h' and execution_id is null and claim is not null order by n limit 5;

-- What the harness and the exporter make of a run: costs are the run's, and so those of its last execution.
update planned as e set provider = null, tokens_in = null, tokens_out = null, cost_usd = null
where place = 'h' and created_at < (select max(created_at) from planned as r where r.place = 'h' and r.run_id = e.run_id);
update planned as e set provider = r.provider, tokens_in = r.tokens_in, tokens_out = r.tokens_out, cost_usd = r.cost_usd
from (
  select distinct on (run_id) * from planned where place = 'h' order by run_id, created_at desc, n desc
) as r
where e.place = 'h' and r.run_id = e.run_id and e.created_at = r.created_at;

-- Requests, every tenth of which led to nothing, and months of five users, one of whom has no allowance at all.
create table planned_requests as
select distinct on (request_id) request_id as id, created_at - interval '1 second' as created_at, claim,
  case when n % 21 <> 0 then mode end as mode, case when n % 33 <> 0 then env end as env
from planned where request_id is not null order by request_id, n;
insert into planned_requests
select md5('never ' || n)::uuid, created_at, claim, mode, env from planned where place = 'a' and n % 40 = 7;

create table planned_usage as
select md5('user ' || u)::uuid as user_id, month, (month + interval '1 month')::date - 1 as month_end,
  (array['trial', 'starter', 'starter', 'core', 'core'])[u + 1] as plan,
  (array[0, 20, 20, 100, 100])[u + 1]::bigint as allowed,
  (array[0, 16, 20, 79, 130])[u + 1]::bigint + m * (array[0, 1, 1, 1, -30])[u + 1] as used
from generate_series(0, 4) as u, (values (0, date '2025-05-01'), (1, date '2025-06-01'), (2, date '2025-07-01')) as v (m, month);

-- What database a was before: without the last rows, some others as they were before they ran again, months not over.
create table earlier as select * from planned where place = 'a' and created_at < '2025-05-20 12:00+00';
update earlier set created_at = created_at - interval '2 days', finished_at = finished_at - interval '2 days',
  prob_true_rpl = 0.987, cost_usd = 9.9, was_cached = not was_cached
where n % 40 = 0 and created_at > '2025-05-08';
