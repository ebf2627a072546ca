-- The dataset "requests": requests as they came in. One line a column, in file order.
-- What is left out is personal; user_id is the pseudonymous id that checks has, too.
--
-- table: public.requests
-- day: created_at
-- key: id
-- label: id request
-- sort: created_at, id
-- left out: anon_token, user_agent, client_ip
select
  c.id::uuid as id,
  c.created_at::timestamptz as created_at,
  c.claim::text as claim,
  c.mode::text as mode,
  c.env::text as env,
  c.user_id::uuid as user_id
from public.requests as c
