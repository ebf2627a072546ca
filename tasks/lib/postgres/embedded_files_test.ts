import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT } from "../../../tests/support/command.ts";
import { lockEmbedded, replaceEmbedded } from "./embedded_files.ts";
import type { EmbeddedTarget } from "../task/target.ts";

const { signal } = new AbortController();

/** An embedded database's directory, with a file for the database. */
async function withDirectory(use: (target: EmbeddedTarget, home: string) => Promise<void>): Promise<void> {
  const home = await Deno.makeTempDir({ prefix: "heretix-embedded-" });
  const directory = join(home, "pglite");
  try {
    await Deno.mkdir(directory);
    await Deno.writeTextFile(join(directory, "PG_VERSION"), "old");
    await use({ kind: "embedded", directory, local: true, label: "a test's" }, home);
  } finally {
    await Deno.remove(home, { recursive: true });
  }
}

const namesIn = async (home: string) => (await Array.fromAsync(Deno.readDir(home), ({ name }) => name)).sort();

const contentOf = ({ directory }: EmbeddedTarget) => Deno.readTextFile(join(directory, "PG_VERSION"));

Deno.test("replaceEmbedded() killed before any of its steps leaves the old database or the new one, and no debris", () =>
  withDirectory(async (target, home) => {
    const left: string[] = [];
    for (let step = 1;; step++) {
      const child = new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", "-q", "--no-check", "tests/support/reset_files.ts", target.directory, `${step}`],
        cwd: ROOT,
      });
      const { success, signal } = await child.output();
      if (success) break;
      assert.equal(signal, "SIGKILL");
      using _lock = await lockEmbedded(target);
      left.push(await contentOf(target));
      assert.deepEqual(await namesIn(home), ["pglite", "pglite.lock"]);
      await Deno.writeTextFile(join(target.directory, "PG_VERSION"), "old");
    }
    assert.deepEqual([...new Set(left)], ["old", "new"], "once it is there, it stays");
    assert.ok(left.lastIndexOf("old") >= 4);
    assert.equal(await contentOf(target), "new");
  }));

Deno.test("replaceEmbedded() changes nothing when filling fails, is interrupted or made nothing", () =>
  withDirectory(async (target, home) => {
    const interrupt = new AbortController();
    const fills: [(fresh: EmbeddedTarget) => Promise<void>, RegExp][] = [
      [() => Promise.reject(new Error("nope")), /nope/],
      [(fresh) => Deno.mkdir(fresh.directory).then(() => interrupt.abort(new Error("enough"))), /enough/],
    ];
    for (const [fill, finding] of fills) {
      await assert.rejects(replaceEmbedded(target, fill, { signal: interrupt.signal }), finding);
      assert.equal(await contentOf(target), "old");
      assert.deepEqual(await namesIn(home), ["pglite", "pglite.lock"]);
    }
    await assert.rejects(replaceEmbedded(target, () => Promise.resolve(), { signal }), Deno.errors.NotFound);
    assert.equal(await contentOf(target), "old", "put back, though it was moved away");
  }));

Deno.test("replaceEmbedded() holds the lock while it fills, and tells whom it waits for", () =>
  withDirectory(async (target) => {
    const held = `Cannot lock a test's: process ${Deno.pid} holds it; wait for it to end`;
    await replaceEmbedded(target, async (fresh) => {
      await assert.rejects(lockEmbedded(target), { exitCode: 5, message: held });
      await Deno.mkdir(fresh.directory);
    }, { signal });
    const lock = await lockEmbedded(target);
    const told: string[] = [];
    const note = (line: string) => {
      told.push(line);
      lock[Symbol.dispose]();
    };
    await replaceEmbedded(target, (fresh) => Deno.mkdir(fresh.directory), { signal, note, waitMs: 60_000 });
    assert.deepEqual(told, [`Waiting for the a test's, which process ${Deno.pid} holds`]);
  }));

Deno.test("replaceEmbedded() makes a database that is not there, in place of an empty directory, too", () =>
  withDirectory(async (target) => {
    const fill = async (fresh: EmbeddedTarget) => {
      await Deno.mkdir(fresh.directory);
      await Deno.writeTextFile(join(fresh.directory, "PG_VERSION"), "new");
    };
    await Deno.remove(target.directory, { recursive: true });
    await replaceEmbedded(target, fill, { signal });
    assert.equal(await contentOf(target), "new");
    await Deno.remove(join(target.directory, "PG_VERSION"));
    await replaceEmbedded(target, fill, { signal });
    assert.equal(await contentOf(target), "new");
  }));
