import assert from "node:assert/strict";
import { isLostConnectionNoise } from "../tasks/lib/task/lost_connection.ts";
import { createTestDatabase, type TestDatabase } from "./support/database.ts";
import { migrateHere } from "./support/migrate_here.ts";

const FIRST = { "0001_first.sql": "create table a (id int primary key);\ninsert into a values (1);\n" };

/** A trigger function, and a trigger of it on the ledger. */
const ledgerTrigger = (when: string, body: string) =>
  `create function f() returns trigger language plpgsql as $$ begin ${body} end $$;
   create ${when} on public.schema_migrations for each row execute function f();`;

const CHANGES_LEDGER = /it changes the ledger public\.schema_migrations, rolled back; take that out of the file/;
const RELEASES_LOCK = /it releases the lock that keeps other runners out, rolled back/;
const BAD_FILE = /^Cannot use migrations ".*": nothing was run;/;

/** What stands between two other statements of the second file, and how that file ends: with an error, or applied. */
const FILES: Readonly<Record<string, readonly [text: string, error?: RegExp]>> = {
  // The transaction's end, in every dress.
  "COMMIT": ["commit;", BAD_FILE],
  "ROLLBACK": ["rollback; begin;", BAD_FILE],
  "SAVEPOINT": ["savepoint migration;", BAD_FILE],
  "RELEASE": ["release savepoint migration;", BAD_FILE],
  "PREPARE TRANSACTION": ["prepare transaction 'x';", BAD_FILE],
  "COMMIT behind a carriage return": ["-- nothing\rcommit;", BAD_FILE],
  "COMMIT behind a string that goes on": ["select E'a'\n'\\''; commit; select '", BAD_FILE],
  "COMMIT in a string that goes on": ["select E'a' -- on\n'\\'; commit; --';"],
  "COMMIT in a DO block": ["do $$ begin commit; end $$;", /\(2D000\), rolled back/],
  "ROLLBACK in a DO block": ["do $$ begin rollback; end $$;", /\(2D000\), rolled back/],
  "EXECUTE 'COMMIT'": ["do $$ begin execute 'commit'; end $$;", /\(0A000\), rolled back/],
  "EXECUTE 'SAVEPOINT'": ["do $$ begin execute 'rollback to savepoint migration'; end $$;", /\(0A000\), rolled back/],
  "a procedure that commits": [
    "create procedure p() language plpgsql as $$ begin commit; end $$; call p();",
    /\(2D000\), rolled back/,
  ],
  "a transaction made read-only": ["set transaction read only;", /\(25006\), rolled back/],
  "a transaction made read-only last": ["create table c (id int); set transaction read only;"],
  "another isolation level": ["set transaction isolation level serializable;", /\(25001\), rolled back/],
  "VACUUM": ["vacuum;", /\(25001\), rolled back/],
  "ALTER SYSTEM": ["alter system set work_mem = '4MB';", /\(25001\), rolled back/],
  // The session.
  "SET ROLE": ["create table c (id int); set role pg_monitor;"],
  "SET SESSION AUTHORIZATION": ["create table c (id int); set session authorization pg_monitor;"],
  "a role without rights": ["set role pg_monitor;", /\(42501\), rolled back/],
  "RESET ALL": ["reset all;"],
  "DISCARD ALL": ["discard all;", /\(25001\), rolled back/],
  "DISCARD PLANS": ["discard plans; discard temp; deallocate all;"],
  "SET CONSTRAINTS": ["set constraints all deferred;"],
  "another search path": ["set search_path to nowhere; create table public.c (id int);"],
  "functions before those of the server": [
    "create schema evil; create function evil.md5(text) returns text language sql return 'same';\n" +
    "create table c (id int); set search_path to evil, pg_catalog;",
  ],
  "read-only transactions from now on": ["set default_transaction_read_only = on;"],
  "replica role": ["set session_replication_role = replica;"],
  "another encoding": ["set client_encoding = latin1;"],
  "another time zone and style of dates": ["set timezone = 'Asia/Tokyo'; set datestyle = 'SQL, DMY';"],
  "backslashes in strings": ["set standard_conforming_strings = off;"],
  "LISTEN": ["listen x; notify x, 'y';"],
  "cursors and prepared statements": ["prepare p as select 1; declare k cursor with hold for select 1;"],
  "temporary tables in the way": [
    "create temp table pg_class (id int); create temp table schema_migrations (version int);",
  ],
  "its session's end": ["select pg_terminate_backend(pg_backend_pid());", /the connection was lost, /],
  "its own cancelling": ["select pg_cancel_backend(pg_backend_pid()); select pg_sleep(5);", /\(57014\), rolled back/],
  // Lock and ledger.
  "every lock released": ["select pg_advisory_unlock_all();", RELEASES_LOCK],
  "the lock released": ["select pg_advisory_unlock(29384939580713336);", RELEASES_LOCK],
  "another lock kept": ["select pg_advisory_lock(1);"],
  "the ledger locked": ["lock table public.schema_migrations in access exclusive mode;"],
  "rows deleted from the ledger": ["delete from public.schema_migrations;", CHANGES_LEDGER],
  "a row of the ledger updated": ["update public.schema_migrations set applied_at = now();", CHANGES_LEDGER],
  "the ledger emptied": ["truncate public.schema_migrations;", CHANGES_LEDGER],
  "the ledger dropped": ["drop table public.schema_migrations;", CHANGES_LEDGER],
  "the ledger replaced": [
    "create table x as table public.schema_migrations; drop table public.schema_migrations;" +
    "alter table x rename to schema_migrations;",
    CHANGES_LEDGER,
  ],
  "the ledger renamed": ["alter table public.schema_migrations rename to x;", CHANGES_LEDGER],
  "a column added to the ledger": ["alter table public.schema_migrations add x int;", CHANGES_LEDGER],
  "its own row in the ledger": [
    "insert into public.schema_migrations select 2, '0002_hostile.sql', '', 'applied', now(), '', 0;",
    CHANGES_LEDGER,
  ],
  "a later row in the ledger": [
    "insert into public.schema_migrations select 9, '0009_x.sql', '', 'applied', now(), '', 0;",
    CHANGES_LEDGER,
  ],
  "a trigger that keeps rows out": [ledgerTrigger("trigger t before insert", "return null;"), CHANGES_LEDGER],
  "a trigger that waits for the commit": [
    ledgerTrigger(
      "constraint trigger t after insert",
      "delete from public.schema_migrations where version = 1; return null;",
    ).replace(" for each", " deferrable initially deferred for each"),
    CHANGES_LEDGER,
  ],
  "a rule that keeps rows out": [
    "create rule r as on insert to public.schema_migrations do instead nothing;",
    CHANGES_LEDGER,
  ],
  "row security on the ledger": ["alter table public.schema_migrations enable row level security;", CHANGES_LEDGER],
  "a foreign key to the ledger": [
    "create table x (version int references public.schema_migrations);",
    CHANGES_LEDGER,
  ],
  "the schema dropped": ["drop schema public cascade; create schema public;", CHANGES_LEDGER],
  "rights on every table": ["grant select on all tables in schema public to pg_monitor;"],
  // What fires late, or at other statements.
  "a deferred trigger that fails": [
    "create function f() returns trigger language plpgsql as $$ begin raise exception 'late'; end $$;\n" +
    "create constraint trigger t after insert on b deferrable initially deferred for each row execute function f();\n" +
    "insert into b values (1);",
    /late \(P0001\), rolled back/,
  ],
  "an event trigger that fails": [
    "create function f() returns event_trigger language plpgsql as $$ begin raise exception 'no'; end $$;\n" +
    "create event trigger e on ddl_command_start execute function f();",
    /no \(P0001\), rolled back/,
  ],
  // Input and output.
  "COPY from a program": ["copy b from program 'echo 1';"],
  "COPY to a program that fails": ["copy b to program 'exit 1';", /\(38000\), rolled back/],
  "COPY to the client": ["copy b to stdout;"],
  "COPY from the client": ["copy b from stdin;", BAD_FILE],
  // Bytes.
  "a psql command": ["\\echo hello\n", BAD_FILE],
  "a string without an end": ["select 'oops;", BAD_FILE],
  "a NUL": ["select '\0';", BAD_FILE],
  "CRLF": ["select\r\n1;\r\n"],
  "a byte order mark in the middle": ["\ufeffselect 1;", /\(42601\), rolled back/],
  "five million characters": [`select '${"x''".repeat(1_700_000)}';`],
  "many statements": ["select 1;".repeat(500)],
  // What the database keeps: these come last.
  "an event trigger that drops": [
    "create function f() returns event_trigger language plpgsql as $$ begin drop table if exists a; end $$;\n" +
    "create event trigger e on ddl_command_end when tag in ('CREATE TABLE') execute function f();",
  ],
  "read-only transactions in the database": [
    "do $$ begin execute format('alter database %I set default_transaction_read_only = on', current_database()); end $$;",
  ],
};

