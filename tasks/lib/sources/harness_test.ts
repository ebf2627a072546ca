import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { DatabaseSync } from "node:sqlite";
import { valueAt } from "../../../tests/support/columns.ts";
import {
  createHarnessFile,
  HARNESS_AGES,
  type HarnessAge,
  type HarnessFile,
  type HarnessRow,
  openWhole,
} from "../../../tests/support/harness.ts";
import { readStored } from "../../../tests/support/stored.ts";
import type { ParquetRow } from "../../../tests/support/parquet.ts";
import { createBuffer } from "../copy/column_buffer.ts";
import { CHECKS } from "../../../tests/support/checks.ts";
import { decodeTuples } from "../copy/decode.ts";
import { fieldOrder } from "../dataset/dataset.ts";
import { type Day, dayOf } from "../dataset/day.ts";
import { type HarnessOptions, readHarness } from "./harness.ts";
import type { BadRow } from "../dataset/source.ts";

const ROOT = new URL("../../../", import.meta.url);
const SELECT = await Deno.readTextFile(new URL("sql/export/checks.sqlite.sql", ROOT));
const FIELDS = fieldOrder(CHECKS);

const SIGNAL = new AbortController().signal;

/** 2025-08-29T12:34:56Z. */
const NOON = 1756470896;

/** What a file holds, as it would stand in a Parquet file, and what was said about it. */
interface Exported {
  readonly rows: ParquetRow[];
  readonly days: Record<string, number>;
  readonly lostSeeds: number;
  readonly badRows: BadRow[];
}

type Asked = Partial<HarnessOptions> & { run?: string };

async function exportFile(
  path: string,
  options: Asked & { skip?: boolean } = {},
  known?: ReadonlySet<string>,
): Promise<Exported> {
  using harness = await openWhole(path, { run: options.run });
  let lostSeeds = 0;
  const badRows: BadRow[] = [];
  const onBadRow = options.skip ? (row: BadRow) => badRows.push(row) : undefined;
  const source = await readHarness(harness, {
    dataset: CHECKS,
    select: SELECT,
    range: {},
    onBadRow,
    onLostSeed: () => void lostSeeds++,
    signal: SIGNAL,
    ...options,
  });
  const rows: ParquetRow[] = [];
  for (const [day, stored] of await source.stored([...source.days.keys()], known)) {
    for (const { tuples, rows: count } of readStored(stored)) {
      const buffers = FIELDS.map(createBuffer);
      assert.equal(decodeTuples(tuples, buffers, { rows: 0 }), count);
      for (let i = 0; i < count; i++) {
        rows.push(Object.fromEntries(buffers.map((buffer) => [buffer.column.name, valueAt(buffer, i)])));
      }
    }
    assert.ok(source.days.has(day));
  }
  return { rows, days: Object.fromEntries([...source.days].map(([day, { rows }]) => [day, rows])), lostSeeds, badRows };
}

