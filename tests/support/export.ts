import { createHash } from "node:crypto";
import { join } from "node:path";
import { type CommandResult, runCommand } from "./command.ts";
import { createTestDatabase, type TestDatabase } from "./database.ts";
import { type LaneFile, listLane, readLane } from "./parquet.ts";

const MIGRATIONS = new URL("../../sql/migrations/", import.meta.url);

/** A database with all migrations, and without the constraints that would keep extreme values out. */
export async function createChecksDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase();
  const names = await Array.fromAsync(Deno.readDir(MIGRATIONS), ({ name }) => name);
  for (const name of names.sort()) {
    await database.sql.unsafe(await Deno.readTextFile(new URL(name, MIGRATIONS)));
  }
  const constraints = await database.sql`
    select conname as name from pg_constraint where conrelid = 'public.checks'::regclass and contype in ('c', 'f')`;
  for (const { name } of constraints) await database.sql.unsafe(`alter table checks drop constraint ${name}`);
  return database;
}

/** SQL that inserts a row of `checks`: expressions by column over a plain row. */
export function insertCheck(run: string, expressions: Readonly<Record<string, string>> = {}): string {
  const row: Record<string, string> = {
    id: "gen_random_uuid()",
    run_id: `'${run}'`,
    env: "'local'",
    model: "'gpt-5'",
    prompt_version: "'v1'",
    '"K"': "8",
    '"R"': "2",
    created_at: "'2025-09-01 12:00:00+00'",
    ...expressions,
  };
  return `insert into checks (${Object.keys(row)}) values (${Object.values(row)});`;
}

/** A directory of a test's own for lanes and sources, removed when the test is over. */
export interface ExportDirectory extends AsyncDisposable {
  /** Where it is. */
  readonly path: string;
  /** Runs `deno task export` into the directory. */
  run(args: readonly string[], env?: Readonly<Record<string, string>>): Promise<CommandResult>;
  /** The Parquet files of a lane. */
  read(lane?: string): Promise<LaneFile[]>;
  /** Every file of a lane with its inode, time of change and content: equal states are equal texts. */
  state(lane?: string): Promise<string[]>;
}

/** An empty directory for exports. */
export async function createExportDirectory(): Promise<ExportDirectory> {
  const path = await Deno.makeTempDir({ prefix: "heretix-export-" });
  const lakePath = (lane: string) => join(path, "lake", lane);
  return {
    path,
    run: (args, env = {}) => runCommand("export", [...args, "--out", join(path, "lake")], { env }),
    read: (lane = "local") => readLane(lakePath(lane)),
    async state(lane = "local") {
      const files = (await listLane(lakePath(lane))).filter((file) => file !== ".lock");
      return await Promise.all(files.map(async (file) => {
        const { ino, mtime } = await Deno.stat(join(lakePath(lane), file));
        const digest = createHash("sha256").update(await Deno.readFile(join(lakePath(lane), file))).digest("hex");
        return `${file} ${ino} ${mtime?.getTime()} ${digest}`;
      }));
    },
    [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }),
  };
}