/** Everything that a run may leave behind: tables, and the ledger whole. */
async function snapshot({ sql }: TestDatabase): Promise<{ tables: string[]; ledger: string[] }> {
  const tables = await sql`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by 1`;
  const ledger = await sql`select l::text as row, version from public.schema_migrations l order by version`;
  return { tables: tables.map(({ name }) => name), ledger: ledger.map(({ row }) => row) };
}

const bodyOf = (text: string) =>
  `create table b (id int);\n${text}\n${/table (public\.)?c /.test(text) ? "" : "create table c (id int);\n"}`;

/** A session that ends in a transaction makes postgres.js throw outside of any promise. */
function ignoreNoise(): Disposable {
  const listener = (event: ErrorEvent) => isLostConnectionNoise(event.error) && event.preventDefault();
  addEventListener("error", listener);
  return { [Symbol.dispose]: () => removeEventListener("error", listener) };
}

/** What a file has left in its database, removed again for the next one. */
const CLEAN_UP = `
drop event trigger if exists e;
drop table b, c;
drop function if exists f();
delete from public.schema_migrations where version = 2`;

Deno.test("migrate leaves all or nothing of a hostile file", async (t) => {
  using _noise = ignoreNoise();
  await using database = await createTestDatabase();
  await migrateHere(database.url, FIRST);
  for (const [name, [text, error]] of Object.entries(FILES)) {
    await t.step(name, async () => {
      const before = await snapshot(database);
      const run = migrateHere(database.url, { ...FIRST, "0002_hostile.sql": bodyOf(text) });
      if (error) {
        await assert.rejects(run, (thrown: Error) => (assert.match(thrown.message, error), true));
        assert.deepEqual(await snapshot(database), before);
      } else {
        await run;
        const { tables, ledger } = await snapshot(database);
        assert.deepEqual([tables.includes("b"), tables.includes("c"), ledger.length], [true, true, 2]);
        assert.equal(ledger[0], before.ledger[0]);
        await database.sql.unsafe(CLEAN_UP);
      }
      const locks = await database.sql`
        select from pg_locks where locktype = 'advisory'
          and database = (select oid from pg_database where datname = current_database())`;
      assert.equal(locks.length, 0);
    });
  }
});

