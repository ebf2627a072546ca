/** What a Postgres error tells: SQLSTATE or network code, message and, where the server gave one, the 1-based position in code points. */
export interface ServerError {
  /** SQLSTATE, or a network code; empty for neither. */
  readonly code: string;
  /** What the server says. */
  readonly message: string;
  /** Where in the statement, in code points from 1. */
  readonly position?: number;
  /** What the server advises. */
  readonly hint?: string;
  /** More about it; can quote rows. */
  readonly detail?: string;
}

/** SQLSTATE or network code, message and position of anything that postgres.js throws. */
export function serverErrorOf(error: unknown): ServerError {
  const { code, message, position, hint, detail } = error as Partial<Record<string, string>>;
  return {
    code: code ?? "",
    message: message ?? String(error),
    ...(position ? { position: Number(position) } : {}),
    ...(hint ? { hint } : {}),
    ...(detail ? { detail } : {}),
  };
}

/** SQLSTATE classes whose messages can quote what is in a row: data exception, integrity violation, and what functions raise. */
const CAN_QUOTE_ROWS = /^(22|23|P0)/;

/** Whether a code says that the session is gone: the connection broke, or an administrator or a crash ended it. */
export function isLostSession(code: string): boolean {
  return /^CONNECTION_|^ECONNRESET$|^EPIPE$|^ERR_STREAM_|^57P0[125]$/.test(code);
}

/** One line about a server's error; detail, and messages that can quote a row, only for hosts that are local. */
export function describeServerError(error: unknown, { local }: { readonly local: boolean }): string {
  const { code, message, detail, hint } = serverErrorOf(error);
  if (isLostSession(code)) return "the connection was lost";
  const state = /^[0-9A-Z]{5}$/.test(code) ? ` (${code})` : "";
  if (local) return oneLine(`${message}${detail ? `: ${detail}` : ""}${state}`);
  if (CAN_QUOTE_ROWS.test(code)) {
    return oneLine(`${nameOfState(code)}${constraintOf(error)}, its values not shown${state}`);
  }
  return oneLine(`${message}${hint ? ` (${hint})` : ""}${state}`);
}

function oneLine(text: string): string {
  return text.replace(/\s+/g, " ");
}

const STATES: Readonly<Record<string, string>> = {
  "22001": "a text is too long for its column",
  "22003": "a number is out of range",
  "22012": "division by zero",
  "22P02": "a text does not have the form of its type",
  "23502": "a NULL where none is allowed",
  "23503": "a row that is referred to is not there",
  "23505": "a value that must be unique is there twice",
  "23514": "a row violates a check",
  P0001: "the SQL raised an exception",
};

function nameOfState(code: string): string {
  return STATES[code] ?? (code.startsWith("23") ? "a constraint is violated" : "a value is refused");
}

/** Names of table, column and constraint: they belong to the schema, not to a row. */
function constraintOf(error: unknown): string {
  const { table_name, column_name, constraint_name } = error as Partial<Record<string, string>>;
  const parts = [
    table_name && `table "${table_name}"`,
    column_name && `column "${column_name}"`,
    constraint_name && `constraint "${constraint_name}"`,
  ].filter(Boolean);
  return parts.length > 0 ? ` in ${parts.join(", ")}` : "";
}