/** Gives a fresh file to `fill`, closes it, and gives its path to `use`. */
async function withFile(
  age: HarnessAge,
  fill: (file: HarnessFile) => void,
  use: (path: string) => Promise<void> | void,
): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-harness-" });
  try {
    const path = `${directory}/heretix.sqlite`;
    {
      using file = createHarnessFile(path, age);
      fill(file);
    }
    await use(path);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const run = (id: string, more: HarnessRow = {}): HarnessRow => ({ run_id: id, created_at: NOON, ...more });

/** Values of one column by run. */
function columnOf({ rows }: Exported, name: string): Record<string, unknown> {
  return Object.fromEntries(rows.map((row) => [`${row.run_id}`, row[name]]));
}

const METRICS = {
  prob_true_rpl: 0.1,
  ci_lo: 5e-324,
  ci_hi: 0.30000000000000004,
  ci_width: -1e-300,
  template_iqr_logit: 1e300,
  stability_score: 0.5,
  imbalance_ratio: 1,
  rpl_compliance_rate: 0.25,
  cache_hit_rate: 0.999,
};

Deno.test("readHarness() converts every column as the schema says", async () => {
  const texts = {
    claim: "Zürich 😀\n''\"",
    model: "gpt-5",
    prompt_version: "rpl_v1",
    config_json: '{"seed": 7, "max_output_tokens": 1024}',
    sampler_json: '{"x": 12345678901234567890}',
    counts_by_template_json: "{}",
    artifact_json_path: "runs/a.json",
    pqs_version: "v1",
  };
  const integers = { K: 8, R: 2, T: 5, B: 5000, prompt_char_len_max: 1200 };
  const shared = {
    ...texts,
    ...integers,
    ...METRICS,
    seed: "18446744073709551615",
    bootstrap_seed: "9223372036854775808",
    pqs: 87,
    gate_compliance_ok: 1,
    gate_stability_ok: 0,
    gate_precision_ok: null,
  };
  const costs = {
    provider: "openai",
    logical_model: "gpt5-default",
    schema_version: "s1",
    tokens_in: 2n ** 62n,
    tokens_out: 0,
    cost_usd: 0.123457,
  };
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("heretix-rpl-1", { ...shared, ...costs }));
    file.insert("executions", run("heretix-rpl-1", { execution_id: "exec-1", ...shared }));
    file.insert("samples", { run_id: "heretix-rpl-1", cache_key: "a", provider_model_id: "gpt-5-MOCK" });
    file.insert("samples", { run_id: "other", cache_key: "b", provider_model_id: "aaa" });
  };
  await withFile("costs", fill, async (path) => {
    const { rows, days } = await exportFile(path);
    const nothing = Object.fromEntries(CHECKS.columns.map(({ name }) => [name, null]));
    assert.deepEqual(days, { "2025-08-29": 1 });
    assert.deepEqual(rows, [{
      ...nothing,
      ...texts,
      ...METRICS,
      K: 8n,
      R: 2n,
      T: 5n,
      B: 5000n,
      prompt_char_len_max: 1200,
      run_id: "heretix-rpl-1",
      env: "local",
      mode: "baseline",
      claim_hash: createHash("sha256").update(texts.claim).digest("hex"),
      seed: 18446744073709551615n,
      bootstrap_seed: 9223372036854775808n,
      max_output_tokens: 1024n,
      pqs: 87,
      gate_compliance_ok: true,
      gate_stability_ok: false,
      was_cached: true,
      provider_model_id: "gpt-5-MOCK",
      created_at: BigInt(NOON) * 1_000_000n,
      finished_at: BigInt(NOON) * 1_000_000n,
      p_prior: METRICS.prob_true_rpl,
      ci_prior_lo: METRICS.ci_lo,
      ci_prior_hi: METRICS.ci_hi,
      stability_prior: METRICS.stability_score,
      provider: "openai",
      logical_model: "gpt5-default",
      schema_version: "s1",
      tokens_in: 2n ** 62n,
      tokens_out: 0n,
      cost_usd: 123457n,
      execution_id: "exec-1",
      source: "sqlite",
    }]);
  });
});

for (const age of HARNESS_AGES) {
  Deno.test(`readHarness() reads a file of the age "${age}", with NULL for what it lacks`, async () => {
    const fill = (file: HarnessFile) => {
      file.insert("runs", run("a", { claim: "c", ...METRICS }));
      if (age !== "runs") file.insert("executions", run("a", { execution_id: "e", claim: "c", ...METRICS }));
    };
    await withFile(age, fill, async (path) => {
      const { rows: [row, ...others] } = await exportFile(path);
      assert.deepEqual(others, []);
      assert.deepEqual([row.run_id, row.claim, row.prob_true_rpl], ["a", "c", 0.1]);
      assert.equal(row.execution_id, age === "runs" ? null : "e");
      assert.deepEqual([row.pqs, row.gate_precision_ok, row.provider, row.cost_usd, row.id], [
        null,
        null,
        null,
        null,
        null,
      ]);
    });
  });
}

Deno.test("readHarness() gives each execution, and runs that have none", async () => {
  const fill = (file: HarnessFile) => {
    for (const id of ["twice", "never"]) file.insert("runs", run(id, { created_at: NOON + 86_400 }));
    file.insert("executions", run("twice", { execution_id: "e1" }));
    file.insert("executions", run("twice", { execution_id: "e2", created_at: NOON + 86_400 }));
    file.insert("executions", run("replaced", { execution_id: "e3" }));
  };
  await withFile("costs", fill, async (path) => {
    const { rows, days } = await exportFile(path);
    assert.deepEqual(days, { "2025-08-29": 2, "2025-08-30": 2 });
    assert.deepEqual(rows.map(({ run_id, execution_id }) => `${run_id} ${execution_id}`).sort(), [
      "never null",
      "replaced e3",
      "twice e1",
      "twice e2",
    ]);
  });
});

