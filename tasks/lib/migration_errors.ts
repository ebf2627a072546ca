import { EXIT, TaskError } from "./errors.ts";
import type { Migration } from "./migration_files.ts";
import { describeServerError, serverErrorOf } from "./server_error.ts";
import type { Statement } from "./sql_scan.ts";
import { excerptAt, offsetOfCodePoint, placeOf } from "./text_position.ts";

/** What became of the file whose statement failed. */
export type Outcome = "rolled back" | "not rolled back: it runs without a transaction" | "the connection was lost";

/** The error of a migration's statement: what the server says, file:line:column, the line, a caret, a hint. */
export function applyError(
  migration: Migration,
  error: unknown,
  options: { readonly statement: Statement; readonly local: boolean; readonly outcome: Outcome },
): TaskError {
  const { code, position } = serverErrorOf(error);
  const { statement, local, outcome } = options;
  const sent = migration.text.slice(statement.start, statement.end);
  const offset = statement.start + (position ? offsetOfCodePoint(sent, position) : 0);
  const { line, column } = placeOf(migration.text, offset);
  const hint = HINTS[code];
  return new TaskError(
    [
      `Cannot apply migration "${migration.name}": ${describeServerError(error, { local })}, ${outcome}; ` +
      "fix it and run migrate again",
      `  at ${migration.path}:${line}:${column}`,
      ...excerptAt(migration.text, offset).split("\n").map((text) => `  | ${text}`),
      ...(hint ? [`  Hint: ${hint}`] : []),
    ].join("\n"),
    EXIT.failed,
    { cause: error },
  );
}

const HINTS: Readonly<Record<string, string>> = {
  "25001":
    'this statement cannot run in a transaction; put it into a file of its own whose line 1 is "-- migrate: no-transaction"',
  "25006": "the server takes no writes: it is a replica, or its role or database is read-only",
  "42501": "the role of the database URL lacks the right to do this",
  "55P04": "a new enum value cannot be used in the transaction that adds it; use it in the next file",
};
