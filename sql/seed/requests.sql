-- $1 rows, $2 days
insert into requests (id, created_at, claim, mode, env, user_id, anon_token, user_agent, client_ip)
select
  pg_temp.seed_request_id(n),
  pg_temp.seed_time(n, $1::bigint, $2::integer) - interval '250 milliseconds',
  pg_temp.seed_claim(pg_temp.seed_claim_number(n)),
  pg_temp.seed_mode(n),
  pg_temp.seed_env(n, $1::bigint, $2::integer),
  pg_temp.seed_user_of(n, $1::bigint),
  pg_temp.seed_anon_token(n),
  case when n % 15 <> 0 then 'Mozilla/5.0 (X11; Linux x86_64) Firefox/' || 128 + n % 12 end,
  case when n % 15 <> 0 then '192.0.2.' || n % 254 end
from generate_series(5, $1::bigint, 5) as n
where not exists (select from requests where requests.id = pg_temp.seed_request_id(n))