Deno.test("readHarness() takes costs from the run of the same time alone", async () => {
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("a", { provider: "xai", tokens_in: 5, cost_usd: 1.5, created_at: NOON + 1 }));
    file.insert("executions", run("a", { execution_id: "then" }));
    file.insert("executions", run("a", { execution_id: "now", created_at: NOON + 1 }));
  };
  await withFile("costs", fill, async (path) => {
    const { rows } = await exportFile(path);
    assert.deepEqual(
      rows.map(({ execution_id, provider, tokens_in, cost_usd }) => [execution_id, provider, tokens_in, cost_usd]),
      [
        ["then", null, null, null],
        ["now", "xai", 5n, 1_500_000n],
      ],
    );
  });
});

Deno.test("readHarness() keeps every digit of seeds, and counts those that the file has lost", async () => {
  const big = "18446744073709551615";
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("small", { seed: "42", bootstrap_seed: "0" }));
    file.insert("runs", run("signed", { seed: "9223372036854775807", bootstrap_seed: null }));
    file.insert("runs", run("configured", { seed: big, config_json: `{"a": {"seed": 1}, "seed": ${big}}` }));
    file.insert("runs", run("nested", { seed: big, config_json: `{"a": {"seed": ${big}}}` }));
    file.insert("runs", run("text", { seed: big, config_json: `{"seed": "${big}"}` }));
    file.insert("runs", run("rounded", { seed: big, config_json: `{"seed": 1.8446744073709552e19}` }));
    file.insert("runs", run("broken", { seed: big, config_json: `{"seed": ${big}` }));
    file.insert("runs", run("lost", { seed: big, bootstrap_seed: big }));
  };
  await withFile("gates", fill, async (path) => {
    const exported = await exportFile(path);
    const lost = { nested: null, text: null, rounded: null, broken: null, lost: null };
    assert.deepEqual(columnOf(exported, "seed"), {
      configured: 18446744073709551615n,
      signed: 9223372036854775807n,
      small: 42n,
      ...lost,
    });
    assert.deepEqual(columnOf(exported, "bootstrap_seed"), {
      small: 0n,
      signed: null,
      configured: null,
      ...lost,
    });
    assert.equal(exported.lostSeeds, 6);
  });
  const zeros = "0".repeat(200_000);
  const padded = { whole: `${zeros}7`, fraction: `8.${zeros}`, none: `.${zeros}` };
  const pad = (file: HarnessFile) => {
    for (const [id, seed] of Object.entries(padded)) file.insert("runs", run(id, { seed }));
  };
  await withFile("costs", pad, async (path) => {
    assert.deepEqual(columnOf(await exportFile(path), "seed"), { fraction: 8n, none: 0n, whole: 7n });
  });
  const texts = (file: HarnessFile) => {
    for (const seed of ["0", "9223372036854775808", big, "99999999999999999999"]) {
      file.insert("runs", run(seed, { seed }));
    }
  };
  await withFile("costs", texts, async (path) => {
    const { rows, lostSeeds } = await exportFile(path);
    assert.deepEqual(rows.map(({ run_id, seed }) => `${seed}` === run_id), [true, true, true, true]);
    assert.equal(lostSeeds, 0);
  });
});

Deno.test("readHarness() takes max_output_tokens from the configuration where it is an integer", async () => {
  const configs = {
    whole: '{"max_output_tokens": 9007199254740993}',
    real: '{"max_output_tokens": 1.5}',
    text: '{"max_output_tokens": "8"}',
    other: "{}",
    list: "[1]",
    broken: "{max_output_tokens",
  };
  const fill = (file: HarnessFile) => {
    for (const [id, config_json] of Object.entries(configs)) file.insert("runs", run(id, { config_json }));
    file.insert("runs", run("none"));
  };
  await withFile("costs", fill, async (path) => {
    const exported = await exportFile(path);
    const expected = {
      broken: null,
      list: null,
      none: null,
      other: null,
      real: null,
      text: null,
      whole: 9007199254740993n,
    };
    assert.deepEqual(columnOf(exported, "max_output_tokens"), expected);
    assert.deepEqual(columnOf(exported, "config_json"), { ...configs, none: null });
  });
});

