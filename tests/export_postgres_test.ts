import assert from "node:assert/strict";
import { join } from "node:path";
import { connectTo, testUrl } from "./support/database.ts";
import {
  createExporter,
  type Exporter,
  fileHashes,
  fileStates,
  finish,
  insertChecks,
  listDebris,
} from "./support/exporter.ts";
import { listLane, readLane } from "./support/parquet.ts";
import { startServer, type TestServer } from "./support/servers.ts";

/** Waits until some session of an exporter's database fits a condition on pg_stat_activity, and gives its process. */
async function waitForSession({ database }: Exporter, condition: string): Promise<number> {
  for (let tries = 0; tries < 1000; tries++) {
    const [row] = await database.sql.unsafe(`
      select pid from pg_stat_activity where datname = current_database()
        and application_name = 'heretix-data-lane' and pid <> pg_backend_pid() and ${condition}`);
    if (row) return row.pid;
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  throw new Error(`No session is ${condition}`);
}

/** A role of a test's own, gone with it, and the URL by which it comes in. */
async function createRole({ database }: Exporter): Promise<{ name: string; url: string } & AsyncDisposable> {
  const name = `role_${crypto.randomUUID().replaceAll("-", "")}`;
  await database.sql.unsafe(`create role ${name} login`);
  const url = new URL(database.url);
  url.username = name;
  return {
    name,
    url: url.href,
    async [Symbol.asyncDispose]() {
      await database.sql.unsafe(`drop owned by ${name}; drop role ${name}`);
    },
  };
}

/** A proxy before the test server that waits for `act` once it has passed on so many bytes of answers, or a text. */
function startProxy(moment: number | string, act: (close: () => void) => Promise<void> | void): TestServer {
  const { port } = new URL(testUrl("postgres"));
  return startServer(async (client) => {
    const server = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
    let left = typeof moment === "number" ? moment : Infinity;
    const isNow = (chunk: Uint8Array) =>
      typeof moment === "number"
        ? left > 0 && (left -= chunk.length) <= 0
        : new TextDecoder("latin1").decode(chunk).includes(moment);
    const answers = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
      async transform(chunk, controller) {
        controller.enqueue(chunk);
        if (isNow(chunk)) await act(() => controller.terminate());
      },
    });
    await Promise.allSettled([
      client.readable.pipeTo(server.writable),
      server.readable.pipeThrough(answers).pipeTo(client.writable),
    ]);
  });
}

function through(proxy: TestServer, { database }: Exporter): string {
  const url = new URL(database.url);
  url.port = `${proxy.port}`;
  return url.href;
}

Deno.test("export through hostile settings of database and role writes the same bytes", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 60);
  assert.equal((await exporter.export()).code, 0);
  const { database: { sql, name } } = exporter;
  await sql.unsafe(`
    create schema shadow;
    create table shadow.checks as select * from public.checks limit 1;
    create view shadow.pg_attribute as select attrelid, attname from pg_catalog.pg_attribute limit 0;
    create function shadow.sha256(bytea) returns bytea language sql as 'select ''\\x00''::bytea';
    create function shadow.encode(bytea, text) returns text language sql as 'select ''shadow''';`);
  const settings = {
    search_path: "shadow, public, pg_catalog",
    timezone: "'Pacific/Kiritimati'",
    datestyle: "'SQL, DMY'",
    intervalstyle: "'sql_standard'",
    bytea_output: "'escape'",
    extra_float_digits: "-15",
    default_transaction_read_only: "on",
    default_transaction_isolation: "'read committed'",
    statement_timeout: "'20s'",
    client_encoding: "'latin1'",
    standard_conforming_strings: "off",
    enable_indexscan: "off",
    row_security: "on",
  };
  for (const [key, value] of Object.entries(settings)) await sql.unsafe(`alter database ${name} set ${key} = ${value}`);
  const out = join(exporter.home, "hostile");
  const { code, stderr } = await exporter.export(["--out", out]);
  assert.equal(code, 0, stderr);
  const stateOf = async (lane: string) => {
    const { "_manifest.json": _manifest, ...files } = await fileHashes(lane);
    const { days } = JSON.parse(await Deno.readTextFile(join(lane, "_manifest.json")));
    return { files, days };
  };
  const [before, after] = [await stateOf(exporter.lane), await stateOf(join(out, "local"))];
  assert.equal(Object.keys(before.files).length, 3);
  assert.deepEqual(after, before, "fingerprints and digests too");
});

