import postgres from "postgres";

/** Writes the output of a COPY to standard output: stands in for psql where there is none. */
async function copyOut(url: string, copy: string): Promise<void> {
  const sql = postgres(url, { max: 1 });
  const stream = await sql.unsafe(copy).readable();
  for await (const chunk of stream) await writeAll(chunk);
  await sql.end({ timeout: 5 });
}

async function writeAll(chunk: Uint8Array): Promise<void> {
  for (let rest = chunk; rest.length > 0;) {
    rest = rest.subarray(await Deno.stdout.write(rest));
  }
}

if (import.meta.main) await copyOut(Deno.args[0], Deno.args[1]);
