import { EXIT, TaskError } from "../task/errors.ts";

/** One named query of analytics/queries.sql. */
export interface NamedQuery {
  /** After `-- name:`. */
  readonly name: string;
  /** One line on what it shows. */
  readonly description: string;
  /** One SELECT, without the final semicolon. */
  readonly sql: string;
}

/** The queries of a file, in its order: each `-- name: x`, a comment line that describes it, one SELECT.
 *
 * Errors: TaskError naming the query that has no description or no SQL, or the name that is there twice.
 */
export function parseQueries(text: string): NamedQuery[] {
  const queries = text.replaceAll("\r\n", "\n").split(/^-- name: */m).slice(1).map(parseQuery);
  const twice = queries.find(({ name }, index) => queries.findIndex((other) => other.name === name) !== index);
  if (twice) throw new TaskError(`Cannot read query "${twice.name}": the name is there twice; rename one`);
  return queries;
}

function parseQuery(block: string): NamedQuery {
  const [name, comment = "", ...rest] = block.split("\n");
  const description = /^-- (.+)$/.exec(comment)?.[1];
  const sql = rest.join("\n").trim().replace(/;$/, "");
  if (!description || sql === "") {
    throw new TaskError(
      `Cannot read query "${name.trim()}": it lacks a description or SQL; write a comment line and a SELECT below it`,
    );
  }
  return { name: name.trim(), description, sql };
}

/** The queries with these names, in the order of the names.
 *
 * Errors: TaskError (exit 2) listing the names there are.
 */
export function pickQueries(queries: readonly NamedQuery[], names: readonly string[]): NamedQuery[] {
  return names.map((name) => {
    const query = queries.find((candidate) => candidate.name === name);
    if (query) return query;
    const known = queries.map((candidate) => candidate.name).join(", ");
    throw new TaskError(`Cannot run query "${name}": there is no such query; take one of ${known}`, EXIT.usage);
  });
}

/** Names and descriptions, one a line. */
export function formatQueryList(queries: readonly NamedQuery[]): string[] {
  const width = Math.max(...queries.map(({ name }) => name.length)) + 2;
  return queries.map(({ name, description }) => name.padEnd(width) + description);
}