Deno.test("export sees what was loaded after a TRUNCATE that commits while it starts", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 10);
  assert.equal((await exporter.export()).code, 0);
  await using writer = await connectTo(exporter.database.url);
  await writer.unsafe("begin; truncate public.checks cascade");
  const child = exporter.start("export.ts");
  await waitForSession(exporter, "wait_event_type = 'Lock'");
  await insertChecks({ ...exporter.database, sql: writer }, 5, 14);
  await writer.unsafe("commit");
  const { code, stderr } = await finish(child);
  assert.equal(code, 0, stderr);
  const runs = (await readLane(exporter.lane)).flatMap(({ rows }) => rows.map(({ run_id }) => run_id));
  assert.deepEqual(runs, Array.from({ length: 10 }, (_, i) => `run-${i + 5}`));
});

Deno.test("export interrupted while it waits for the table's lock ends at once", async () => {
  await using exporter = await createExporter();
  await using writer = await connectTo(exporter.database.url);
  await writer.unsafe("begin; lock table public.checks in access exclusive mode");
  const child = exporter.start("export.ts");
  await waitForSession(exporter, "wait_event_type = 'Lock'");
  const start = performance.now();
  child.kill("SIGTERM");
  const { code, stderr } = await finish(child);
  assert.equal(code, 130);
  assert.equal(stderr, "Interrupted export; nothing half done is visible\n");
  assert.ok(performance.now() - start < 2000, "promptly");
});

Deno.test("export without table, column or privilege, or under row security, fails in one line and replaces nothing", async () => {
  await using exporter = await createExporter();
  await using role = await createRole(exporter);
  const { database: { sql } } = exporter;
  await insertChecks(exporter.database, 1, 30);
  assert.equal((await exporter.export()).code, 0);
  const before = await fileStates(exporter.lane);
  const fails = async (finding: RegExp) => {
    const { code, stdout, stderr } = await exporter.export(["--allow-shrink"], { DATABASE_URL: role.url });
    assert.equal(code, 1);
    assert.match(stderr, finding);
    assert.match(stderr, /^(Warning: [^\n]*\n)?[^\n]*\n$/);
    assert.equal(stdout, "");
    assert.deepEqual(await fileStates(exporter.lane), before);
  };
  await fails(
    /^Cannot export "checks": role role_\w+ may not read public\.checks; grant select on public\.checks to role_/,
  );
  await sql.unsafe(`
    grant select on public.checks to ${role.name};
    alter table public.checks enable row level security;
    create policy few on public.checks using (run_id = 'run-7')`);
  await fails(/^Cannot export database ".*": query would be affected by row-level security policy .*\(42501\)/);
  await sql.unsafe("alter table public.checks disable row level security; alter table public.checks rename pqs to p");
  await fails(/^Cannot export "checks": the table lacks pqs; run deno task migrate\n/);
  await sql.unsafe("alter table public.checks rename p to pqs; alter table public.checks rename to other");
  await fails(/^Cannot export "checks": table public.checks does not exist; run deno task migrate/);
});

