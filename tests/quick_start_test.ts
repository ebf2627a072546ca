import assert from "node:assert/strict";
import { join } from "node:path";
import { ROOT, runCommand, UNSET } from "./support/command.ts";

/** Lines that other tests run, or are: the demo has its own, and this is part of the other. */
const LEFT_OUT = ["task demo", "task test"];

/** What a fresh checkout does not have. */
const IGNORED = new Set([
  ".git",
  "data",
  ...Deno.readTextFileSync(`${ROOT}.gitignore`).split("\n").map((line) => line.replace(/^\/|\/$/g, "")),
]);

const NPX = "npx -y deno@2.9.6 ";

/** The commands of README's quick start, as they are pasted. */
function readQuickStart(): string[] {
  const readme = Deno.readTextFileSync(`${ROOT}README.md`);
  const section = readme.slice(readme.indexOf("## Quick start"), readme.indexOf("## The flow"));
  return [...section.matchAll(/```sh\n([^]*?)```/g)].flatMap(([, block]) => block.trim().split("\n"));
}

async function copyCheckout(target: string, path = ""): Promise<void> {
  for await (const { name, isDirectory } of Deno.readDir(join(ROOT, path))) {
    const inner = join(path, name);
    if (IGNORED.has(inner)) continue;
    if (!isDirectory) await Deno.copyFile(join(ROOT, inner), join(target, inner));
    else {
      await Deno.mkdir(join(target, inner));
      await copyCheckout(target, inner);
    }
  }
}

Deno.test("README's quick start runs as it is pasted, line by line, in a fresh checkout", async (t) => {
  const lines = readQuickStart();
  assert.ok(lines.length > LEFT_OUT.length && lines.every((line) => line.startsWith(NPX)));
  const checkout = await Deno.makeTempDir({ prefix: "heretix-checkout-" });
  try {
    await copyCheckout(checkout);
    for (const line of lines.filter((line) => !LEFT_OUT.some((task) => line.startsWith(NPX + task)))) {
      await t.step(line.split("#")[0].trimEnd(), async () => {
        const { code, stderr } = await new Deno.Command("/bin/sh", {
          args: ["-c", line.replace(NPX, `"${Deno.execPath()}" `)],
          cwd: checkout,
          env: { ...UNSET, NO_COLOR: "1" },
          stdin: "null",
        }).output();
        const notes = new TextDecoder().decode(stderr);
        assert.equal(code, 0, notes);
        assert.equal(/^No harness file runs\/heretix\.sqlite: /m.test(notes), line.includes(" export:local "));
      });
    }
    assert.ok((await Deno.stat(`${checkout}/data/report.html`)).size > 20_000);
  } finally {
    await Deno.remove(checkout, { recursive: true });
  }
});

Deno.test("export:local insists on a harness file that is named", async () => {
  const env = { DATABASE_URL: "postgresql://nobody@127.0.0.1:1/none", HERETIX_DB_PATH: "data/no-such.sqlite" };
  const { code, stderr } = await runCommand("export:local", [], { env });
  assert.equal(code, 1);
  assert.match(stderr, /^Cannot read SQLite file "data\/no-such\.sqlite": it does not exist; /);
});
