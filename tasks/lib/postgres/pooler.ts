import { closeConnection, connect, type Sql } from "./connection.ts";
import type { ServerTarget } from "../task/target.ts";

/** What to say of a database behind such a pooler, before the remedy. */
export const POOLED = "a pooler in transaction mode stands before it, which breaks locks";

/** How often two sessions are asked for their processes, by turns. */
const SAMPLES = 10;

/** Whether a pooler lends the server's sessions to ours in turn, so that a session's locks are nobody's.
 *
 * A pooler announces process numbers of its own. So does a plain proxy; the proof is a session that changes its process,
 * or two sessions on one. An idle pooler lends the process that it got back last, or the one that it got back first: asked
 * by turns, it gives either proof at once. A busy one lends any, and only many turns tell.
 */
export async function sharesSessions(sql: Sql, target: ServerTarget): Promise<boolean> {
  const query = sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  const [{ pid }] = await query;
  if ((query as unknown as { state?: { pid: number } }).state?.pid === pid) return false;
  const other = await connect(target);
  try {
    for (let samples = 0; samples < SAMPLES; samples++) {
      if (await processOf(other) === pid || await processOf(sql) !== pid) return true;
    }
    return false;
  } finally {
    await closeConnection(other);
  }
}

async function processOf(sql: Sql): Promise<number> {
  const [{ pid }] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  return pid;
}
