import assert from "node:assert/strict";
import { CHECKS } from "../../../tests/support/checks.ts";
import { createHarnessFile, openWhole } from "../../../tests/support/harness.ts";
import { fieldOrder } from "../dataset/dataset.ts";
import { SECONDS } from "./harness_columns.ts";
import type { HarnessDatabase } from "./harness_file.ts";
import { spoolRows } from "./harness_spool.ts";

const SELECT = await Deno.readTextFile(new URL("../../../sql/export/checks.sqlite.sql", import.meta.url));

async function withHarness(use: (harness: HarnessDatabase) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-spool-" });
  try {
    {
      using file = createHarnessFile(`${directory}/heretix.sqlite`);
      for (const day of [0, 1]) file.insert("runs", { run_id: `${day}`, created_at: day * 86_400, claim: "c" });
    }
    using harness = await openWhole(`${directory}/heretix.sqlite`, { scratch: `${directory}/scratch` });
    await use(harness);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const requestOf = ({ path, scratch }: HarnessDatabase, spool: string) => ({
  path,
  scratch,
  spool,
  columns: fieldOrder(CHECKS),
  select: SELECT,
  since: SECONDS.first,
  until: SECONDS.end,
  withOdd: true,
  skipBadRows: false,
});

Deno.test("spoolRows() tells where the blocks of each day are, in a file that holds nothing else", async () => {
  await withHarness(async (harness) => {
    const spool = harness.createSpool();
    const { days } = await spoolRows(requestOf(harness, spool), () => {});
    const [[first, one], [second, two]] = days;
    assert.deepEqual([first, second], ["1970-01-01", "1970-01-02"]);
    const [size] = [one, two].map(({ stored: { blocks } }) => blocks[0].sizeBytes);
    assert.deepEqual(two.stored, {
      path: spool,
      start: size,
      blocks: [{ sizeBytes: two.stored.blocks[0].sizeBytes, rows: 1 }],
    });
    assert.equal((await Deno.stat(spool)).size, size + two.stored.blocks[0].sizeBytes);
  });
});

Deno.test("spoolRows() says which file a full disk leaves no room for", async () => {
  await withHarness(async (harness) => {
    await assert.rejects(spoolRows(requestOf(harness, "/dev/full"), () => {}), {
      name: "TaskError",
      message:
        /^Cannot write "\/dev\/full": No space left on device[^;]*; make room beside the lane, and export again$/,
    });
  });
});

Deno.test("createSpool() makes a file for its owner alone, which goes with the copy", async () => {
  const directory = await Deno.makeTempDir({ prefix: "heretix-spool-" });
  try {
    createHarnessFile(`${directory}/heretix.sqlite`)[Symbol.dispose]();
    {
      using harness = await openWhole(`${directory}/heretix.sqlite`, { scratch: `${directory}/scratch` });
      assert.equal((await Deno.stat(harness.createSpool())).mode! & 0o777, 0o600);
    }
    const names = await Array.fromAsync(Deno.readDir(directory), ({ name }) => name);
    assert.deepEqual(names, ["heretix.sqlite"]);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
});
