import assert from "node:assert/strict";
import { startCluster } from "../../../tests/support/cluster.ts";
import { connectTo, createTestDatabase, testUrl } from "../../../tests/support/database.ts";
import { startPooler } from "../../../tests/support/pooler.ts";
import { isExpendable, replaceDatabase } from "./reset.ts";
import { isMarked, markDatabase } from "./mark.ts";
import { closeConnection, connect, type Sql } from "../postgres/connection.ts";
import { parseDatabaseUrl, type ServerTarget } from "../task/target.ts";

const { signal } = new AbortController();

async function fillWith(target: ServerTarget, statements: string): Promise<void> {
  const sql = await connect(target);
  try {
    await sql.unsafe(statements);
  } finally {
    await closeConnection(sql);
  }
}

async function tablesOf(url: string): Promise<string[]> {
  await using sql = await connectTo(url);
  const rows = await sql`select tablename as name from pg_tables where schemaname = 'public' order by 1`;
  return rows.map(({ name }) => name);
}

async function databasesLike(pattern: string): Promise<string[]> {
  await using sql = await connectTo(testUrl("postgres"));
  return (await sql`select datname as name from pg_database where datname like ${pattern} order by 1`)
    .map(({ name }) => name);
}

Deno.test("isExpendable() takes what is not there, empty or marked, and nothing else", async (t) => {
  await using database = await createTestDatabase();
  const { sql } = database;
  const target = parseDatabaseUrl(database.url);
  const expendable = () => isExpendable(target, { signal });
  assert.equal(await isExpendable({ ...target, database: "no_such_database" }, { signal }), true);
  assert.equal(await expendable(), true);
  const contents = {
    "a table": ["create table t ()", "drop table t"],
    "a sequence": ["create sequence s", "drop sequence s"],
    "a view": ["create view v as select 1", "drop view v"],
    "a type in a schema of its own": ["create schema s; create type s.e as enum ('a')", "drop schema s cascade"],
    "a function": ["create function f() returns int return 1", "drop function f"],
    "a large object": ["select lo_from_bytea(7, 'x')", "select lo_unlink(7)"],
  };
  for (const [what, [make, undo]] of Object.entries(contents)) {
    await t.step(what, async () => {
      await sql.unsafe(make);
      assert.equal(await expendable(), false);
      await sql.unsafe(undo);
      assert.equal(await expendable(), true);
    });
  }
  await sql.unsafe("create table t ()");
  const marks = {
    "another comment": [`comment on database ${database.name} is 'Heretix: mine'`, false],
    "the mark": [null, true],
    "none": [`comment on database ${database.name} is null`, false],
  } as const;
  for (const [what, [statement, wanted]] of Object.entries(marks)) {
    await t.step(what, async () => {
      if (statement === null) await markDatabase(sql, database.name);
      else await sql.unsafe(statement);
      assert.equal(await expendable(), wanted);
    });
  }
});

Deno.test("replaceDatabase() replaces the database while other sessions use it", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("create table old (id int)");
  await replaceDatabase(
    parseDatabaseUrl(database.url),
    (target) => fillWith(target, "create table new (id int)"),
    { signal },
  );
  assert.deepEqual(await tablesOf(database.url), ["new"]);
});

Deno.test("replaceDatabase() replaces the database when a pooler or a monitor keeps a session on the new one", async () => {
  await using database = await createTestDatabase();
  const target = parseDatabaseUrl(database.url);
  let kept: Sql | undefined;
  await replaceDatabase(target, async (fresh) => {
    kept = await connect(fresh);
    await kept.unsafe("create table new (id int)");
  }, { signal });
  await closeConnection(kept!, 0);
  assert.deepEqual(await tablesOf(database.url), ["new"], "it takes sessions again, too");
  assert.deepEqual(await databasesLike("reset\\_%"), []);
});

