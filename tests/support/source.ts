import { withPostgresSources } from "../../tasks/lib/sources/postgres.ts";
import type { Sql } from "../../tasks/lib/postgres/connection.ts";
import type { TableSource } from "../../tasks/lib/dataset/source.ts";
import { CHECKS } from "./checks.ts";

/** Gives the table `checks` of a session's database to `use`, as an export does; it is called me@host:5432/db in errors. */
export async function withChecks<T>(
  sql: Sql,
  use: (source: TableSource) => Promise<T>,
  patience: { readonly idleMs: number; readonly startMs: number } = { idleMs: 60_000, startMs: 60_000 },
): Promise<T> {
  return await withPostgresSources(sql, {
    tables: [{ dataset: CHECKS, onUnlisted: () => {} }],
    origin: { host: "127.0.0.1", port: 5432 },
    patience: { label: "me@host:5432/db", ...patience },
    range: {},
  }, ([source]) => use(source!));
}

/** Reads a source whole on its own session: how many messages a COPY had, but for its header and trailer, and their bytes
 * as text; `onRow` is told of each. */
export async function readWhole(
  source: TableSource,
  onRow: () => void | Promise<void> = () => {},
): Promise<{ readonly rows: number; readonly text: string }> {
  const [texts, latin1] = [[] as string[], new TextDecoder("latin1")];
  for (const segment of await source.segments([...source.days.keys()])) {
    await source.read(source.copySql([segment]), (bytes, start, end) => {
      texts.push(latin1.decode(bytes.subarray(start, end)));
      return onRow();
    });
  }
  const rows = texts.filter((text) => text.length > 20);
  return { rows: rows.length, text: rows.join("") };
}
