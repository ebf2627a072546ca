import { DatabaseSync } from "node:sqlite";
import { sha256 } from "../task/digest.ts";

/** What a sample of the research harness's database holds. */
export interface HarnessSampleOptions {
  /** Distinct runs (24); every fourth one is executed twice. */
  readonly runs?: number;
  /** Days they are spread over, up to 2025-09-30 (5). */
  readonly days?: number;
  /** "2025-08" has neither executions nor the later columns, and seeds in INTEGER columns, which round the large ones. */
  readonly layout?: "current" | "2025-08";
}

/** Rows written, by table. */
export type HarnessCounts = Readonly<Record<"runs" | "executions" | "samples", number>>;

const DAY_SECONDS = 86_400;
/** 2025-10-01, where the sample ends. */
const END_SECONDS = 1_759_276_800;

const CLAIMS = [
  "Tariffs on imported goods do not cause inflation",
  "The global mean sea level has risen since 1990",
  "Remote work lowers productivity",
  "Nuclear power is safer than coal per unit of energy",
  "Coffee stunts the growth of children",
  "L'eau bout à 100 degrés Celsius au niveau de la mer",
];
const MODELS = [
  { model: "gpt-5", provider: "openai" },
  { model: "grok-4-fast", provider: "xai" },
  { model: "gemini-2.5-pro", provider: "google" },
];
const PROMPT_VERSIONS = ["rpl_g5_v4_2025-08-27", "rpl_g5_v5_2025-09-12"];

/** Columns of the oldest `runs`, in their order; `seed` and `bootstrap_seed` have no type yet. */
const FIRST_COLUMNS =
  `run_id TEXT, created_at INTEGER, claim TEXT, model TEXT, prompt_version TEXT, K INTEGER, R INTEGER, T INTEGER,
  B INTEGER, seed SEED, bootstrap_seed SEED, prob_true_rpl REAL, ci_lo REAL, ci_hi REAL, ci_width REAL,
  template_iqr_logit REAL, stability_score REAL, imbalance_ratio REAL, rpl_compliance_rate REAL, cache_hit_rate REAL,
  config_json TEXT, sampler_json TEXT, counts_by_template_json TEXT, artifact_json_path TEXT`;
const RATED_COLUMNS = `prompt_char_len_max INTEGER, pqs INTEGER, gate_compliance_ok INTEGER, gate_stability_ok INTEGER,
  gate_precision_ok INTEGER, pqs_version TEXT`;
const COST_COLUMNS = `provider TEXT, logical_model TEXT, schema_version TEXT, tokens_in INTEGER, tokens_out INTEGER,
  cost_usd REAL`;
const SAMPLES = `create table samples (run_id TEXT, cache_key TEXT primary key, prompt_sha256 TEXT,
  paraphrase_idx INTEGER, replicate_idx INTEGER, prob_true REAL, logit REAL, provider_model_id TEXT, response_id TEXT,
  created_at INTEGER, tokens_out INTEGER, latency_ms REAL, json_valid INTEGER`;

const SCHEMAS = {
  "2025-08": `create table runs (${FIRST_COLUMNS.replaceAll("SEED", "INTEGER")}, primary key (run_id)); ${SAMPLES});`,
  current: `
    create table runs (${
    FIRST_COLUMNS.replaceAll("SEED", "TEXT")
  }, ${RATED_COLUMNS}, ${COST_COLUMNS}, primary key (run_id));
    create table executions (execution_id TEXT primary key, ${
    FIRST_COLUMNS.replaceAll("SEED", "TEXT")
  }, ${RATED_COLUMNS});
    ${SAMPLES}, warnings_json TEXT);
    create table execution_samples (execution_id TEXT, cache_key TEXT, primary key (execution_id, cache_key));`,
};

type Row = Record<string, string | number | null>;

/** Writes a small database as the research harness writes it in mock mode, and tells how many rows it holds.
 *
 * The same options make the same rows. One run in twelve has no execution, as after an upgrade of an old file.
 *
 * Errors: Error when the path exists already.
 */
export function writeHarnessSample(path: string, options: HarnessSampleOptions = {}): HarnessCounts {
  const { runs = 24, days = 5, layout = "current" } = options;
  using db = new DatabaseSync(path);
  db.exec(SCHEMAS[layout]);
  db.exec("begin");
  for (let number = 0; number < runs; number++) {
    const executions = toExecutions(number, { runs, days });
    const samples = toSamples(executions[0].first);
    if (layout === "2025-08") insertOldRun(db, executions, samples);
    else insertRun(db, number, executions, samples);
  }
  db.exec("commit");
  const count = (table: string) => Number(db.prepare(`select count(*) as rows from ${table}`).get()!.rows);
  return { runs: count("runs"), executions: layout === "current" ? count("executions") : 0, samples: count("samples") };
}

/** As the harness does: a re-run overwrites its row of `runs`. */
function insert(db: DatabaseSync, table: string, row: Row): void {
  const names = Object.keys(row);
  const places = names.map(() => "?").join(", ");
  db.prepare(`insert or replace into ${table} (${names.join(", ")}) values (${places})`).run(...Object.values(row));
}

function insertOldRun(db: DatabaseSync, executions: readonly Execution[], samples: readonly Row[]): void {
  for (const { first } of executions) insert(db, "runs", first);
  for (const sample of samples) insert(db, "samples", sample);
}