for (
  const [what, body] of [
    ["keeps rows out", "return null;"],
    ["changes a row", "new.checksum := ''; return new;"],
    ["deletes other rows", "delete from public.schema_migrations where version = 1; return new;"],
  ]
) {
  Deno.test(`migrate refuses a file after which the ledger's own trigger ${what}`, async () => {
    await using database = await createTestDatabase();
    await migrateHere(database.url, FIRST);
    await database.sql.unsafe(ledgerTrigger("trigger t before insert", "return new;"));
    const before = await snapshot(database);
    const text = `create or replace function f() returns trigger language plpgsql as $$ begin ${body} end $$;\n`;
    await assert.rejects(migrateHere(database.url, { ...FIRST, "0002_hostile.sql": text }), CHANGES_LEDGER);
    assert.deepEqual(await snapshot(database), before);
    await migrateHere(database.url, { ...FIRST, "0002_harmless.sql": "select 2;\n" });
    assert.equal((await snapshot(database)).ledger.length, 2);
  });
}

Deno.test("migrate refuses a first file that makes the ledger by itself", async () => {
  await using database = await createTestDatabase();
  const text =
    "create table public.schema_migrations (version int primary key, name text, checksum text, kind text,\n" +
    "applied_at timestamptz default now(), applied_by text default current_user, duration_ms int);\n";
  await assert.rejects(migrateHere(database.url, { "0001_first.sql": text }), CHANGES_LEDGER);
  const [{ ledger }] = await database.sql`select to_regclass('public.schema_migrations') as ledger`;
  assert.equal(ledger, null);
});

Deno.test("migrate does not record a file without a transaction that has changed the ledger", async () => {
  await using database = await createTestDatabase();
  await migrateHere(database.url, FIRST);
  const text = "-- migrate: no-transaction\nupdate public.schema_migrations set checksum = '';\n";
  await assert.rejects(
    migrateHere(database.url, { ...FIRST, "0002_alone.sql": text }),
    /it has changed the ledger .*, not recorded; restore the ledger, take that out/,
  );
  assert.equal((await snapshot(database)).ledger.length, 1);
});
