import { literal } from "../../tasks/lib/parquet/quote.ts";
import { type SampleLake, type SampleRow, sampleRow, writeSampleLake } from "./sample_lake.ts";

/** How much there is of everything in the lake that `writeReportLake` writes. */
export const REPORT_LAKE = { models: 3, days: 126, claims: 6 } as const;

const MODELS = ["gpt-5", "grok-4-fast", "gemini-2.5-pro"];

/** Claims as nobody writes them: markup, 100 KB, right to left, without a place to break, of two lines. */
const CLAIMS = [
  "<script>alert(1)</script>\"&'",
  `A long one ${"and on ".repeat(14_000)}`,
  "השמיים כחולים והים ירוק, ולא להפך",
  "x".repeat(3000),
  "two\nlines",
  "Water is wet",
];

/** A row a day from 2025-05-05, a Monday, on: each claim by each model in two prompt versions, of six providers. */
function rowOf(day: number): SampleRow {
  const date = new Date(Date.UTC(2025, 4, 5 + day)).toISOString().slice(0, 10);
  const [model, claim, version] = [day % 3, Math.floor(day / 3) % CLAIMS.length, Math.floor(day / 18) % 2];
  const p = 0.2 + (claim * 3 + model) / 40 + version / 20;
  return sampleRow(`run-${day}`, date, {
    env: "'production'",
    model: literal(MODELS[model]),
    prompt_version: literal(`rpl_v${4 + version}_2025-0${5 + version}-01`),
    claim: literal(CLAIMS[claim]),
    claim_hash: literal(`c${claim}`),
    prob_true_rpl: `${p}`,
    ci_width: `${0.3 - version / 10 + claim / 100}`,
    stability_score: `${0.6 + version / 10 - claim / 100}`,
    rpl_compliance_rate: `${1 - claim / 50}`,
    pqs: `${60 + version * 10 + claim}`,
    cache_hit_rate: `${(day % 4) / 4}`,
    gate_compliance_ok: "true",
    gate_stability_ok: `${day % 3 > 0}`,
    gate_precision_ok: `${version === 1}`,
    mode: "'web_informed'",
    p_prior: `${p}`,
    p_web: `${p + 0.1}`,
    resolved_flag: "true",
    resolved_truth: `${claim % 2 === 0}`,
    provider: literal(`provider-${day % 8}`),
    cost_usd: `${1 + day % 5}`,
    tokens_in: "100",
    tokens_out: "10",
  });
}

/** A lake of hostile texts over 18 weeks, without the dataset usage_ledger. */
export function writeReportLake(): Promise<SampleLake> {
  const rows = Array.from({ length: REPORT_LAKE.days }, (_, day) => rowOf(day));
  const byDay = rows.map((row, day) => {
    const date = new Date(Date.UTC(2025, 4, 5 + day)).toISOString().slice(0, 10);
    return [`prod/dt=${date}/checks.parquet`, [row]] as const;
  });
  return writeSampleLake(Object.fromEntries(byDay));
}
