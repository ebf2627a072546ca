import { replaceEmbedded } from "../../tasks/lib/postgres/embedded_files.ts";

/** Replaces the embedded database of a directory by a file, killed before one of its steps: `DIRECTORY STEP`. */
const [directory, step] = Deno.args;
let left = Number(step);
for (const name of ["mkdir", "writeTextFile", "rename", "remove"] as const) {
  const real = Deno[name] as (...args: unknown[]) => Promise<void>;
  Deno[name] = ((...args: unknown[]) => {
    if (--left === 0) Deno.kill(Deno.pid, "SIGKILL");
    return real(...args);
  }) as never;
}
await replaceEmbedded({ kind: "embedded", directory, local: true, label: "a test's" }, async (fresh) => {
  await Deno.mkdir(fresh.directory);
  await Deno.writeTextFile(`${fresh.directory}/PG_VERSION`, "new");
}, { signal: new AbortController().signal });
