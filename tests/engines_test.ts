import assert from "node:assert/strict";
import { join } from "node:path";
import { createExporter, type Exporter, insertChecks } from "./support/exporter.ts";
import { runCommand } from "./support/command.ts";
import { findPython, runPython } from "./support/python.ts";
import { storeSettings } from "./support/remote.ts";
import { type S3Server, startS3 } from "./support/s3_server.ts";

const duckdb = await findPython(["duckdb"]);
const clickhouse = await findPython(["chdb"]);

/** Runs statements, and prints the rows of the last one: a JSON array each, every value a text. */
const DUCKDB = `
import duckdb, json, sys
connection = duckdb.connect()
for statement in json.loads(sys.argv[1]):
    result = connection.execute(statement)
for row in result.fetchall():
    print(json.dumps([str(value) for value in row]))
`;

const CLICKHOUSE = `
import json, sys
from chdb import session
connection = session.Session()
for statement in json.loads(sys.argv[1]):
    result = connection.query(statement, "JSONCompactStringsEachRow")
print(result, end="")
`;

/** Parses statements, and prints how many there are. */
const PARSE = `
import duckdb, sys
print(len(duckdb.extract_statements(sys.argv[1])))
`;

/** Whether DuckDB has its extension, or gets it. */
const DELTA = `
import duckdb
for name in ("httpfs", "delta"):
    duckdb.execute("install " + name)
    duckdb.execute("load " + name)
`;

const delta = duckdb !== undefined && await runPython(duckdb, DELTA).then(() => true, () => false);

const DATASETS = ["checks", "requests", "usage_ledger"];

/** A remote lake of two snapshots, and the same rows in a lane on the disk. */
interface Lake extends AsyncDisposable {
  readonly exporter: Exporter;
  readonly server: S3Server;
  /** What `deno task lake:list` prints. */
  readonly list: string;
}

/** A lake whose first snapshot has 30 checks, the second 60, of which one has changed. */
async function createLake(): Promise<Lake> {
  const exporter = await createExporter("exports");
  const server = await startS3({
    region: "us-east-1",
    credentials: { accessKeyId: "TESTKEY", secretAccessKey: "test-secret" },
  });
  const settings = storeSettings(server.target("prefix"));
  const put = async (...args: string[]) => {
    const { code, stderr } = await exporter.export([...DATASETS, ...args], args.length > 0 ? {} : settings);
    assert.equal(code, 0, stderr);
  };
  const { sql } = exporter.database;
  await insertChecks(exporter.database, 1, 30);
  await sql`insert into requests (id, created_at, claim, mode, env)
    values (gen_random_uuid(), '2025-09-01 12:00+00', 'claim', 'baseline', 'local')`;
  await sql`insert into users (id, email, status, created_at, updated_at) values (gen_random_uuid(), 'a@b', 'active', now(), now())`;
  await sql`insert into usage_ledger (id, user_id, period_start, period_end, plan, checks_allowed, checks_used, updated_at)
    select gen_random_uuid(), id, '2025-09-01', '2025-09-30', 'trial', 10, 3, now() from users`;
  await put();
  await insertChecks(exporter.database, 31, 60);
  await sql`update checks set claim = 'other' where run_id = 'run-1'`;
  await put();
  await put("--out", join(exporter.home, "exports"));
  const { stdout: list } = await runCommand("lake:list", [], { env: settings });
  return {
    exporter,
    server,
    list,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await exporter[Symbol.asyncDispose]();
    },
  };
}

/** Text of a file of analytics/, with values in place of what its head names. */
async function read(file: string, values: Readonly<Record<string, string>>): Promise<string> {
  const text = await Deno.readTextFile(new URL(`../analytics/${file}`, import.meta.url));
  return Object.entries(values).reduce((sql, [from, to]) => {
    assert.ok(sql.includes(from), `${file} has no ${from}`);
    return sql.replaceAll(from, to);
  }, text.replace(/^--.*\n/gm, ""));
}

const statementsOf = (sql: string) => sql.split(";").map((statement) => statement.trim()).filter((one) => one !== "");

/** Rows of a query behind statements, as an engine's script gives them. */
async function query(python: string, script: string, statements: readonly string[]): Promise<string[][]> {
  const printed = await runPython(python, script, JSON.stringify(statements));
  return printed.trimEnd().split("\n").map((line) => JSON.parse(line));
}

const COUNTS = (usage: string) =>
  `select count(*) as n, sum(seed) as seeds, min(claim) as claim, (select count(*) from requests) as requests,
    (select count(*) from ${usage}) as usage, min(dt) as first, max(dt) as last from checks`;

const seeds = (runs: number) => `${BigInt(runs) * 18446744073709551615n - BigInt(runs * (runs + 1) / 2)}`;

const NEWEST = ["60", seeds(60), "claim 10", "1", "1", "2025-09-01", "2025-09-03"];
const FIRST = ["30", seeds(30), "claim 1", "1", "1", "2025-09-01", "2025-09-02"];

