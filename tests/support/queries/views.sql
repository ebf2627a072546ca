-- What answers.sql asks, over the tables of rows.sql and what is "given": model, env, claim, since, until.
create view all_lanes as
select v.lane, p.*, (p.created_at at time zone 'UTC')::date as day
from planned as p
join (
  values ('prod', 'a'), ('local', 'b'), ('local', 'h'), ('local', 'o'), ('laptop', 'b'), ('laptop', 'h'), ('laptop', 'o')
) as v (lane, place) using (place)
where v.lane <> 'laptop' or p.created_at >= '2025-07-01 00:00+00'
union all
select 'staging', e.*, (e.created_at at time zone 'UTC')::date from earlier as e;

create view lanes as
select l.* from all_lanes as l, given as g
where l.model = coalesce(g.model, l.model) and l.env = coalesce(g.env, l.env) and l.day <= coalesce(g.until, l.day)
  and case when g.claim is null then true else l.claim_hash = g.claim or strpos(lower(l.claim), lower(g.claim)) > 0 end;

create view known as
select p.*, (p.created_at at time zone 'UTC')::date as day from planned as p
where exists (select from lanes as l where l.n = p.n and l.place = p.place and l.run_id = p.run_id and l.lane <> 'staging');

create view rows as select k.* from known as k, given as g where k.day >= coalesce(g.since, k.day);

create view latest as
select distinct on (env, run_id) * from rows
order by env, run_id, created_at desc, (source = 'postgres') desc, execution_id desc nulls last;

create view told as
select *, greatest(1, least(10, width_bucket(said, 0, 1, 10))) as bin
from (select *, coalesce(p_combined, prob_true_rpl) as said, resolved_truth::int as was from latest) as l
where was is not null and said is not null;

create view two_versions as
with born as (select prompt_version, min(day) as day from all_lanes group by 1),
  used as (
    select env, model, array_agg(prompt_version order by born.day desc, prompt_version desc) as versions,
      array_agg(runs order by born.day desc, prompt_version desc) as runs
    from (select env, model, prompt_version, count(*) as runs from latest group by 1, 2, 3) as u
    join born using (prompt_version) group by 1, 2
  )
select env, model, versions[2] as older, versions[1] as newer, runs[2] as older_runs, runs[1] as newer_runs
from used where cardinality(versions) > 1;

create view ledger as
select u.* from planned_usage as u, given as g
where u.month between coalesce(g.since, u.month) and coalesce(g.until, u.month);

create view asks as
select r.* from planned_requests as r, given as g
where (r.created_at at time zone 'UTC')::date between coalesce(g.since, '-infinity') and coalesce(g.until, 'infinity')
  and (g.env is null or r.env = g.env) and (g.claim is null or strpos(lower(r.claim), lower(g.claim)) > 0);

-- Each day of an env beside the median of the days with rows among the 28 that end with its last one.
create view watched as
with counts as (select env, day, count(*) as rows from known group by 1, 2),
  calendar as (
    select env, d::date as dt, (select max(day) from counts as c where c.env = e.env and c.day < d) as seen
    from (select env, min(day) as first from counts group by 1) as e,
      generate_series(e.first, (select least(max(day), (select until from given)) from all_lanes), interval '1 day') as d
  )
select *, case
    when usable < 7 then null
    when rows = 0 and empty * usual >= 10 then 'no rows'
    when rows between 1 and usual - 10 and 2 * rows < usual then 'flat'
  end as kind
from (
  select c.env, c.dt, coalesce(n.rows, 0) as rows, u.usual, u.usable, case when n.rows is null then c.dt - c.seen end as empty
  from calendar as c
  left join counts as n on n.env = c.env and n.day = c.dt
  left join lateral (
    select percentile_cont(0.5) within group (order by rows) as usual, count(*) as usable
    from counts as near where near.env = c.env and near.day > c.seen - 28 and near.day <= c.seen
  ) as u on c.seen is not null
) as w;
