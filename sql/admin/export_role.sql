-- The role heretix_reader, for exports and checks: it reads the tables of the datasets and the ledger, and writes nothing.
--
-- Nothing runs this file by itself: the tables' owner applies it by hand, after the migrations, and again whenever it has
-- changed. What else the role has been given on tables is taken away.
--
--   psql "$URL" --set ON_ERROR_STOP=1 --single-transaction --file sql/admin/export_role.sql
--
-- The password is in no file. Set it afterwards, in psql, which sends a digest:
--
--   \password heretix_reader
--
-- Neon takes no digest. There, with the password in a variable of the shell, which psql 15 or later reads:
--
--   \getenv password READER_PASSWORD
--   alter role heretix_reader password :'password';

do $$
declare
  relation text;
begin
  if not exists (select from pg_catalog.pg_roles where rolname = 'heretix_reader') then
    create role heretix_reader;
  end if;
  execute format('grant connect on database %I to heretix_reader', current_database());
  for relation in
    select distinct objid::pg_catalog.regclass from pg_catalog.pg_shdepend
    where refobjid = 'heretix_reader'::pg_catalog.regrole and deptype = 'a'
      and dbid = (select oid from pg_catalog.pg_database where datname = current_database())
      and classid = 'pg_catalog.pg_class'::pg_catalog.regclass
  loop
    execute format('revoke all on %s from heretix_reader', relation);
  end loop;
end
$$;

alter role heretix_reader login;
-- A mistake is refused here before it meets a right that everybody has.
alter role heretix_reader set default_transaction_read_only = on;

grant usage on schema public to heretix_reader;
grant select on public.checks to heretix_reader;
grant select on public.requests to heretix_reader;
grant select on public.usage_ledger to heretix_reader;
-- So that db:check and migrate --check can tell what is pending.
grant select on public.schema_migrations to heretix_reader;
