import { CHECKS } from "../../../tests/support/checks.ts";
import { compileDuckDb } from "../parquet/duckdb_code.ts";
import { openDuckDb } from "../parquet/duckdb.ts";
import { HARNESS_ROW_KEY } from "../sources/harness.ts";
import { Reader } from "./reader.ts";

// The engine's first start in a process leaves a message port open: it is made here, outside of any test.
(await openDuckDb())[Symbol.dispose]();

Deno.test("open() waits until the engine is free of a writer that was not ready yet", async () => {
  const code = await compileDuckDb();
  const reader = new Reader(() => {});
  const options = {
    kind: "duckdb",
    code,
    writer: { dataset: CHECKS, rowKey: HARNESS_ROW_KEY },
    skipBadRows: false,
  } as const;
  for (let n = 0; n < 3; n++) reader.open(options);
  await reader.supersede(["execution"]);
});
