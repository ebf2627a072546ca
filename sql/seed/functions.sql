-- What a demo row is made of, as functions of its number n alone: every run on every server makes the same rows.
-- They live in pg_temp, so they are gone with the session. All are inlined by the planner: a call would cost more than
-- the work, so no body uses || on anything but text.

-- A number in [0, 1); one stream per use.
create or replace function pg_temp.seed_unit(n bigint, stream integer) returns double precision
language sql immutable parallel safe
return (hashint8extended(n, stream) & 9007199254740991)::double precision / 9007199254740992;

-- An unsigned 64-bit number; half of them are above 2^63 - 1.
create or replace function pg_temp.seed_uint64(n bigint, stream integer) returns numeric
language sql immutable parallel safe
return hashint8extended(n, stream)::numeric
  + case when hashint8extended(n, stream) < 0 then 18446744073709551616 else 0 end;

-- The logistic curve's plain cousin: no exp(), whose last bit differs between platforms.
create or replace function pg_temp.seed_probability(x double precision) returns double precision
language sql immutable parallel safe
return 0.5 + 0.499 * x / (1 + abs(x));

-- 1 to 24; low numbers are asked more often.
create or replace function pg_temp.seed_claim_number(n bigint) returns integer
language sql immutable parallel safe
return 1 + floor(24 * pg_temp.seed_unit(n, 1) * pg_temp.seed_unit(n, 2))::integer;

create or replace function pg_temp.seed_claim(number integer) returns text
language sql immutable parallel safe
return (array[
  'Tariffs on imported goods do not cause inflation',
  'The global mean sea level has risen since 1990',
  'Remote work lowers productivity',
  'Nuclear power is safer than coal per unit of energy',
  'The James Webb telescope found life on another planet',
  'Electric cars emit less carbon dioxide over their lifetime than petrol cars',
  'Coffee stunts the growth of children',
  'The human brain uses only ten percent of its capacity',
  'Immigration raises crime rates in the receiving country',
  'A universal basic income reduces the will to work',
  'Vitamin C prevents the common cold',
  'The Great Wall of China is visible from the Moon',
  'Renewables produced more electricity than coal in the first half of 2025',
  'Honey never spoils when it is stored in a sealed jar',
  'Rent control reduces the supply of rental housing in the long run',
  'Lightning never strikes the same place twice',
  'Antibiotics cure influenza',
  'The minimum wage in Germany was raised in 2025',
  'Goldfish have a memory of three seconds',
  'Quantum computers have broken 2048-bit RSA encryption in practice',
  'Social media use harms the mental health of most teenagers',
  'Bananas are berries in the botanical sense, and strawberries are not',
  '“Fact-checking” labels lower the spread of false news – by a measurable amount',
  'L''eau bout à 100 degrés Celsius au niveau de la mer'
])[number];

-- What later turned out about each claim.
create or replace function pg_temp.seed_truth(number integer) returns boolean
language sql immutable parallel safe
return substr('010101000000111001000111', number, 1) = '1';

-- Rising with n, even over the days up to 2025-09-30, to the microsecond.
create or replace function pg_temp.seed_time(n bigint, rows bigint, days integer) returns timestamptz
language sql stable parallel safe
return timestamptz '2025-10-01 00:00:00+00' - days * interval '24 hours'
  + floor((n - 1 + pg_temp.seed_unit(n, 3)) * (days * bigint '86400000000' / rows)) * interval '1 microsecond';

-- Production goes quiet on the last day, so that an alert has something to find.
create or replace function pg_temp.seed_env(n bigint, rows bigint, days integer) returns text
language sql immutable parallel safe
return case
  when pg_temp.seed_unit(n, 4) < 0.60 then 'local'
  when pg_temp.seed_unit(n, 4) < 0.72 or (n > rows - rows / days and pg_temp.seed_unit(n, 4) < 0.96) then 'staging'
  else 'production'
end;

create or replace function pg_temp.seed_mode(n bigint) returns text
language sql immutable parallel safe
return case when pg_temp.seed_unit(n, 5) < 0.3 then 'web_informed' else 'baseline' end;

-- How many users there are for so many rows.
create or replace function pg_temp.seed_users(rows bigint) returns bigint
language sql immutable parallel safe
return greatest(8, least(1000, rows / 100));

create or replace function pg_temp.seed_user_id(number bigint) returns uuid
language sql immutable parallel safe
return md5('user ' || number::text)::uuid;

-- Trial for most, pro for few.
create or replace function pg_temp.seed_plan(number bigint) returns text
language sql immutable parallel safe
return (array['trial', 'trial', 'starter', 'trial', 'core', 'trial', 'starter', 'pro'])[1 + number % 8];

-- The user behind a row; NULL for anonymous visitors and for research without an account.
create or replace function pg_temp.seed_user_of(n bigint, rows bigint) returns uuid
language sql immutable parallel safe
return case
  when pg_temp.seed_unit(n, 6) >= 0.1 and pg_temp.seed_unit(n, 6) < 0.65
  then pg_temp.seed_user_id(1 + floor(pg_temp.seed_users(rows) * pg_temp.seed_unit(n, 7) * pg_temp.seed_unit(n, 8))::bigint)
end;

-- The token of an anonymous visitor, who has one check.
create or replace function pg_temp.seed_anon_token(n bigint) returns text
language sql immutable parallel safe
return case when pg_temp.seed_unit(n, 6) < 0.1 then md5('anonymous ' || n::text) end;

-- Every fifth row came in as a request.
create or replace function pg_temp.seed_request_id(n bigint) returns uuid
language sql immutable parallel safe
return case when n % 5 = 0 then md5('request ' || n::text)::uuid end;
