import postgres from "postgres";

/** Connects and asks one question: what any task that talks to Postgres costs at least. */
async function selectOne(url: string): Promise<void> {
  const sql = postgres(url, { max: 1 });
  await sql`select 1`;
  await sql.end({ timeout: 5 });
}

if (import.meta.main) await selectOne(Deno.args[0]);