Deno.test("replaceDatabase() leaves no moment without a database of that name, however busy the old one is", async () => {
  await using database = await createTestDatabase();
  await using watcher = await connectTo(testUrl("postgres"));
  const target = parseDatabaseUrl(database.url);
  let over = false;
  const client = async () => {
    while (!over) {
      // Whoever is on the old database is ended, or told at the door that it has just been renamed.
      const sql = await connect(target).catch(() => undefined);
      await sql?.unsafe("select 1").catch(() => {});
      if (sql) await closeConnection(sql, 0);
    }
  };
  let looks = 0;
  const watch = async () => {
    for (; !over; looks++) {
      const rows = await watcher`select from pg_database where datname = ${target.database}`;
      assert.equal(rows.length, 1, `look ${looks}`);
    }
  };
  const others = [client(), client(), client(), watch()];
  // What the watcher finds is told when all have ended.
  Promise.allSettled(others);
  try {
    await replaceDatabase(target, (fresh) => fillWith(fresh, "create table new (id int)"), { signal });
  } finally {
    over = true;
    await Promise.all(others);
  }
  assert.ok(looks > 20);
  assert.deepEqual(await tablesOf(database.url), ["new"]);
});

Deno.test("replaceDatabase() refuses a pooler in transaction mode, and leaves no lock in its sessions", async () => {
  await using database = await createTestDatabase();
  const target = parseDatabaseUrl(database.url);
  using pooler = await startPooler(testUrl("postgres"));
  const fill = (fresh: ServerTarget) => fillWith(fresh, "create table new (id int)");
  await assert.rejects(replaceDatabase({ ...target, port: pooler.port }, fill, { signal }), {
    exitCode: 3,
    message: /": a pooler in transaction mode stands before it, .*; put the .* endpoint into DATABASE_URL_UNPOOLED$/,
  });
  await replaceDatabase(target, fill, { signal });
  assert.deepEqual(await tablesOf(database.url), ["new"]);
});

Deno.test("replaceDatabase() makes a database that is not there, whatever its name", async () => {
  await using database = await createTestDatabase();
  const name = `${database.name} "Ü" ${"x".repeat(10)}`;
  const url = testUrl(encodeURIComponent(name));
  await replaceDatabase(parseDatabaseUrl(url), (target) => fillWith(target, "create table new (id int)"), { signal });
  assert.deepEqual(await tablesOf(url), ["new"]);
  assert.equal(await isMarked(database.sql, name), true);
  await database.sql.unsafe(`drop database "${name.replaceAll('"', '""')}"`);
});

Deno.test("replaceDatabase() keeps the old database and no new one when filling fails", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("create table old (id int)");
  const target = parseDatabaseUrl(database.url);
  await assert.rejects(replaceDatabase(target, (fresh) => fillWith(fresh, "create table new (id nope)"), { signal }), {
    name: "TaskError",
    message:
      `Cannot reset database "${target.label}": type "nope" does not exist (42704); correct that and run it again`,
  });
  assert.deepEqual(await tablesOf(database.url), ["old"]);
  assert.deepEqual(await databasesLike("reset\\_%"), []);
});

Deno.test("replaceDatabase() keeps the owner, and needs nobody but an owner who may create databases", async () => {
  await using database = await createTestDatabase();
  const role = `role_${database.name.slice(5, 20)}`;
  await database.sql.unsafe(`create role ${role} login createdb; alter database ${database.name} owner to ${role}`);
  const fill = (target: ServerTarget) => fillWith(target, "create table new (id int)");
  try {
    const ownersUrl = new URL(database.url);
    ownersUrl.username = role;
    await replaceDatabase(parseDatabaseUrl(database.url), fill, { signal });
    await replaceDatabase(parseDatabaseUrl(ownersUrl.href), fill, { signal });
    await using sql = await connectTo(database.url);
    const [{ owner }] = await sql`
      select pg_get_userbyid(datdba) as owner from pg_database where datname = ${database.name}`;
    assert.equal(owner, role);
    await using owners = await connectTo(ownersUrl.href);
    assert.equal(await isMarked(owners, database.name), true);
  } finally {
    await using sql = await connectTo(testUrl("postgres"));
    await sql.unsafe(`drop database ${database.name} with (force)`);
    await sql.unsafe(`drop role ${role}`);
  }
});

