import { EXIT, type ExitCode, TaskError } from "./errors.ts";
import type { Migration } from "./migration_files.ts";
import { describeServerError, isLostSession, serverErrorOf } from "./server_error.ts";
import type { Statement } from "./sql_scan.ts";
import { excerptAt, offsetOfCodePoint, placeOf } from "./text_position.ts";

/** What to say about a file that failed. */
export interface ApplyFailure {
  /** The statement that failed; absent where the failure came between or behind the statements. */
  readonly statement?: Statement;
  /** Whether row values may be shown. */
  readonly local: boolean;
}

/** The error of a migration: what the server says, what became of the file, file:line:column, the line, a caret, a hint. */
export function applyError(migration: Migration, error: unknown, failure: ApplyFailure): TaskError {
  const { code } = serverErrorOf(error);
  const finding = describeServerError(error, failure);
  const remedy = isLostSession(code) ? "run migrate again" : "fix it and run migrate again";
  const hint = HINTS[code];
  return new TaskError(
    [
      `Cannot apply migration "${migration.name}": ${finding}, ${outcomeOf(migration, code, failure)}; ${remedy}`,
      ...(failure.statement ? placeLines(migration, failure.statement, serverErrorOf(error).position) : []),
      ...(hint ? [`  Hint: ${hint}`] : []),
    ],
    EXIT.failed,
    { cause: error },
  );
}

function outcomeOf(migration: Migration, code: string, { statement }: ApplyFailure): string {
  if (!migration.transaction) return "not recorded (it runs without a transaction)";
  // Without an answer to COMMIT nobody knows, before the ledger is read again.
  return isLostSession(code) && !statement ? "it is applied as a whole or not at all" : "rolled back";
}

function placeLines(migration: Migration, statement: Statement, position: number | undefined): readonly string[] {
  const sent = migration.text.slice(statement.start, statement.end);
  const offset = statement.start + (position ? offsetOfCodePoint(sent, position) : 0);
  const { line, column } = placeOf(migration.text, offset);
  return [
    `  at ${migration.path}:${line}:${column}`,
    ...excerptAt(migration.text, offset).map((text) => `  | ${text}`),
  ];
}

const HINTS: Readonly<Record<string, string>> = {
  "25001":
    'this statement cannot run in a transaction; put it into a file of its own whose line 1 is "-- migrate: no-transaction"',
  "25006": "the server takes no writes: it is a replica, or its role or database is read-only",
  "42501": "the role of the database URL lacks the right to do this",
  "55P04": "a new enum value cannot be used in the transaction that adds it; use it in the next file",
};

/** An error that concerns the whole database; a finding of several lines goes on below the first. */
export function migrateFailure(label: string, finding: string | readonly string[], exitCode: ExitCode): TaskError {
  const [first, ...rest] = [finding].flat();
  return new TaskError([`Cannot migrate database "${label}": ${first}`, ...rest], exitCode);
}
