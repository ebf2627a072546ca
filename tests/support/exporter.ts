import { createHash } from "node:crypto";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type CommandResult, UNSET } from "./command.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { listLane } from "./parquet.ts";

/** Names of the scripts that export. */
export type ExportScript = "export.ts" | "export_run.ts";

/** A directory for lakes, a migrated database, and the export tasks that work on them. */
export interface Exporter extends AsyncDisposable {
  /** The migrated database. */
  readonly database: TestDatabase;
  /** Directory of the test's own files; the lakes are in it. */
  readonly home: string;
  /** Lane local of the default lake. */
  readonly lane: string;
  /** Runs `deno task export` to its end, as `start` does; a variable set here replaces the exporter's. */
  export(args?: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandResult>;
  /** Starts one of the export tasks, named by its script: of checks, where the arguments name no dataset. */
  start(
    script: ExportScript,
    args?: readonly string[],
    env?: Readonly<Record<string, string>>,
  ): Deno.ChildProcess;
}

const DATASETS = ["checks", "requests", "usage_ledger"];

const ROOT = fileURLToPath(new URL("../../", import.meta.url));

/** An exporter on a migrated database without rows, of the test server or another one; `name` is its lake's directory. */
export async function createExporter(name = "lake", server?: string): Promise<Exporter> {
  const database = await createTestDatabase(server);
  await migrateFully(database);
  const home = await Deno.makeTempDir({ prefix: "heretix-export-" });
  const settings = {
    DATABASE_URL: database.url,
    EXPORT_DIR: join(home, name),
    HERETIX_DB_PATH: join(home, "heretix.sqlite"),
  };
  const exporter: Exporter = {
    database,
    home,
    lane: join(home, name, "local"),
    export: (args = [], env = {}) => finish(exporter.start("export.ts", args, env)),
    start: (script, args = [], env = {}) => {
      const datasets = script === "export.ts" && !args.some((arg) => DATASETS.includes(arg)) ? ["checks"] : [];
      return startExport(script, [...datasets, ...args], { ...settings, ...env });
    },
    async [Symbol.asyncDispose]() {
      await database[Symbol.asyncDispose]();
      await Deno.remove(home, { recursive: true });
    },
  };
  return exporter;
}

/** Starts one of the export tasks with its permissions; settings that are not given are unset. */
export function startExport(
  script: ExportScript,
  args: readonly string[],
  settings: Readonly<Record<string, string>> = {},
): Deno.ChildProcess {
  return new Deno.Command(Deno.execPath(), {
    args: ["run", "-q", "--no-prompt", "-P=export", `tasks/${script}`, ...args],
    cwd: ROOT,
    env: { ...UNSET, NO_COLOR: "1", ...settings },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
}

/** Applies all migrations without a ledger. */
async function migrateFully({ sql }: TestDatabase): Promise<void> {
  const directory = join(ROOT, "sql/migrations");
  const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
  for (const name of names.sort()) await sql.unsafe(await Deno.readTextFile(join(directory, name)));
}

/** Waits for a process, at most two minutes, and gives what it printed. */
export async function finish(child: Deno.ChildProcess): Promise<CommandResult> {
  const timer = setTimeout(() => child.kill("SIGKILL"), 120_000);
  const { code, stdout, stderr } = await child.output();
  clearTimeout(timer);
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** Inserts rows numbered `from` to `to`, an hour apart from 2025-09-01 on unless `at` says otherwise. */
export async function insertChecks(
  { sql }: TestDatabase,
  from: number,
  to: number,
  at = "timestamptz '2025-09-01 00:00:00.000001+00' + n * interval '1 hour'",
): Promise<void> {
  await sql.unsafe(`
    insert into public.checks (id, run_id, env, claim, model, prompt_version, "K", "R", seed, prob_true_rpl, created_at,
      was_cached, anon_token)
    select md5('check ' || n)::uuid, 'run-' || n, 'local', 'claim ' || n, 'gpt-5', 'v1', 8, 2, 18446744073709551615 - n,
      n / 1e6, ${at}, false, 'token-' || n
    from generate_series(${from}::bigint, ${to}::bigint) as n`);
}

/** What is known of every file of a lane, its lock aside: inode, modification time and SHA-256, by path. */
export async function fileStates(lane: string): Promise<Readonly<Record<string, string>>> {
  const states: Record<string, string> = {};
  for (const path of await listLane(lane)) {
    if (path === ".lock") continue;
    const { ino, mtime } = await Deno.lstat(join(lane, path));
    const sha256 = createHash("sha256").update(await Deno.readFile(join(lane, path))).digest("hex");
    states[path] = `${ino} ${mtime?.getTime()} ${sha256}`;
  }
  return states;
}

/** SHA-256 of every file of a lane, by path. */
export async function fileHashes(lane: string): Promise<Readonly<Record<string, string>>> {
  return Object.fromEntries(
    Object.entries(await fileStates(lane)).map(([path, state]) => [path, state.split(" ")[2]]),
  );
}

/** Names of unfinished files and of journals in a lane: what a killed run leaves, and the next one removes. */
export async function listDebris(lane: string): Promise<string[]> {
  return (await listLane(lane)).filter((path) => /\.part(-journal)?$/.test(path) || path === "_commit.json");
}
