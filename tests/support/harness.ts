import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync, type SQLInputValue } from "node:sqlite";
import { unfinishedPath } from "../../tasks/lib/task/files.ts";
import { type HarnessDatabase, openHarness } from "../../tasks/lib/sources/harness_file.ts";

/** Ages of the research harness's schema, oldest first. */
export const HARNESS_AGES = ["runs", "executions", "gates", "costs"] as const;

/** One age of the harness's schema: the first has no executions, the second no gates, the third no costs. */
export type HarnessAge = typeof HARNESS_AGES[number];

const OLDEST = "run_id TEXT PRIMARY KEY, created_at INTEGER, claim TEXT, model TEXT, prompt_version TEXT, K INTEGER, " +
  "R INTEGER, T INTEGER, B INTEGER, seed @, bootstrap_seed @, prob_true_rpl REAL, ci_lo REAL, ci_hi REAL, " +
  "ci_width REAL, template_iqr_logit REAL, stability_score REAL, imbalance_ratio REAL, rpl_compliance_rate REAL, " +
  "cache_hit_rate REAL, config_json TEXT, sampler_json TEXT, counts_by_template_json TEXT, artifact_json_path TEXT";
const GATES = "pqs INTEGER, gate_compliance_ok INTEGER, gate_stability_ok INTEGER, gate_precision_ok INTEGER, " +
  "pqs_version TEXT";
const COSTS =
  "provider TEXT, logical_model TEXT, schema_version TEXT, tokens_in INTEGER, tokens_out INTEGER, cost_usd REAL";
const SAMPLES = "run_id TEXT, cache_key TEXT PRIMARY KEY, prompt_sha256 TEXT, paraphrase_idx INTEGER, " +
  "replicate_idx INTEGER, prob_true REAL, logit REAL, provider_model_id TEXT, response_id TEXT, created_at INTEGER, " +
  "tokens_out INTEGER, latency_ms REAL, json_valid INTEGER";

/** Values of one row by column; columns that are not named are NULL. */
export type HarnessRow = Readonly<Record<string, SQLInputValue>>;

/** A harness database under a path. */
export interface HarnessFile extends Disposable {
  /** The open file. */
  readonly db: DatabaseSync;
  /** Adds a row of a table. */
  insert(table: string, row: HarnessRow): void;
}

/** Makes a harness's file of one age, whose added columns stand at the end. */
export function createHarnessFile(path: string, age: HarnessAge = "costs"): HarnessFile {
  const db = new DatabaseSync(path);
  const seed = age === "costs" ? "TEXT" : "INTEGER";
  const later = [", prompt_char_len_max INTEGER", `, ${GATES}`, `, ${COSTS}`].slice(0, HARNESS_AGES.indexOf(age));
  const oldest = OLDEST.replaceAll("@", seed);
  db.exec(`create table runs (${oldest}${later.join("")}); create table samples (${SAMPLES})`);
  if (age !== "runs") {
    const shared = oldest.replace("run_id TEXT PRIMARY KEY", "execution_id TEXT PRIMARY KEY, run_id TEXT");
    db.exec(`create table executions (${shared}${later.slice(0, 2).join("")});
      create table execution_samples (execution_id TEXT, cache_key TEXT, primary key (execution_id, cache_key))`);
  }
  return {
    db,
    insert(table, row) {
      const names = Object.keys(row);
      db.prepare(`insert into ${table} (${names}) values (${names.map(() => "?")})`).run(...Object.values(row));
    },
    [Symbol.dispose]: () => db.close(),
  };
}

/** Opens all of a harness's file, unless `options` say otherwise; its copy is in the system's temporary directory. */
export function openWhole(
  path: string,
  options: Partial<Parameters<typeof openHarness>[1]> = {},
): Promise<HarnessDatabase> {
  const scratch = unfinishedPath(join(tmpdir(), "harness"));
  return openHarness(path, { scratch, range: {}, signal: new AbortController().signal, ...options });
}
