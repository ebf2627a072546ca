import assert from "node:assert/strict";
import { lookByDeltaRs } from "./support/delta_reader.ts";
import { createExporter, type Exporter, finish } from "./support/exporter.ts";
import { findPython } from "./support/python.ts";
import { readRemote, type RemoteReader, remoteReader, storeSettings } from "./support/remote.ts";
import { startS3 } from "./support/s3_server.ts";

/** How many uploads run, a third of them killed; more of them take longer and find more. */
const RUNS = Number(Deno.env.get("UPLOAD_RUNS") || 12);

/** How many run at the same time. */
const UPLOADERS = 3;

const DAYS = 4;

/** Rows of a day in a version: other days each time, and other numbers of rows. */
function rowsOf(version: number, day: number): number {
  return (version + day) % 3 === 0 ? 0 : 1 + (version * day) % 5;
}

/** What a snapshot of a version holds: paths aside. */
function expected(version: number): string[] {
  return Array.from({ length: DAYS }, (_, index) => index + 1).flatMap((day) =>
    Array.from({ length: rowsOf(version, day) }, (_, n) => `2025-09-0${day} run-${day}-${n + 1} ${version}`)
  );
}

/** Makes the table another one in every day. */
async function load({ database }: Exporter, version: number): Promise<void> {
  await database.sql.begin(async (sql) => {
    await sql`delete from checks`;
    for (let day = 1; day <= DAYS; day++) {
      await sql.unsafe(`
        insert into checks (id, run_id, env, claim, model, prompt_version, "K", "R", created_at)
        select gen_random_uuid(), 'run-${day}-' || n, 'local', '${version}', 'gpt-5', 'v1', 8, 2,
          timestamptz '2025-09-0${day} 12:00:00+00' + n * interval '1 second'
        from generate_series(1, ${rowsOf(version, day)}) as n`);
    }
  });
}

/** Asserts that a snapshot is one version of the table, whole. */
function assertWhole(generation: number, lines: readonly string[]): void {
  const [version] = lines.map((line) => Number(line.split(" ")[2]));
  assert.deepEqual(lines, expected(version), `generation ${generation}`);
}

/** Reads the newest snapshot as any reader would, by manifest and by Delta log. */
async function look(reader: RemoteReader): Promise<number> {
  const [byManifest, byDelta] = [await readRemote(reader, "manifest"), await readRemote(reader, "delta")];
  for (const { generation, rows } of [byManifest, byDelta]) {
    if (generation > 0) assertWhole(generation, rows.map(({ dt, run_id, claim }) => `${dt} ${run_id} ${claim}`).sort());
  }
  return byManifest.generation;
}

const python = await findPython(["deltalake", "pyarrow"]);

Deno.test(`${RUNS} uploads by ${UPLOADERS} at once, killed and cut off, never show a mixed state`, async () => {
  await using exporter = await createExporter();
  const children = new Set<Deno.ChildProcess>();
  let kills = 0;
  const killOne = () => {
    const [child] = [...children].sort(() => Math.random() - 0.5);
    if (child === undefined) return;
    children.delete(child);
    child.kill("SIGKILL");
    kills++;
  };
  await using server = await startS3({
    fault: ({ method }) => {
      const chance = Math.random();
      if (method !== "PUT") return chance < 0.02 ? "cut" : undefined;
      if (chance < 0.03) return { status: 503, body: "<Error><Code>SlowDown</Code></Error>" };
      if (chance < 0.06) return "store-then-cut";
      if (chance < 0.08) return "cut";
      if (chance < 0.12) killOne();
      return undefined;
    },
  });
  const reader = remoteReader(server.target("prefix"), "local/checks");
  const settings = storeSettings(server.target("prefix"));
  const upload = async (mayDie: boolean) => {
    const child = exporter.start("export.ts", ["--allow-shrink"], settings);
    if (mayDie) children.add(child);
    const { code, stderr } = await finish(child);
    children.delete(child);
    assert.ok([0, 5, ...(mayDie ? [137] : [])].includes(code), stderr);
    return code;
  };
  const over = new AbortController();
  let [version, runs, looks, deltaLooks] = [0, 0, 0, 0];
  const codes: Record<number, number> = {};
  await load(exporter, version);
  const uploader = async () => {
    while (runs++ < RUNS) {
      const code = await upload(true);
      codes[code] = (codes[code] ?? 0) + 1;
    }
  };
  const writer = async () => {
    while (!over.signal.aborted) {
      await load(exporter, ++version);
      await new Promise((resolve) => setTimeout(resolve, 500 * Math.random()));
    }
  };
  const readers = async () => {
    for (let last = 0; !over.signal.aborted; looks++) {
      const generation = await look(reader);
      assert.ok(generation >= last, "a reader never goes back");
      last = generation;
    }
  };
  const deltaReader = async () => {
    if (python === undefined) return;
    const options = { lane: "local/checks", over: over.signal };
    for await (const { generation, lines } of lookByDeltaRs(python, server.target("prefix"), options)) {
      assertWhole(generation, lines);
      deltaLooks++;
    }
  };
  const others = [writer(), readers(), deltaReader()];
  // A failure of theirs is told below; until then nobody waits for them.
  others.forEach((other) => other.catch(() => over.abort()));
  await Promise.all(Array.from({ length: UPLOADERS }, uploader)).finally(() => over.abort());
  await Promise.all(others);
  await load(exporter, ++version);
  while (await upload(false) !== 0);
  assert.equal((await readRemote(reader, "manifest")).generation, await look(reader));
  const last = await readRemote(reader, "delta");
  assert.equal(last.rows[0].claim, `${version}`);
  console.log(`${runs} runs ${JSON.stringify(codes)}, ${kills} killed, ${last.generation} generations`);
  console.log(
    `${looks} looks by manifest and Delta log, ${deltaLooks} by delta-rs${python ? "" : " (Python has no deltalake)"}`,
  );
});
