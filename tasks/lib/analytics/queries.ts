import { EXIT, TaskError } from "../task/errors.ts";
import { nearestOf } from "../task/nearest.ts";
import { PARAMETER_NAMES, type ParameterName } from "./parameters.ts";

/** One named query of analytics/queries.sql. */
export interface NamedQuery {
  /** After `-- name:`. */
  readonly name: string;
  /** One line on what it shows. */
  readonly description: string;
  /** Names of the parameters that it takes. */
  readonly params: readonly ParameterName[];
  /** One SELECT, without the final semicolon. */
  readonly sql: string;
}

/** The queries of a file, in its order: each `-- name: x`, a comment line that describes it, one SELECT.
 *
 * A line `-- params: a, b` between them has the parameters that a query takes, which else takes all.
 *
 * Errors: TaskError naming the query that has no description or no SQL, an unknown parameter, or the name that is there
 * twice.
 */
export function parseQueries(text: string): NamedQuery[] {
  const queries = text.replaceAll("\r\n", "\n").split(/^-- name: */m).slice(1).map(parseQuery);
  const twice = queries.find(({ name }, index) => queries.findIndex((other) => other.name === name) !== index);
  if (twice) throw new TaskError(`Cannot read query "${twice.name}": the name is there twice; rename one`);
  return queries;
}

function parseQuery(block: string): NamedQuery {
  const [title, comment = "", ...rest] = block.split("\n");
  const name = title.trim();
  const description = /^-- (.+)$/.exec(comment)?.[1];
  const listed = /^-- params: *(.+)$/.exec(rest[0] ?? "")?.[1];
  const sql = rest.slice(listed === undefined ? 0 : 1).join("\n").trim().replace(/;$/, "");
  if (!description || sql === "") {
    throw new TaskError(
      `Cannot read query "${name}": it lacks a description or SQL; write a comment line and a SELECT below it`,
    );
  }
  return { name, description, params: listed === undefined ? PARAMETER_NAMES : parseParams(name, listed), sql };
}

function parseParams(query: string, listed: string): ParameterName[] {
  return listed.split(",").map((text) => {
    const name = PARAMETER_NAMES.find((known) => known === text.trim());
    if (name) return name;
    throw new TaskError(
      `Cannot read query "${query}": there is no parameter "${text.trim()}"; take some of ${
        PARAMETER_NAMES.join(", ")
      }`,
    );
  });
}

/** The queries with these names, in the order of the names.
 *
 * Errors: TaskError (exit 2) with the name that was meant, or all there are.
 */
export function pickQueries(queries: readonly NamedQuery[], names: readonly string[]): NamedQuery[] {
  return names.map((name) => {
    const query = queries.find((candidate) => candidate.name === name);
    if (query) return query;
    const known = queries.map((candidate) => candidate.name);
    const near = nearestOf(name, known);
    const advice = near ? `did you mean "${near}"? See deno task analytics --list` : `take one of ${known.join(", ")}`;
    throw new TaskError(`Cannot run query "${name}": there is no such query; ${advice}`, EXIT.usage);
  });
}

/** Names and descriptions, one a line. */
export function formatQueryList(queries: readonly NamedQuery[]): string[] {
  const width = Math.max(...queries.map(({ name }) => name.length)) + 2;
  return queries.map(({ name, description }) => name.padEnd(width) + description);
}
