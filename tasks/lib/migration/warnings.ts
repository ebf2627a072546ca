import type { Migration } from "./files.ts";
import { listenToWarnings, type Sql } from "../postgres/connection.ts";

/** What a file gave, and what the server warned of meanwhile. */
export interface WithWarnings<T> {
  /** What it gave. */
  readonly value: T;
  /** The warnings as they were told, the file named in each. */
  readonly warnings: readonly string[];
}

/** How many warnings of a file are told; the others are counted. */
const MAX_TOLD = 20;

const MAX_CHARACTERS = 1000;

/** What `body` gives, while each WARNING that the server raises in the session is told at once, with the file's name.
 *
 * Its message alone: what the server adds (DETAIL, HINT, CONTEXT) can quote rows.
 */
export async function tellWarnings<T>(
  sql: Sql,
  { name }: Migration,
  { warn, body }: { readonly warn: (line: string) => void; readonly body: () => Promise<T> },
): Promise<WithWarnings<T>> {
  const warnings: string[] = [];
  const tell = (text: string) => {
    warnings.push(`${name}: ${text}`);
    warn(`${name}: ${text}`);
  };
  let count = 0;
  const listening = listenToWarnings(sql, (message) => {
    if (++count <= MAX_TOLD) tell(shorten(message));
  });
  try {
    return { value: await body(), warnings };
  } finally {
    listening[Symbol.dispose]();
    if (count > MAX_TOLD) tell(`${count - MAX_TOLD} more warnings`);
  }
}

function shorten(message: string): string {
  const characters = [...message];
  return characters.length > MAX_CHARACTERS ? `${characters.slice(0, MAX_CHARACTERS).join("")} ...` : message;
}
