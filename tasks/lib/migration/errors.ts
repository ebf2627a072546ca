import { EXIT, type ExitCode, TaskError } from "../task/errors.ts";
import { countOf } from "../task/plural.ts";
import type { Migration } from "./files.ts";
import { type Attempt, toServerFailure } from "../postgres/server_failure.ts";
import { describeServerError, isLostSession, serverErrorOf } from "../postgres/server_error.ts";
import type { Statement } from "../sql/scan.ts";
import { holdsPassword } from "../sql/secrets.ts";
import { excerptAt, offsetOfCodePoint, placeOf } from "../sql/position.ts";

/** What to say about a file that failed; no statement where the failure came between or behind the statements. */
export type ApplyFailure = Pick<Attempt, "local"> & { readonly statement?: Statement };

/** The error of a migration: what the server says, what became of the file, file:line:column, the line, a caret, a hint.
 *
 * Of a statement that holds a password neither the line nor a message that could quote it is shown.
 */
export function applyError(migration: Migration, error: unknown, { statement, local }: ApplyFailure): TaskError {
  const { code, position } = serverErrorOf(error);
  const sent = statement && migration.text.slice(statement.start, statement.end);
  const isSecret = sent !== undefined && holdsPassword(sent);
  const isLost = isLostSession(code);
  const finding = isSecret && !NAMES_ALONE.has(code) && !isLost
    ? `the server's message is not shown, as the statement holds a password (${code})`
    : describeServerError(error, { local });
  // Without an answer to COMMIT nobody knows, before the ledger is read again.
  const ofTransaction = isLost && !statement ? "it is applied as a whole or not at all" : "rolled back";
  const outcome = migration.transaction ? ofTransaction : "not recorded (it runs without a transaction)";
  const remedy = isLost ? "run migrate again" : "fix it and run migrate again";
  const offset = (statement?.start ?? 0) + (sent && position ? offsetOfCodePoint(sent, position) : 0);
  return new TaskError(
    [
      `Cannot apply migration "${migration.name}": ${finding}, ${outcome}; ${remedy}`,
      ...(statement ? describePlace(migration, offset, { isSecret }) : []),
      ...(code in HINTS ? [`  Hint: ${HINTS[code]}`] : []),
    ],
    EXIT.failed,
    { cause: error },
  );
}

/** SQLSTATEs whose messages name objects, and quote nothing else of a statement. */
const NAMES_ALONE = new Set(["25001", "25006", "40001", "40P01", "42501", "42704", "42710", "42P01", "55P03", "57014"]);

function describePlace(
  { path, text }: Migration,
  offset: number,
  { isSecret }: { readonly isSecret: boolean },
): readonly string[] {
  const { line, column } = placeOf(text, offset);
  const place = `  at ${path}:${line}:${column}`;
  if (isSecret) return [`${place} (not shown: the statement holds a password)`];
  return [place, ...excerptAt(text, offset).map((shown) => `  | ${shown}`)];
}

const HINTS: Readonly<Record<string, string>> = {
  "25001":
    'this statement cannot run in a transaction; put it into a file of its own whose line 1 is "-- migrate: no-transaction"',
  "25006": "the server takes no writes: it is a replica, or its role or database is read-only",
  "42501": "the role of the database URL lacks the right to do this",
  "55P04": "a new enum value cannot be used in the transaction that adds it; use it in the next file",
};

/** The error of a migration that the runner refuses; what was found ends with what to do before the next run. */
export function fileFailure(
  { name }: Migration,
  finding: string,
  { cause, exitCode = EXIT.failed }: ErrorOptions & { readonly exitCode?: ExitCode } = {},
): TaskError {
  return new TaskError(`Cannot apply migration "${name}": ${finding} and run migrate again`, exitCode, { cause });
}

/** The error that ended a run, with how many files were applied and how many are left. */
export function withProgress(
  error: unknown,
  { applied, pending, signal }: { readonly applied: number; readonly pending: number; readonly signal?: AbortSignal },
): unknown {
  const done = countOf(applied, "migration");
  if (signal?.aborted) {
    const finding = `${done}, ${pending - applied} left; nothing half done is visible`;
    return new TaskError(`Interrupted migrate after ${finding}`, EXIT.interrupted, { cause: error });
  }
  if (!(error instanceof TaskError) || pending < 2) return error;
  const progress = `  ${done} applied before it, ${pending - applied - 1} left behind it`;
  return new TaskError([...error.lines, progress], error.exitCode, { cause: error.cause });
}

/** An error that concerns the whole database; a finding of several lines goes on below the first. */
export function migrateFailure(
  label: string,
  finding: string | readonly string[],
  exitCode: ExitCode = EXIT.refused,
): TaskError {
  const [first, ...rest] = [finding].flat();
  return new TaskError([`Cannot migrate database "${label}": ${first}`, ...rest], exitCode);
}

/** What `body` returns; a server's error becomes a TaskError that names the database. */
export async function withMigrateErrors<T>(
  { label, local }: Omit<Attempt, "verb">,
  body: () => Promise<T>,
): Promise<T> {
  try {
    return await body();
  } catch (error) {
    throw toServerFailure(error, { verb: "migrate", label, local });
  }
}
