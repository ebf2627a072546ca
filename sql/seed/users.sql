-- $1 rows, $2 days
insert into users (id, email, plan, status, created_at, updated_at, stripe_customer_id, stripe_subscription_id, billing_anchor)
select
  pg_temp.seed_user_id(number),
  'user' || number || '@example.org',
  plan,
  case when number % 17 = 0 then 'canceled' else 'active' end,
  joined_at,
  joined_at,
  case when plan <> 'trial' then 'cus_' || substr(md5('customer ' || number), 1, 14) end,
  case when plan <> 'trial' then 'sub_' || substr(md5('subscription ' || number), 1, 14) end,
  case when plan <> 'trial' then (joined_at at time zone 'UTC')::date end
from (
  select
    number,
    pg_temp.seed_plan(number) as plan,
    pg_temp.seed_time(1, $1::bigint, $2::integer) - number % 90 * interval '24 hours' as joined_at
  from generate_series(1, pg_temp.seed_users($1::bigint)) as number
) as members
on conflict do nothing
