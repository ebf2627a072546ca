import assert from "node:assert/strict";
import { join } from "node:path";
import { lockFile } from "./file_lock.ts";
import { createLane, removeEmptyLane } from "../lake/lake.ts";

const WHAT = 'export lane "local"';

async function withPath(use: (path: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-lock-" });
  try {
    await use(join(directory, "lane", ".lock"));
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("lockFile() names its holder in the file while it is held, and nobody afterwards", () =>
  withPath(async (path) => {
    {
      using _lock = await lockFile(path, { what: WHAT });
      assert.equal(await Deno.readTextFile(path), `process ${Deno.pid}\n`);
    }
    assert.equal(await Deno.readTextFile(path), "");
    await Deno.writeTextFile(path, "process 4711, which was killed\n");
    using _again = await lockFile(path, { what: WHAT });
    assert.equal(await Deno.readTextFile(path), `process ${Deno.pid}\n`, "nothing is left of a name that was longer");
  }));

Deno.test("lockFile() ends with 5 and the holder's name when its time is over, and tells once that it waits", () =>
  withPath(async (path) => {
    using _lock = await lockFile(path, { what: WHAT });
    const held = `Cannot lock ${WHAT}: process ${Deno.pid} holds it; wait for it to end`;
    await assert.rejects(lockFile(path, { what: WHAT }), { name: "TaskError", exitCode: 5, message: held });
    const told: string[] = [];
    const waiting = lockFile(path, { what: WHAT, waitMs: 300, onWait: (holder) => told.push(holder) });
    await assert.rejects(waiting, { exitCode: 5 });
    assert.deepEqual(told, [`process ${Deno.pid}`]);
  }));

Deno.test("lockFile() ends its wait with the signal's reason", () =>
  withPath(async (path) => {
    using _lock = await lockFile(path, { what: WHAT });
    const interrupt = new AbortController();
    const options = { what: WHAT, waitMs: 60_000, signal: interrupt.signal, onWait: () => interrupt.abort("enough") };
    await assert.rejects(lockFile(path, options), (reason) => reason === "enough");
  }));

Deno.test("lockFile() fails in one line where no file can be made", () =>
  withPath(async (path) => {
    await Deno.mkdir(path, { recursive: true });
    await assert.rejects(lockFile(path, { what: WHAT }), {
      name: "TaskError",
      exitCode: 1,
      message: /^Cannot lock export lane "local": .*; make its directory writable$/,
    });
  }));

Deno.test("lockFile() of a file that its holder removes gives waiters the new one, one after another", () =>
  withPath(async (path) => {
    const pause = () => new Promise((resolve) => setTimeout(resolve, 30));
    let [holders, most, taken] = [0, 0, 0];
    const hold = async (removes: boolean) => {
      using _lock = await lockFile(path, { what: WHAT, waitMs: 60_000 });
      most = Math.max(most, ++holders);
      taken++;
      await pause();
      holders--;
      // Its work is done: others may make a new file while some still wait for this one.
      if (removes) await Deno.remove(path);
      await pause();
    };
    await Promise.all(Array.from({ length: 16 }, (_, index) => hold(index % 2 === 0)));
    assert.deepEqual([taken, most], [16, 1]);
  }));

Deno.test("lockFile() and removeEmptyLane() of many at once leave nothing, and nobody fails", () =>
  withPath(async (path) => {
    const lane = join(path, "..");
    let [holders, most] = [0, 0];
    const hold = async () => {
      for (let turn = 0; turn < 20; turn++) {
        await createLane(lane);
        using _lock = await lockFile(path, { what: WHAT, waitMs: 60_000 });
        most = Math.max(most, ++holders);
        await new Promise((resolve) => setTimeout(resolve));
        holders--;
        await removeEmptyLane(lane);
      }
    };
    await Promise.all(Array.from({ length: 8 }, hold));
    assert.equal(most, 1);
    await assert.rejects(Deno.stat(lane), Deno.errors.NotFound);
  }));
