import { DatabaseSync } from "node:sqlite";
import { writeHarnessSample } from "../tasks/lib/sources/harness_sample.ts";

/** Runs of the sample that is multiplied: writing each one by hand would take minutes. */
const SAMPLE_RUNS = 600;

/** Writes a harness file with so many executions, or a few more, over so many days, and tells how many rows an export of
 * it has.
 *
 * Beyond a sample's, executions are re-runs of the same runs, as many of each.
 */
export function fillHarness(path: string, executions: number, days = 24): number {
  writeHarnessSample(path, { runs: Math.min(Math.max(SAMPLE_RUNS, 2 * days), executions), days });
  using db = new DatabaseSync(path);
  const first = countOf(db, "executions");
  const columns = columnsOf(db).filter((name) => name !== "execution_id").join(", ");
  db.exec(`
    with recursive copies(copy) as (select 1 union all select copy + 1 from copies where copy < ${executions / first})
    insert into executions (execution_id, ${columns})
    select execution_id || '-' || copy, ${columns} from executions, copies where copy > 1`);
  return countOf(db, "executions") +
    countOf(db, "runs where run_id not in (select run_id from executions)");
}

/** Adds one more execution of the latest run, as the harness does. */
export function reRunLatest(path: string): void {
  using db = new DatabaseSync(path);
  const columns = columnsOf(db).filter((name) => name !== "execution_id" && name !== "created_at").join(", ");
  db.exec(`
    insert into executions (execution_id, created_at, ${columns})
    select 'exec-' || hex(randomblob(6)), created_at + 1, ${columns} from executions order by created_at desc limit 1`);
}

function countOf(db: DatabaseSync, table: string): number {
  return Number(db.prepare(`select count(*) as rows from ${table}`).get()!.rows);
}

function columnsOf(db: DatabaseSync): string[] {
  return db.prepare("select name from pragma_table_info('executions')").all()
    .map(({ name }) => String(name));
}
