-- The dataset "usage_ledger": checks allowed and used, one row per user and month. One line a column, in file order.
--
-- table: public.usage_ledger
-- day: period_start
-- key: id
-- label: id ledger row
-- sort: period_start, id
select
  c.id::uuid as id,
  c.user_id::uuid as user_id,
  c.period_start::date as period_start,
  c.period_end::date as period_end,
  c.plan::text as plan,
  c.checks_allowed::bigint as checks_allowed,
  c.checks_used::bigint as checks_used,
  c.updated_at::timestamptz as updated_at
from public.usage_ledger as c
