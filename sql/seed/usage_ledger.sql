-- $1 rows, $2 days: what the seeded users used, month by month, never above their allowance.
insert into usage_ledger (id, user_id, period_start, period_end, plan, checks_allowed, checks_used, updated_at)
select
  md5('usage ' || users.id || to_char(month, 'YYYY-MM'))::uuid,
  users.id,
  month::date,
  (month + interval '1 month - 1 day')::date,
  users.plan,
  allowed,
  least(allowed, count(*)),
  max(checks.created_at)
from generate_series(1, pg_temp.seed_users($1::bigint)) as number
join users on users.id = pg_temp.seed_user_id(number)
join checks on checks.user_id = users.id and checks.created_at >= pg_temp.seed_time(1, $1::bigint, $2::integer)
cross join lateral (select date_trunc('month', checks.created_at at time zone 'UTC') as month) as period
cross join lateral (
  select case users.plan when 'trial' then 3 when 'starter' then 20 when 'core' then 100 else 750 end as allowed
) as allowance
group by users.id, users.plan, month, allowed
on conflict do nothing