Deno.test("replaceDatabase() changes nothing where the user may not drop or create the database", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("create table old (id int)");
  const role = `role_${database.name.slice(5, 20)}`;
  await database.sql.unsafe(`create role ${role} login`);
  const url = new URL(database.url);
  url.username = role;
  const fill = () => Promise.reject(new Error("filled"));
  try {
    await assert.rejects(replaceDatabase(parseDatabaseUrl(url.href), fill, { signal }), {
      message: /: it belongs to role postgres, nothing was changed; put that role into the database URL$/,
    });
    await database.sql.unsafe(`alter database ${database.name} owner to ${role}`);
    await assert.rejects(replaceDatabase(parseDatabaseUrl(url.href), fill, { signal }), {
      message: new RegExp(
        `: role ${role} may not create databases, nothing was changed; run: alter role "${role}" createdb$`,
      ),
    });
    url.pathname = "/template1";
    await assert.rejects(replaceDatabase(parseDatabaseUrl(url.href), fill, { signal }), {
      message: /: it is a template of other databases, nothing was changed; choose another database$/,
    });
    assert.deepEqual(await tablesOf(database.url), ["old"]);
  } finally {
    await database.sql.unsafe(`alter database ${database.name} owner to postgres; drop role ${role}`);
  }
});

Deno.test("replaceDatabase() refuses a host that is not local", async () => {
  const remote = parseDatabaseUrl("postgresql://u:p@db.example.com/shop");
  await assert.rejects(replaceDatabase(remote, () => Promise.resolve(), { signal }), { exitCode: 3 });
});

/** The comment on a session's database. */
async function commentOf(sql: Sql): Promise<string> {
  return (await sql`select shobj_description(oid, 'pg_database') as it from pg_database
    where datname = current_database()`)[0].it;
}

Deno.test("replaceDatabase() replaces the maintenance database too, and another server's mark counts for nothing", async () => {
  await using cluster = await startCluster();
  await using database = await createTestDatabase();
  await markDatabase(database.sql, database.name);
  {
    await using sql = await connectTo(cluster.url);
    const mark = (await commentOf(database.sql)).replaceAll("'", "''");
    await sql.unsafe(`comment on database postgres is '${mark}'`);
    assert.equal(await isMarked(sql, "postgres"), false);
    await markDatabase(sql, "postgres");
    assert.equal(await isMarked(sql, "postgres"), true);
  }
  await fillWith(parseDatabaseUrl(cluster.url), "create table old (id int)");
  await using _session = await connectTo(cluster.url);
  await replaceDatabase(
    parseDatabaseUrl(cluster.url),
    (target) => fillWith(target, "create table new (id int)"),
    { signal },
  );
  assert.deepEqual(await tablesOf(cluster.url), ["new"]);
});

Deno.test("replaceDatabase() removes what a killed run has left, and admits no second run beside it", async () => {
  await using database = await createTestDatabase();
  const target = parseDatabaseUrl(database.url);
  let left = "";
  const killed = (fresh: ServerTarget) => {
    left = fresh.database;
    return Promise.reject(new Error("killed"));
  };
  await assert.rejects(replaceDatabase(target, killed, { signal }), { message: "killed" });
  for (const name of [left, `${left}_old`]) await database.sql.unsafe(`create database ${name}`);
  const second = () => replaceDatabase(target, () => Promise.resolve(), { signal });
  const fill = async (fresh: ServerTarget) => {
    await assert.rejects(second(), { exitCode: 5, message: /: another reset of it is at work; wait for it to end$/ });
    await fillWith(fresh, "create table new (id int)");
  };
  await replaceDatabase(target, fill, { signal });
  assert.deepEqual(await tablesOf(database.url), ["new"]);
  assert.deepEqual(await databasesLike(`${left}%`), []);
});
