import assert from "node:assert/strict";
import { commandOf, runCommand } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";
import { type SampleRow, sampleRow, writeSampleLake } from "./support/sample_lake.ts";
import { drawScreen } from "./support/screen.ts";
import { hasTerminal, runInTerminal } from "./support/terminal.ts";

const DAY = "2025-09-01";
const FILE = `local/dt=${DAY}/checks.parquet`;

/** Claims that are hard to put into a table, as SQL. */
const CLAIMS: readonly SampleRow[] = [
  { claim: "repeat('x', 100000)" },
  { claim: "repeat('日本語', 40)" },
  { claim: "repeat('😀', 50)" },
  { claim: "'שלום עולם'", model: "'עברית'" },
  { claim: "''" },
  { claim: "chr(27) || '[2J' || chr(10) || chr(8238) || 'a'" },
  { claim: "'e' || chr(769)", model: "null" },
];

function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasTerminal, fn });
}

/** What a terminal of that width shows of a task, line by line. */
async function show(task: string, args: readonly string[], columns: number) {
  const { flags, script } = commandOf(task);
  const { code, screen } = await runInTerminal(["run", ...flags, script, ...args], { columns });
  assert.equal(code, 0, screen);
  const drawn = await drawScreen(screen.replaceAll("␛", "\x1b"), columns);
  assert.deepEqual(drawn.filter(({ isWrapped }) => isWrapped), [], `a line is wider than ${columns}: ${screen}`);
  return { screen, cells: drawn.map(({ cells }) => cells) };
}

for (const columns of [40, 80]) {
  terminalTest(
    `analytics prints a table of any claims that fits ${columns} columns, each value in its own`,
    async () => {
      const rows = CLAIMS.map((values, at) => sampleRow(`${at}`, DAY, { K: "1234567", ...values }));
      await using lake = await writeSampleLake({ [FILE]: rows });
      const sql = `select claim, model, "K" as k from checks order by run_id`;
      const { cells } = await show("analytics", ["--sql", sql, "--dir", lake.directory], columns);
      const [header, rule, ...lines] = cells;
      const [modelAt, end] = [header.indexOf("m"), rule.lastIndexOf("─")];
      assert.equal(lines.length, CLAIMS.length + 1);
      for (const line of lines.slice(0, -1)) {
        const text = line.join("");
        assert.deepEqual([line[modelAt - 1], line[modelAt - 2]], ["", ""].map(() => line[modelAt - 1]), text);
        assert.match(line[modelAt], /[gעN]/, text);
        assert.equal(line.slice(end - 8, end + 1).join(""), "1,234,567", text);
      }
      assert.equal(lines.at(-1)!.join(""), `(${CLAIMS.length} rows)`);
    },
  );

  terminalTest(`analytics prints records at ${columns} columns where a row has 40 columns`, async () => {
    await using lake = await writeSampleLake({ [FILE]: [sampleRow("a", DAY, CLAIMS[0]), sampleRow("b", DAY)] });
    const sql = "select * from checks order by run_id";
    const { cells } = await show("analytics", ["--sql", sql, "--dir", lake.directory], columns);
    const lines = cells.map((line) => line.join(""));
    assert.equal(lines[0], `─ 1 ${"─".repeat(columns - 4)}`);
    assert.ok(lines.some((line) => /^claim +x+…$/.test(line)), lines.join("\n"));
    assert.ok(lines.some((line) => /^─ 2 ─+$/.test(line)));
    assert.equal(lines.at(-1), "(2 rows)");
  });

  terminalTest(`analytics --list and --help fit ${columns} columns, whole`, async () => {
    for (const flag of ["--list", "--help"]) {
      const { screen } = await show("analytics", [flag], columns);
      const words = (text: string) => text.split(/\s+/).filter((word) => word !== "");
      assert.deepEqual(words(screen), words((await runCommand("analytics", [flag])).stdout));
    }
  });
}

terminalTest(
  "a value that runs from right to left stands between two marks on a terminal, and bare in a pipe",
  async () => {
    await using lake = await writeSampleLake({
      [FILE]: [sampleRow("a", DAY, { claim: "'שלום'", model: "'\u200eab'" })],
    });
    const args = ["--sql", `select claim, model, "K" as k from checks`, "--dir", lake.directory];
    const { screen } = await show("analytics", args, 80);
    assert.ok(screen.includes("\n\u200eשלום\u200e   \\u200eab  8\r\n"), screen);
    assert.ok((await runCommand("analytics", args)).stdout.includes("\nשלום   \\u200eab  8\n"));
  },
);

terminalTest("analytics prints 100 rows of a table on a terminal, and tells how many there are", async () => {
  await using lake = await writeSampleLake({ [FILE]: [sampleRow("a", DAY)] });
  const args = ["--sql", "select i from range(1500) as t(i)", "--dir", lake.directory];
  const { screen } = await show("analytics", args, 80);
  assert.match(screen, /\n99\r\n\(100 of 1,500 rows, --limit for more\)\r\n$/);
  assert.match((await show("analytics", [...args, "--limit", "2000"], 80)).screen, /\n1,499\r\n\(1,500 rows\)\r\n$/);
  assert.match((await show("analytics", [...args, "--format", "csv"], 80)).screen, /\n1499\r+\n$/);
});

terminalTest("analytics takes a terminal without a width for one of 80 columns", async () => {
  await using lake = await writeSampleLake({ [FILE]: [sampleRow("a", DAY, CLAIMS[0])] });
  const { flags, script } = commandOf("analytics");
  const args = ["--sql", "select claim from checks", "--dir", lake.directory];
  const { screen } = await runInTerminal(["run", ...flags, script, ...args]);
  assert.equal(screen.split("\r\n")[2], `${"x".repeat(79)}…`);
});

terminalTest("db:seed shows its progress on a terminal", async () => {
  await using database = await createTestDatabase();
  const env = { DATABASE_URL: database.url };
  assert.equal((await runCommand("migrate", [], { env })).code, 0);
  const { flags, script } = commandOf("db:seed");
  const { screen } = await runInTerminal(["run", ...flags, script, "--rows", "20001"], { env });
  assert.match(screen, /\r␛\[KSeeding users\r␛\[K[^]*Seeding checks, 20000 of 20001 rows\r␛\[K[^]*\r␛\[KSeeded /);
});
