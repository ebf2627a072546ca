-- $1 rows, $2 days
insert into anonymous_usage (token, checks_allowed, checks_used, updated_at)
select pg_temp.seed_anon_token(n), 1, 1, pg_temp.seed_time(n, $1::bigint, $2::integer)
from generate_series(1, $1::bigint) as n
where pg_temp.seed_anon_token(n) is not null
on conflict do nothing
