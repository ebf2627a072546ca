import assert from "node:assert/strict";
import type { Sql } from "../tasks/lib/postgres/connection.ts";
import { sleep } from "../tasks/lib/task/sleep.ts";
import { createAuthority, opensslTest } from "./support/certificates.ts";
import { startCluster } from "./support/cluster.ts";
import { connectTo, createTestDatabase } from "./support/database.ts";
import { finish, startExport } from "./support/exporter.ts";
import { listLane } from "./support/parquet.ts";
import { assertSameLakes, fillDatabase } from "./support/same_lake.ts";

opensslTest("export over TLS by a private authority gives the files and manifests of a plain connection", async () => {
  await using cluster = await startCluster();
  const { path, issue } = await createAuthority(cluster.temporary);
  const other = await createAuthority(cluster.temporary, "other");
  await cluster.stop();
  await cluster.start({ ...await issue("DNS:localhost") });
  await using database = await createTestDatabase(cluster.url);
  await fillDatabase(database);
  const encrypted = new URL(`${database.url}?sslmode=verify-full`);
  encrypted.hostname = "localhost";
  await assertSameLakes(database, [
    { name: "plain", url: database.url },
    { name: "encrypted", url: encrypted.href, env: { DATABASE_CA: path } },
  ]);
  const lake = `${cluster.temporary}/refused`;
  for (const DATABASE_CA of ["", other.path]) {
    const env = { DATABASE_URL: encrypted.href, EXPORT_DIR: lake, DATABASE_CA };
    const { code, stdout, stderr } = await finish(startExport("export.ts", [], env));
    assert.deepEqual([code, stdout], [1, ""], stderr);
    assert.match(stderr, /^Cannot connect to "\S+": its certificate is by an authority that is not trusted; .*\n$/);
    assert.deepEqual(await listLane(lake), []);
  }
});

Deno.test("export from a hot standby gives the files and manifests of its primary", async () => {
  await using primary = await startCluster();
  await using database = await createTestDatabase(primary.url);
  await fillDatabase(database);
  await using standby = await primary.standby();
  const url = standby.urlOf(database.name);
  await using replayed = await connectTo(url);
  const digest = async (sql: Sql) =>
    (await sql`select md5(string_agg(c::text, '' order by id)) from checks as c`)[0].md5;
  const caughtUp = async () => {
    const wanted = await digest(database.sql);
    for (let tries = 0; await digest(replayed) !== wanted; tries++) {
      assert.ok(tries < 500, "the standby does not follow");
      await sleep(20);
    }
  };
  await assertSameLakes(database, [{ name: "primary", url: database.url }, { name: "standby", url, caughtUp }]);
});
