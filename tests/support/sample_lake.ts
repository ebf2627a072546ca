import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { readDatasets } from "../../tasks/lib/dataset/datasets.ts";
import { openDuckDb } from "../../tasks/lib/parquet/duckdb.ts";
import { literal, quote } from "../../tasks/lib/parquet/quote.ts";

// The engine's first start in a process leaves a message port open: it is made here, outside of any test.
(await openDuckDb())[Symbol.dispose]();

const DATASETS = fileURLToPath(new URL("../../sql/export", import.meta.url));

/** SQL expressions by column; the columns that are not there are NULL. */
export type SampleRow = Readonly<Record<string, string>>;

/** A lake of a test's own. */
export interface SampleLake extends AsyncDisposable {
  /** Its directory, as EXPORT_DIR has it. */
  readonly directory: string;
}

/** Writes Parquet files with the columns and types of an export.
 *
 * Each file is named by its path in the lake, for example "local/dt=2025-09-01/checks.parquet"; its name tells its dataset.
 */
export async function writeSampleLake(
  files: Readonly<Record<string, readonly SampleRow[]>>,
  name = "lake",
): Promise<SampleLake> {
  const home = await Deno.makeTempDir({ prefix: "heretix-lake-" });
  const directory = join(home, name);
  const datasets = await readDatasets(undefined, DATASETS);
  using db = await openDuckDb();
  for (const [path, rows] of Object.entries(files)) {
    const { columns } = datasets.find(({ name }) => basename(path).startsWith(name))!;
    const list = columns.map((column) => `${quote(column.name)} ${column.duckdbType}`);
    db.run(`create or replace table sample (${list.join(", ")})`);
    for (const row of rows) db.run(toInsert(row));
    db.run("copy sample to 'memory/sample' (format parquet, codec 'zstd')");
    await Deno.mkdir(dirname(join(directory, path)), { recursive: true });
    await Deno.writeFile(join(directory, path), db.fileBytes("sample"));
    db.dropFile("sample");
  }
  return { directory, [Symbol.asyncDispose]: () => Deno.remove(home, { recursive: true }) };
}

function toInsert(row: SampleRow): string {
  const names = Object.keys(row).map(quote).join(", ");
  return `insert into sample (${names}) values (${Object.values(row).join(", ")})`;
}

/** A row with the columns that every row has; `day` is its UTC day. */
export function sampleRow(runId: string, day: string, columns: SampleRow = {}): SampleRow {
  return {
    run_id: literal(runId),
    env: "'local'",
    source: "'postgres'",
    model: "'gpt-5'",
    prompt_version: "'v1'",
    K: "8",
    R: "2",
    T: "8",
    B: "5000",
    mode: "'baseline'",
    was_cached: "false",
    claim: "'Water is wet'",
    claim_hash: "'c1'",
    created_at: `timestamptz '${day} 12:00:00+00'`,
    ...columns,
  };
}