Deno.test("readHarness() takes the model of a run without samples, and calls it cached from 0.999 on", async () => {
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("a", { model: "m", cache_hit_rate: 0.9989 }));
    file.insert("runs", run("b", { model: "m", cache_hit_rate: 1 }));
    file.insert("runs", run("c"));
    file.insert("samples", { run_id: "b", cache_key: "1", provider_model_id: null });
    file.insert("samples", { run_id: "b", cache_key: "2", provider_model_id: "m-2026" });
    file.insert("samples", { run_id: "b", cache_key: "3", provider_model_id: "m-2025" });
    file.insert("samples", { run_id: "b", cache_key: "4", provider_model_id: "m-2027" });
  };
  await withFile("costs", fill, async (path) => {
    const exported = await exportFile(path);
    assert.deepEqual(columnOf(exported, "provider_model_id"), { a: "m", b: "m-2025", c: null });
    assert.deepEqual(columnOf(exported, "was_cached"), { a: false, b: true, c: null });
    assert.deepEqual(columnOf(exported, "claim_hash"), { a: null, b: null, c: null });
  });
});

Deno.test("readHarness() keeps NUL bytes, 100 KB claims, '' and what looks like a number", async () => {
  const claims: Record<string, string> = {
    nul: "a\0b\0",
    long: "é".repeat(50_000),
    empty: "",
    number: "1e3",
    mark: "\uFEFFx",
  };
  const fill = (file: HarnessFile) => {
    for (const [id, claim] of Object.entries(claims)) {
      // The driver cuts texts at NUL on their way in, too.
      file.db.prepare("insert into runs (run_id, created_at, claim) values (?, ?, cast(? as text))")
        .run(id, NOON, new TextEncoder().encode(claim));
    }
  };
  await withFile("costs", fill, async (path) => {
    const exported = await exportFile(path);
    assert.deepEqual(columnOf(exported, "claim"), claims);
    const hashes = Object.entries(claims).map(([id, claim]) => [id, createHash("sha256").update(claim).digest("hex")]);
    assert.deepEqual(columnOf(exported, "claim_hash"), Object.fromEntries(hashes));
  });
});

Deno.test("readHarness() ignores tables and columns of others", async () => {
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("a"));
    file.db.exec(`alter table runs add column novelty text; create table checks (run_id text, seed real);
      insert into checks values ('a', 1e19), ('b', 2e19); create table requests (id text);
      create view harness_runs as select 1`);
  };
  await withFile("costs", fill, async (path) => {
    assert.deepEqual((await exportFile(path)).rows.map(({ run_id, seed }) => [run_id, seed]), [["a", null]]);
  });
});

Deno.test("readHarness() gives the days and the run it is asked for", async () => {
  const fill = (file: HarnessFile) => {
    for (const [index, id] of ["a", "b", "c"].entries()) {
      file.insert("runs", run(id, { created_at: NOON + index * 86_400 }));
    }
  };
  await withFile("costs", fill, async (path) => {
    const runs = async (options: Asked) => (await exportFile(path, options)).rows.map(({ run_id }) => run_id).join("");
    assert.equal(await runs({}), "abc");
    assert.equal(await runs({ range: { since: "2025-08-30" } }), "bc");
    assert.equal(await runs({ range: { since: "2025-08-30", until: "2025-08-30" } }), "b");
    assert.equal(await runs({ range: { until: "9999-12-31" } }), "abc");
    assert.equal(await runs({ run: "c" }), "c");
    assert.equal(await runs({ run: "' or 1" }), "");
  });
});

/** Values that have no representation: column, SQL, and what is said about it. */
const UNREPRESENTABLE = [
  ["created_at", "null", "nothing"],
  ["created_at", "1756470896789", "an integer that is not epoch seconds of the years 1 to 9999"],
  ["created_at", "1756470896.5", "a real number that is not epoch seconds of the years 1 to 9999"],
  ["created_at", "'2025-08-29'", "text that is not epoch seconds of the years 1 to 9999"],
  ["created_at", "-62135596801", "an integer that is not epoch seconds of the years 1 to 9999"],
  ["prob_true_rpl", "'high'", "text, not a number"],
  ["ci_lo", "x'00'", "a blob, not a number"],
  ["K", "1.5", "a real number, not an integer"],
  ["K", "'many'", "text, not an integer"],
  ["pqs", "'good'", "text, not a number"],
  ["prompt_char_len_max", "2147483648", "an integer of more than 32 bits"],
  ["gate_compliance_ok", "2", "an integer other than 0 and 1"],
  ["gate_stability_ok", "'yes'", "text other than 0 and 1"],
  ["claim", "cast(x'c328' as text)", "text that is not valid UTF-8"],
  ["config_json", "cast(x'61ff' as text)", "text that is not valid UTF-8"],
  ["seed", "'0x10'", "text, not a decimal number"],
  ["seed", "'100000000000000000000'", "a number of more than 20 digits"],
  ["seed", "'1.5'", "a number of more than 0 digits after the point"],
  ["seed", "'-'", "text, not a decimal number"],
  ["seed", "'1.'", "text, not a decimal number"],
  ["seed", "printf('%.*c', 200000, '9')", "a number of more than 20 digits"],
  ["seed", "'0.' || printf('%.*c', 200000, '0') || '1'", "a number of more than 0 digits after the point"],
  ["bootstrap_seed", "'1.' || printf('%.*c', 200000, '5')", "a number of more than 0 digits after the point"],
  ["cost_usd", "1e6", "a number of more than 6 digits"],
  ["tokens_in", "1.5", "a real number, not an integer"],
] as const;

