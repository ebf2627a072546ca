import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { runCommand } from "./command.ts";
import type { TestDatabase } from "./database.ts";
import { listLane } from "./parquet.ts";

/** One way to a database. */
export interface Way {
  /** What it is called where a test fails. */
  readonly name: string;
  /** The database by this way. */
  readonly url: string;
  /** Further settings of the export. */
  readonly env?: Readonly<Record<string, string>>;
  /** Waits until the way shows what the database holds. */
  caughtUp?(): Promise<void>;
}

/** Migrates an empty database and gives it rows of three days in every table. */
export async function fillDatabase({ url }: TestDatabase): Promise<void> {
  for (const [task, ...args] of [["migrate"], ["db:seed", "--rows", "300", "--days", "3"]]) {
    const { code, stderr } = await runCommand(task, args, { env: { DATABASE_URL: url } });
    assert.equal(code, 0, stderr);
  }
}

/** Exports a filled database by each way to a lake of its own, and once more after a change of one row.
 *
 * Errors: AssertionError unless each way gives the files and the manifests that the first one gives, and the second time
 * writes the one day that has changed, and reads no other.
 */
export async function assertSameLakes({ sql }: TestDatabase, ways: readonly Way[]): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "heretix-same-" });
  try {
    const first = await exportAll(home, ways);
    assert.ok(Object.keys(first).filter((path) => path.endsWith("/checks.parquet")).length === 3);
    await sql`update checks set claim = 'another one' where id = (select id from checks order by created_at limit 1)`;
    const second = await exportAll(home, ways, (told) => {
      assert.match(told, /^Exported \d+ rows in 1 file .*, 2 days unchanged\n/);
      assert.equal(told.match(/^Lane \S+ is up to date: /gm)?.length, 2, told);
      assert.doesNotMatch(told, /Reading every day/);
    });
    assert.notDeepEqual(second, first);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

type Lake = Readonly<Record<string, unknown>>;

/** Exports by each way, gives `look` what it told, and gives the lake that all of them have made. */
async function exportAll(home: string, ways: readonly Way[], look = (_told: string) => {}): Promise<Lake> {
  const lakes: Lake[] = [];
  for (const { name, url, env, caughtUp } of ways) {
    await caughtUp?.();
    const directory = join(home, name);
    const { code, stdout, stderr } = await runCommand("export", [], {
      env: { DATABASE_URL: url, EXPORT_DIR: directory, ...env },
    });
    assert.deepEqual([code, stderr], [0, ""], name);
    look(stdout + stderr);
    lakes.push(await readLake(directory));
    assert.deepEqual(lakes.at(-1), lakes[0], name);
  }
  return lakes[0];
}

/** By path, the digest of each file; of a manifest what it says, its server's own start and place in the log aside. */
async function readLake(directory: string): Promise<Lake> {
  const paths = (await listLane(directory)).filter((path) => !path.endsWith(".lock"));
  return Object.fromEntries(
    await Promise.all(paths.map(async (path) => {
      const bytes = await Deno.readFile(join(directory, path));
      if (!path.endsWith("_manifest.json")) return [path, createHash("sha256").update(bytes).digest("hex")];
      const { state, ...manifest } = JSON.parse(new TextDecoder().decode(bytes));
      // Without a state the next export would read every day.
      return [path, { ...manifest, source: state.id }];
    })),
  );
}