Deno.test({
  name: "ClickHouse reads the newest snapshot and the first one, as analytics/engines/clickhouse.delta.sql says",
  ignore: clickhouse === undefined,
  fn: async () => {
    await using lake = await createLake();
    const statements = statementsOf(
      await read("engines/clickhouse.delta.sql", {
        "https://bucket.s3.us-east-1.amazonaws.com/": `${lake.server.endpoint}/lake/`,
        KEY: "TESTKEY",
        SECRET: "test-secret",
        "'prod/": "'local/",
      }),
    );
    const counts = COUNTS("usage_ledger");
    assert.deepEqual(await query(clickhouse!, CLICKHOUSE, [...statements, counts]), [NEWEST]);
    const old = `${counts} settings delta_lake_snapshot_version = 0`;
    assert.deepEqual(await query(clickhouse!, CLICKHOUSE, [...statements, old]), [FIRST]);
  },
});

Deno.test({
  name: "ClickHouse reads a directory of exports, as analytics/engines/clickhouse.directory.sql says",
  ignore: clickhouse === undefined,
  fn: async () => {
    await using lake = await createLake();
    const [object] = lake.server.objects.values();
    for (const lane of ["local", "local.requests", "local.usage_ledger"]) {
      for await (const { name: day } of Deno.readDir(join(lake.exporter.home, "exports", lane))) {
        if (!day.startsWith("dt=")) continue;
        const file = `${lane.split(".")[1] ?? "checks"}.parquet`;
        const bytes = await Deno.readFile(join(lake.exporter.home, "exports", lane, day, file));
        lake.server.objects.set(`files/${lane}/${day}/${file}`, { ...object, bytes });
      }
    }
    const statements = statementsOf(
      await read("engines/clickhouse.directory.sql", {
        "https://bucket.s3.us-east-1.amazonaws.com/prefix/": `${lake.server.endpoint}/lake/files/`,
        KEY: "TESTKEY",
        SECRET: "test-secret",
      }),
    );
    assert.deepEqual(await query(clickhouse!, CLICKHOUSE, [...statements, COUNTS("usage_ledger")]), [NEWEST]);
    const lanes =
      "select distinct lane from checks union all select lane from requests union all select lane from usage_ledger";
    assert.deepEqual(await query(clickhouse!, CLICKHOUSE, [...statements, lanes]), [["local"], ["local"], ["local"]]);
  },
});

Deno.test({
  name: "DuckDB reads a directory of exports, and the objects that lake:list names, as analytics/ says",
  ignore: duckdb === undefined,
  fn: async () => {
    await using lake = await createLake();
    const { home } = lake.exporter;
    const catalog = statementsOf(await read("catalog.sql", { "data/exports/": `${join(home, "exports")}/` }));
    assert.deepEqual(await query(duckdb!, DUCKDB, [...catalog, COUNTS("usage")]), [NEWEST]);

    // The objects are on the disk, since httpfs is an extension too.
    for (const [key, { bytes }] of lake.server.objects) {
      const path = join(home, "bucket", key);
      await Deno.mkdir(join(path, ".."), { recursive: true });
      await Deno.writeFile(path, bytes);
    }
    const objects = join(home, "objects.txt");
    await Deno.writeTextFile(objects, lake.list.replaceAll("s3://lake/", `${join(home, "bucket")}/`));
    const list = statementsOf(await read("engines/duckdb.list.sql", { "objects.txt": objects }))
      .filter((statement) => !/\bhttpfs\b|\bsecret\b/.test(statement));
    assert.equal(list.length, 1 + 2 * DATASETS.length);
    assert.deepEqual(await query(duckdb!, DUCKDB, [...list, COUNTS("usage_ledger")]), [NEWEST]);
    const all = `select count(*) from read_parquet('${join(home, "bucket")}/prefix/local/checks/dt=*/*.parquet')`;
    assert.deepEqual(await query(duckdb!, DUCKDB, [all]), [["90"]], "a pattern sees what was superseded too");
  },
});

Deno.test({
  name: "DuckDB parses analytics/engines/duckdb.delta.sql and duckdb.list.sql",
  ignore: duckdb === undefined,
  fn: async () => {
    for (const file of ["engines/duckdb.delta.sql", "engines/duckdb.list.sql"]) {
      const sql = await read(file, {});
      assert.equal(await runPython(duckdb!, PARSE, sql), `${statementsOf(sql).length}\n`);
    }
  },
});

Deno.test({
  name:
    "DuckDB's delta extension reads the newest snapshot and the first one, as analytics/engines/duckdb.delta.sql says",
  ignore: !delta,
  fn: async () => {
    await using lake = await createLake();
    const place = `endpoint '127.0.0.1:${lake.server.port}', url_style 'path', use_ssl false`;
    const statements = statementsOf(
      await read("engines/duckdb.delta.sql", {
        "s3://bucket/prefix/prod/": "s3://lake/prefix/local/",
        KEY: "TESTKEY",
        SECRET: "test-secret",
        "region 'us-east-1'": `region 'us-east-1', ${place}`,
      }),
    );
    const counts = COUNTS("usage_ledger");
    assert.deepEqual(await query(duckdb!, DUCKDB, [...statements, counts]), [NEWEST]);
    const old = counts.replace(/from checks$/, "from delta_scan('s3://lake/prefix/local/checks', version => 0)");
    assert.deepEqual(await query(duckdb!, DUCKDB, [...statements, old]), [FIRST]);
  },
});