Deno.test("readHarness() refuses what a column cannot hold, by file, column and run, never by value", async () => {
  const insertBad = (db: DatabaseSync, id: string, column: string, sql: string) => {
    const created = column === "created_at" ? "" : `, ${NOON}`;
    db.exec(`insert into runs (run_id, ${column}${created && ", created_at"}) values ('${id}', ${sql}${created})`);
  };
  for (const [column, sql, finding] of UNREPRESENTABLE) {
    await withFile("costs", ({ db }) => insertBad(db, "bad", column, sql), async (path) => {
      await assert.rejects(exportFile(path), {
        name: "TaskError",
        message: `Cannot export SQLite file "${path}": run "bad" has in column "${column}" ${finding}; ` +
          "correct the row, or leave it out with --skip-bad-rows",
      });
    });
  }
  const all = (file: HarnessFile) => {
    UNREPRESENTABLE.forEach(([column, sql], index) => insertBad(file.db, `bad ${index}`, column, sql));
    file.insert("runs", run("good"));
  };
  await withFile("costs", all, async (path) => {
    const { rows, badRows } = await exportFile(path, { skip: true });
    assert.deepEqual(rows.map(({ run_id }) => run_id), ["good"]);
    const expected = UNREPRESENTABLE.map(([column, , finding], index) => ({
      name: `bad ${index}`,
      source: "sqlite",
      finding: `has in column "${column}" ${finding}`,
    }));
    const byRun = (a: BadRow, b: BadRow) => a.name < b.name ? -1 : 1;
    assert.deepEqual(badRows.toSorted(byRun), expected.toSorted(byRun));
  });
});

Deno.test("readHarness() tells a day's change by its fingerprint, whatever changed", async () => {
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("a"));
    file.insert("runs", run("b", { created_at: NOON + 86_400 }));
  };
  await withFile("costs", fill, async (path) => {
    const marks = async () => {
      using harness = await openWhole(path);
      const options = { dataset: CHECKS, select: SELECT, range: {}, signal: SIGNAL };
      return [...(await readHarness(harness, options)).days.values()].map(({ fingerprint }) => fingerprint);
    };
    const before = await marks();
    assert.deepEqual(await marks(), before);
    for (
      const change of [
        "update runs set claim = '' where run_id = 'a'",
        "insert into samples (run_id, cache_key, provider_model_id) values ('a', '1', 'm')",
      ]
    ) {
      const [day, other] = await marks();
      const db = new DatabaseSync(path);
      db.exec(change);
      db.close();
      const changed = await marks();
      assert.notEqual(changed[0], day, change);
      assert.equal(changed[1], other, change);
    }
  });
});

Deno.test("readHarness() counts the lost seeds of the rows that are exported, once", async () => {
  const fill = (file: HarnessFile) => {
    for (const [index, id] of ["a", "b", "c", "d"].entries()) {
      file.insert("runs", run(id, { created_at: NOON + index * 86_400, bootstrap_seed: 1e19 }));
    }
    file.db.exec("update runs set K = 'many' where run_id = 'd'");
  };
  await withFile("gates", fill, async (path) => {
    assert.equal((await exportFile(path, { skip: true })).lostSeeds, 3);
    assert.equal((await exportFile(path, { skip: true, threadSlices: 1 })).lostSeeds, 3);
    assert.equal((await exportFile(path, { range: { until: "2025-08-30" } })).lostSeeds, 2);
    const superseded = new Set([`b@${NOON + 86_400}000000`]);
    assert.equal((await exportFile(path, { skip: true, superseded })).lostSeeds, 2);
  });
});

