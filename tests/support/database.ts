import { closeConnection, connect, type Sql } from "../../tasks/lib/postgres/connection.ts";
import { parseDatabaseUrl } from "../../tasks/lib/task/target.ts";

/** A database of a test's own on the test server. */
export interface TestDatabase extends AsyncDisposable {
  /** Where it is, for DATABASE_URL. */
  readonly url: string;
  /** Its name on the server. */
  readonly name: string;
  /** A session on it. */
  readonly sql: Sql;
}

/** URL of a database on the test server. */
export function testUrl(database: string): string {
  const given = Deno.env.get("TEST_DATABASE_URL");
  if (!given) throw new Error("TEST_DATABASE_URL is not set; run the tests with deno task test");
  const url = new URL(given);
  url.pathname = `/${database}`;
  return url.href;
}

/** A session on a database of the test server. */
export async function connectTo(url: string): Promise<Sql & AsyncDisposable> {
  const sql = await connect(parseDatabaseUrl(url));
  return Object.assign(sql, { [Symbol.asyncDispose]: () => closeConnection(sql) });
}

/** Creates an empty database on the test server or another one, dropped again when the test is over. */
export async function createTestDatabase(server: string = testUrl("postgres")): Promise<TestDatabase> {
  const name = `test_${crypto.randomUUID().replaceAll("-", "")}`;
  const url = new URL(`/${name}`, server).href;
  await runOn(server, `create database ${name}`);
  const sql = await connectTo(url);
  return {
    url,
    name,
    sql,
    async [Symbol.asyncDispose]() {
      await closeConnection(sql);
      await runOn(server, `drop database if exists ${name} with (force)`);
    },
  };
}

async function runOn(url: string, statement: string): Promise<void> {
  await using sql = await connectTo(url);
  await sql.unsafe(statement);
}
