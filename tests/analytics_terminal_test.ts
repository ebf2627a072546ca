import assert from "node:assert/strict";
import { commandOf } from "./support/command.ts";
import { type SampleRow, sampleRow, writeSampleLake } from "./support/sample_lake.ts";
import { drawScreen } from "./support/screen.ts";
import { hasTerminal, runInTerminal } from "./support/terminal.ts";

const DAY = "2025-09-01";
const FILE = `local/dt=${DAY}/checks.parquet`;

/** Claims that are hard to put into a table, as SQL. */
const CLAIMS: readonly SampleRow[] = [
  { claim: "repeat('x', 5000)" },
  { claim: "repeat('日本語', 40)" },
  { claim: "repeat('😀', 50)" },
  { claim: "'שלום עולם'", model: "'עברית'" },
  { claim: "''" },
  { claim: "chr(27) || '[2J' || chr(10) || chr(8238) || 'a'" },
];

/** Texts of the lines that a terminal of that width shows of one query, none of which is wider. */
async function linesOf(sql: string, columns: number): Promise<string[]> {
  const rows = CLAIMS.map((values, at) => sampleRow(`${at}`, DAY, { K: "1234567", ...values }));
  await using lake = await writeSampleLake({ [FILE]: rows });
  const { flags, script } = commandOf("analytics");
  const command = ["run", ...flags, script, "--sql", sql, "--dir", lake.directory];
  const { code, screen } = await runInTerminal(command, { columns });
  assert.equal(code, 0, screen.slice(0, 2000));
  const drawn = await drawScreen(screen.replaceAll("␛", "\x1b"), columns);
  assert.equal(drawn.filter(({ isWrapped }) => isWrapped).length, 0, `a line is wider than ${columns}`);
  return drawn.map(({ cells }) => cells.map((cell) => cell || " ").join("").trimEnd());
}

for (const columns of [40, 80]) {
  Deno.test({
    name: `analytics prints a table of any claims that fits ${columns} columns`,
    ignore: !hasTerminal,
    async fn() {
      const lines = await linesOf(`select claim, model, "K" as k from checks order by run_id`, columns);
      const numbers = lines.filter((line) => line.endsWith("1,234,567"));
      assert.equal(numbers.length, CLAIMS.length, "each row has its number, grouped, at the end of its line");
      assert.equal(lines.filter((line) => line.includes("…")).length, 3, "three claims are cut");
      assert.equal(lines.at(-1), `(${CLAIMS.length} rows)`);
    },
  });

  Deno.test({
    name: `analytics prints records at ${columns} columns where a row has too many columns`,
    ignore: !hasTerminal,
    async fn() {
      const lines = await linesOf("select * from checks order by run_id limit 2", columns);
      assert.equal(lines.filter((line) => /^claim\b/.test(line)).length, 2, "a line a column, two records");
      assert.equal(lines.at(-1), "(2 rows)");
    },
  });
}