Deno.test("readHarness() tells a row that it leaves out once, on threads and on none", async () => {
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("good"));
    file.insert("runs", run("typed", { ci_hi: "high" }));
    file.insert("runs", run("text", { created_at: "2025-08-29" }));
  };
  await withFile("costs", fill, async (path) => {
    for (const threadSlices of [1, 100]) {
      const { rows, badRows } = await exportFile(path, { skip: true, threadSlices });
      assert.deepEqual(rows.map(({ run_id }) => run_id), ["good"]);
      assert.deepEqual(badRows.map(({ name }) => name), ["text", "typed"]);
    }
  });
});

Deno.test("readHarness() leaves out the rows whose own key is known", async () => {
  const fill = (file: HarnessFile) => {
    file.insert("runs", run("a"));
    file.insert("runs", run("b"));
    for (const id of ["e1", "e2"]) file.insert("executions", run("c", { execution_id: id }));
  };
  await withFile("costs", fill, async (path) => {
    const idsOf = async (known?: ReadonlySet<string>) =>
      (await exportFile(path, {}, known)).rows.map(({ run_id, execution_id }) => `${execution_id ?? run_id}`);
    assert.deepEqual(await idsOf(), ["a", "b", "e1", "e2"]);
    assert.deepEqual(await idsOf(new Set()), ["a", "b", "e1", "e2"]);
    // The key of the run that an execution replaces is not its own.
    assert.deepEqual(await idsOf(new Set([`a@${NOON}000000`, `c@${NOON}000000`, "e2"])), ["b", "e1"]);
  });
});

Deno.test("readHarness() gives the rows of every range of days in their order, however they are sliced", async () => {
  const fill = ({ db }: HarnessFile) => {
    db.exec(`
      with recursive n(i) as (select 0 union all select i + 1 from n where i < 299)
      insert into runs (run_id, created_at)
      select printf('%03d', i), ${NOON} + i * 3600 + i * i % 7 from n order by i * i % 31`);
  };
  await withFile("costs", fill, async (path) => {
    const all = await exportFile(path);
    assert.deepEqual(
      all.rows.map(({ run_id }) => run_id),
      Array.from({ length: 300 }, (_, i) => `${1000 + i}`.slice(1)),
    );
    const days = Object.keys(all.days);
    assert.equal(days.length, 13);
    for (const since of days) {
      const until: Day = days[Math.min(days.length - 1, days.indexOf(since) + 2)];
      const { rows } = await exportFile(path, { range: { since, until }, threadSlices: 1 });
      const expected = all.rows.filter(({ created_at }) => {
        const day = dayOf(created_at as bigint);
        return day >= since && day <= until;
      });
      assert.deepEqual(rows.map(({ run_id }) => run_id), expected.map(({ run_id }) => run_id));
    }
  });
});

Deno.test("readHarness() lets timers and signals through, and ends when it is told to", async () => {
  const fill = ({ db }: HarnessFile) => {
    db.exec(`
      with recursive n(i) as (select 1 union all select i + 1 from n where i < 5000)
      insert into runs (run_id, created_at, claim) select 'run ' || i, ${NOON} + i, printf('%.*c', 1000, 'x') from n`);
  };
  await withFile("costs", fill, async (path) => {
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(new Error("enough")), 20);
    await assert.rejects(exportFile(path, { signal: abort.signal }), { message: "enough" });
    clearTimeout(timer);
  });
});

Deno.test("readHarness() gives the same days and rows on threads as on none", async () => {
  const fill = ({ db }: HarnessFile) => {
    db.exec(`
      with recursive n(i) as (select 0 union all select i + 1 from n where i < 999)
      insert into runs (run_id, created_at, claim, bootstrap_seed, K)
      select i, ${NOON} + i * 600, printf('%.*c', 5000, 'x'), iif(i % 10, i, 1e19), iif(i % 99, i, 'many') from n`);
    db.exec("insert into runs (run_id, created_at) values ('odd', 'no day')");
  };
  await withFile("gates", fill, async (path) => {
    const [here, there] = [
      await exportFile(path, { skip: true }),
      await exportFile(path, { skip: true, threadSlices: 1 }),
    ];
    assert.deepEqual(there, here);
    assert.deepEqual([here.rows.length, here.badRows.length, here.badRows[0].name], [989, 12, "odd"]);
    const known = new Set(here.rows.slice(0, 500).map(({ run_id, created_at }) => `${run_id}@${created_at}`));
    const { rows } = await exportFile(path, { skip: true, threadSlices: 1 }, known);
    assert.deepEqual(rows, here.rows.slice(500));
    const failure = await exportFile(path, { threadSlices: 1 }).catch(({ message }) => message);
    assert.match(failure, /run "odd" has in column "created_at"/);
  });
});
