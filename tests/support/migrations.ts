import assert from "node:assert/strict";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { CommandResult } from "./command.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";

const TASK = fileURLToPath(new URL("../../tasks/migrate.ts", import.meta.url));

/** A directory with migrations of a test's own, and a database for them. */
export interface MigrationProject extends AsyncDisposable {
  /** The database. */
  readonly database: TestDatabase;
  /** Directory that holds sql/migrations. */
  readonly directory: string;
  /** Writes files into sql/migrations, by name. */
  write(files: Readonly<Record<string, string | Uint8Array>>): Promise<void>;
  /** Removes a file of sql/migrations. */
  remove(name: string): Promise<void>;
  /** Runs the migrate task to its end. */
  migrate(...args: readonly string[]): Promise<CommandResult>;
  /** Runs the migrate task to its end with variables of its own. */
  migrateWith(env: Readonly<Record<string, string>>, ...args: readonly string[]): Promise<CommandResult>;
  /** Starts the migrate task. */
  start(...args: readonly string[]): Deno.ChildProcess;
  /** The ledger's file names, in order; none without a ledger. */
  ledger(): Promise<readonly string[]>;
}

/** A project with these files, removed again when the test is over, which fails if a lock is left. */
export async function createProject(
  files: Readonly<Record<string, string | Uint8Array>> = {},
): Promise<MigrationProject> {
  const database = await createTestDatabase();
  const directory = await Deno.makeTempDir({ prefix: "heretix-migrate-" });
  const migrations = join(directory, "sql/migrations");
  await Deno.mkdir(migrations, { recursive: true });
  const command = (env: Readonly<Record<string, string>>, args: readonly string[]) =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-q", "--no-prompt", "-A", TASK, ...args],
      cwd: directory,
      clearEnv: true,
      env: { ...inherited(), NO_COLOR: "1", DATABASE_URL: database.url, ...env },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    });
  const project: MigrationProject = {
    database,
    directory,
    async write(texts) {
      for (const [name, text] of Object.entries(texts)) {
        const bytes = typeof text === "string" ? new TextEncoder().encode(text) : text;
        await Deno.writeFile(join(migrations, name), bytes);
      }
    },
    remove: (name) => Deno.remove(join(migrations, name)),
    migrate: (...args) => project.migrateWith({}, ...args),
    migrateWith: async (env, ...args) => await finish(command(env, args).spawn()),
    start: (...args) => command({}, args).spawn(),
    ledger: () => readLedgerNames(database),
    async [Symbol.asyncDispose]() {
      const locks = await database.sql`
        select pid from pg_locks where locktype = 'advisory'
          and database = (select oid from pg_database where datname = current_database())`;
      await database[Symbol.asyncDispose]();
      await Deno.remove(directory, { recursive: true });
      assert.equal(locks.length, 0, "advisory locks are left");
    },
  };
  await project.write(files);
  return project;
}

/** What Deno needs to find its cache. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "DENO_DIR", "XDG_CACHE_HOME", "SystemRoot", "LOCALAPPDATA"];
  return Object.fromEntries(names.flatMap((name) => {
    const value = Deno.env.get(name);
    return value === undefined ? [] : [[name, value]];
  }));
}

/** Waits for a process, at most 60 seconds, and gives what it printed. */
export async function finish(child: Deno.ChildProcess): Promise<CommandResult> {
  const timer = setTimeout(() => child.kill("SIGKILL"), 60_000);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

async function readLedgerNames({ sql }: TestDatabase): Promise<readonly string[]> {
  const [{ there }] = await sql`select to_regclass('public.schema_migrations') is not null as there`;
  if (!there) return [];
  const rows = await sql`select name from public.schema_migrations order by version`;
  return rows.map(({ name }) => name);
}

/** Waits until a query finds a row, at most 20 seconds, and gives its first row. */
export async function waitForRow(
  { sql }: TestDatabase,
  query: string,
): Promise<Readonly<Record<string, unknown>>> {
  for (let tries = 0; tries < 1000; tries++) {
    const [row] = await sql.unsafe(query);
    if (row) return row;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Nothing came of: ${query}`);
}

/** Finds the session of a running migrate task that is at work on a statement, waiting or not. */
export const BUSY_RUNNER = `
  select pid from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
    and state = 'active' and query ~* '^\\s*(select pg_sleep|create (unique )?index|alter|insert)'`;

/** The relations of the public schema, the ledger aside. */
export async function relations({ sql }: TestDatabase): Promise<readonly string[]> {
  const rows = await sql`
    select relname as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'i')
      and relname not like 'schema_migrations%' order by 1`;
  return rows.map(({ name }) => name);
}
