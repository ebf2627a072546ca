import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import { ROOT, runCommand } from "./support/command.ts";
import { sampleRow, writeSampleLake } from "./support/sample_lake.ts";

/** Removes a directory when the test is over. */
function removed(directory: string): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => Deno.remove(directory, { recursive: true }) };
}

Deno.test("report writes one page that needs nothing else and escapes what the rows hold", async () => {
  const row = sampleRow("a", "2025-09-01", {
    claim: "'<script>alert(1)</script>\"&'''",
    prob_true_rpl: "0.5",
    env: "'<b>'",
  });
  const other = { ...row, run_id: "'b'", model: "'grok'", prob_true_rpl: "0.7" };
  await using lake = await writeSampleLake({ "local/dt=2025-09-01/checks.parquet": [row, other] });
  const out = join(ROOT, `data/report-test-${crypto.randomUUID()}/made/report.html`);
  await using _made = removed(dirname(dirname(out)));
  const { code, stdout, stderr } = await runCommand("report", ["--out", out], { env: { EXPORT_DIR: lake.directory } });
  assert.deepEqual([code, stderr, stdout], [0, "", `Wrote ${out}\n`]);
  const page = await Deno.readTextFile(out);
  assert.match(page, /^<!doctype html>[^]*<svg[^]*<\/html>\n$/);
  assert.doesNotMatch(page, /<script|<link|<img|<b>|https?:|url\(|@import/);
  assert.match(page, /&#60;script&#62;alert\(1\)&#60;\/script&#62;&#34;&#38;&#39;/);
  assert.doesNotMatch(page, /NaN|Infinity|undefined/);
});

Deno.test("report of an empty lake says to export first and writes nothing", async () => {
  const { code, stderr } = await runCommand("report", ["--out", "data/none.html", "--dir", "data/no-such-lake"]);
  assert.equal(code, 1);
  assert.match(stderr, /; run deno task export first\n$/);
  await assert.rejects(Deno.stat("data/none.html"), Deno.errors.NotFound);
});

Deno.test("report writes below data alone", async () => {
  await using lake = await writeSampleLake({ "local/dt=2025-09-01/checks.parquet": [sampleRow("a", "2025-09-01")] });
  const out = join(lake.directory, "report.html");
  const { code, stderr } = await runCommand("report", ["--out", out, "--dir", lake.directory]);
  assert.deepEqual([code, stderr], [
    2,
    `Cannot write report "${out}": this task writes below data alone; choose a file there\n`,
  ]);
  await assert.rejects(Deno.stat(out), Deno.errors.NotFound);
});