Deno.test("export refuses columns whose values would change, and takes those of a narrower type", async () => {
  await using exporter = await createExporter();
  const { database: { sql } } = exporter;
  await insertChecks(exporter.database, 1, 3);
  await sql`update checks set seed = 7, ci_lo = 0.1, config_json = '{"a": 1.0}', gate_stability_ok = true`;
  const narrow = {
    '"K"': "integer",
    seed: "bigint",
    ci_lo: "real",
    config_json: "jsonb",
    claim: "varchar(80)",
    created_at: "timestamptz(3)",
  };
  const wide = {
    '"K"': ["numeric(20,0)", "bigint"],
    seed: ["numeric", "numeric(20,0)"],
    ci_lo: ["numeric", "double precision"],
    claim: ["bytea", "text"],
    created_at: ["timestamp without time zone", "timestamptz"],
    n_docs: ["bigint", "integer"],
  };
  const alter = async (column: string, type: string) => {
    const cast = type === "bytea" ? `convert_to(${column}, 'UTF8')` : `${column}::${type}`;
    const constraints = await sql`
      select conname as name from pg_constraint where conrelid = 'public.checks'::regclass and contype = 'c'`;
    for (const { name } of constraints) await sql.unsafe(`alter table checks drop constraint ${name}`);
    await sql.unsafe(`alter table checks alter ${column} type ${type} using ${cast}`);
  };
  for (const [column, type] of Object.entries(narrow)) await alter(column, type);
  const { code, stderr } = await exporter.export();
  assert.equal(code, 0, stderr);
  const rows = (await readLane(exporter.lane)).flatMap(({ rows }) => rows);
  assert.deepEqual(rows.map((row) => [row.K, row.seed, row.ci_lo, row.config_json, row.claim]), [
    ...[1, 2, 3].map((n) => [8n, 7n, Math.fround(0.1), '{"a": 1.0}', `claim ${n}`]),
  ]);
  const before = await fileStates(exporter.lane);
  for (const [column, [type]] of Object.entries(wide)) await alter(column, type);
  const refused = await exporter.export();
  assert.equal(refused.code, 1);
  const findings = Object.entries(wide).map(([column, [found, wanted]]) =>
    `column "${column.replaceAll('"', "")}" has type ${found}, not ${wanted}`
  );
  for (const finding of findings) assert.ok(refused.stderr.includes(finding), `${finding}: ${refused.stderr}`);
  assert.match(refused.stderr, /^Cannot export "checks": column [^\n]*; give it that type in a migration, [^\n]*\n$/);
  assert.deepEqual(await fileStates(exporter.lane), before);
});

Deno.test("export of a database that earlier migrations made names what it lacks", async () => {
  await using exporter = await createExporter();
  const { database: { sql } } = exporter;
  await sql`alter table checks drop column mode, drop column p_prior, drop column anon_token`;
  const { code, stderr } = await exporter.export();
  assert.equal(code, 1);
  assert.equal(stderr, 'Cannot export "checks": the table lacks anon_token, mode, p_prior; run deno task migrate\n');
});

for (
  const [name, act] of [
    ["is cut", () => (close: () => void) => close()],
    ["is ended by an administrator", ({ database }: Exporter) => async () => {
      await database.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and pid <> pg_backend_pid()`;
    }],
  ] as const
) {
  Deno.test(`export whose connection ${name} at any point fails in one line and replaces nothing`, async () => {
    await using exporter = await createExporter();
    await insertChecks(exporter.database, 1, 30);
    assert.equal((await exporter.export()).code, 0);
    const before = await fileStates(exporter.lane);
    await insertChecks(exporter.database, 31, 2000, "timestamptz '2025-09-01 00:00:00+00' + n * interval '1 minute'");
    // Far more behind the last moment than sockets hold: a session that ends with all its rows sent is no failure.
    await exporter.database.sql`update checks set claim = repeat(md5(run_id), 1000)`;
    // While the session starts, while days are compared, in the stream's first and in a later day.
    for (const bytes of [900, 3000, 20_000, 2_000_000]) {
      using proxy = startProxy(bytes, act(exporter));
      const { code, stderr } = await exporter.export(["--full"], { DATABASE_URL: through(proxy, exporter) });
      assert.equal(code, 1, `${bytes}: ${stderr}`);
      assert.match(
        stderr,
        /^Cannot (export database|connect to) ".*": (the connection was lost|it closes the connection); [^\n]*\n$/,
        `${bytes}: ${stderr}`,
      );
      assert.deepEqual(await fileStates(exporter.lane), before);
      assert.deepEqual(await listDebris(exporter.lane), []);
    }
    assert.equal((await exporter.export()).code, 0);
    const rows = (await readLane(exporter.lane)).reduce((sum, { rows }) => sum + rows.length, 0);
    assert.equal(rows, 2000);
  });
}

Deno.test("export whose connection is lost behind the last row has done its work", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 30);
  using proxy = startProxy("COPY 30\0", async (close) => {
    while (!(await listLane(exporter.lane)).includes("_manifest.json")) await new Promise((go) => setTimeout(go, 10));
    close();
  });
  const { code, stdout, stderr } = await exporter.export([], { DATABASE_URL: through(proxy, exporter) });
  assert.equal(code, 0, stderr);
  assert.match(stdout, /^Exported 30 rows in 2 files /);
});