function insertRun(
  db: DatabaseSync,
  number: number,
  executions: readonly Execution[],
  samples: readonly Row[],
): void {
  for (const { first, rated, cost } of executions) insert(db, "runs", { ...first, ...rated, ...cost });
  for (const sample of samples) insert(db, "samples", { ...sample, warnings_json: "[]" });
  if (number % 12 === 11) return;
  for (const [repeat, { first, rated }] of executions.entries()) {
    const execution_id = `exec-${digest("execution", number, repeat).slice(0, 12)}`;
    insert(db, "executions", { execution_id, ...first, ...rated });
    for (const { cache_key } of samples) insert(db, "execution_samples", { execution_id, cache_key });
  }
}

/** One invocation, its columns by the age of the schema that brought them. */
interface Execution {
  readonly first: Row;
  readonly rated: Row;
  readonly cost: Row;
}

/** The invocations of one run, oldest first; the second one a day later where there is a day before. */
function toExecutions(number: number, { runs, days }: { runs: number; days: number }): Execution[] {
  const start = END_SECONDS - days * DAY_SECONDS;
  const last = start + Math.floor((number + 0.5) * days * DAY_SECONDS / runs);
  if (number % 4 !== 3) return [toExecution(number, last, 0)];
  const before = last - start >= DAY_SECONDS ? last - DAY_SECONDS : last - 600;
  return [toExecution(number, before, 0), toExecution(number, last, 1)];
}

function toExecution(number: number, createdAt: number, repeat: number): Execution {
  const claim = CLAIMS[number % CLAIMS.length];
  const promptVersion = PROMPT_VERSIONS[Math.floor(number / 6) % PROMPT_VERSIONS.length];
  const { model, provider } = MODELS[Math.floor(number / 12) % MODELS.length];
  const [K, R] = [8 + Math.floor(number / 36), 2];
  const runId = `heretix-rpl-${digest(claim, model, promptVersion, K, R).slice(0, 12)}`;
  const seed = number % 3 === 0 ? null : toUint64("seed", number);
  const probability = 0.1 + 0.8 * toUnit("probability", claim) + 0.02 * toUnit("noise", number, repeat);
  const width = 0.05 + 0.1 * toUnit("width", number, repeat);
  const stability = 0.6 + 0.4 * toUnit("stability", number, repeat);
  const compliance = number % 7 === 0 ? 0.9375 : 1;
  const first: Row = {
    run_id: runId,
    created_at: createdAt,
    claim,
    model,
    prompt_version: promptVersion,
    K,
    R,
    T: 8,
    B: 5000,
    seed,
    bootstrap_seed: toUint64("bootstrap", number, repeat),
    prob_true_rpl: probability,
    ci_lo: probability - width / 2,
    ci_hi: probability + width / 2,
    ci_width: width,
    template_iqr_logit: 1 - stability,
    stability_score: stability,
    imbalance_ratio: 1,
    rpl_compliance_rate: compliance,
    cache_hit_rate: repeat === 0 ? 0 : 1,
    // Written by hand: JSON.stringify would round the seed.
    config_json: `{"claim": ${
      JSON.stringify(claim)
    }, "model": "${model}", "K": ${K}, "R": ${R}, "seed": ${seed}, "max_output_tokens": 256}`,
    sampler_json: '{"T_bank": 16, "T": 8, "seq": [0, 1, 2, 3, 4, 5, 6, 7]}',
    counts_by_template_json: `{"${digest("template", number)}": ${K * R}}`,
    artifact_json_path: number % 5 === 0 ? null : `runs/${runId}.json`,
  };
  const rated: Row = {
    prompt_char_len_max: 1080 + number,
    pqs: number % 8 === 5 ? null : Math.floor(100 * stability * compliance),
    gate_compliance_ok: compliance >= 0.98 ? 1 : 0,
    gate_stability_ok: stability >= 0.7 ? 1 : 0,
    gate_precision_ok: number % 8 === 5 ? null : width <= 0.1 ? 1 : 0,
    pqs_version: "v1",
  };
  const [tokensIn, tokensOut] = [300 * K * R + number, 40 * K * R];
  const cost: Row = {
    provider,
    logical_model: model,
    schema_version: "v2",
    tokens_in: tokensIn,
    tokens_out: tokensOut,
    cost_usd: (tokensIn + 8 * tokensOut) / 1_000_000,
  };
  return { first, rated, cost };
}

/** Two samples of a run; a re-run finds them in the cache. */
function toSamples(run: Row): Row[] {
  return [0, 1].map((replicate) => {
    const prompt = digest("prompt", run.run_id);
    return {
      run_id: run.run_id,
      cache_key: digest("sample", run.run_id, replicate),
      prompt_sha256: prompt,
      paraphrase_idx: 0,
      replicate_idx: replicate,
      prob_true: run.prob_true_rpl,
      logit: replicate === 0 ? -1.0986122886681098 : null,
      provider_model_id: `${run.model}-MOCK`,
      response_id: `mock_${prompt.slice(0, 12)}`,
      created_at: run.created_at,
      tokens_out: null,
      latency_ms: 5,
      json_valid: 1,
    };
  });
}

function digest(...parts: (string | number | null)[]): string {
  return sha256(parts.join("|"));
}

/** Digits of an unsigned 64-bit number, half of them above 2^63 - 1. */
function toUint64(...parts: (string | number)[]): string {
  return BigInt(`0x${digest(...parts).slice(0, 16)}`).toString();
}

/** A number in [0, 1). */
function toUnit(...parts: (string | number)[]): number {
  return parseInt(digest(...parts).slice(0, 8), 16) / 2 ** 32;
}
