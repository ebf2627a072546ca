import { isDay } from "../dataset/day.ts";
import { EXIT, TaskError } from "../task/errors.ts";
import type { NamedQuery } from "./queries.ts";

/** What the queries can be asked about: a column each of the view `asked` in analytics/catalog.sql. */
export const PARAMETERS = {
  model: { type: "text", help: "rows of this model" },
  env: { type: "text", help: "rows of this env" },
  claim: { type: "text", help: "claims with this text in them, in any case, or this hash" },
  since: { type: "day", help: "rows from this UTC day on, for short --since" },
  until: { type: "day", help: "rows up to this UTC day, for short --until" },
} as const;

/** Name of a parameter. */
export type ParameterName = keyof typeof PARAMETERS;

/** What was asked about; what is not there is left open. */
export type Asked = Readonly<Partial<Record<ParameterName, string>>>;

/** Names of all parameters. */
export const PARAMETER_NAMES = Object.keys(PARAMETERS) as ParameterName[];

/** What the texts NAME=VALUE ask about.
 *
 * Errors: TaskError (exit 2) for a text of another form, a name that is not there or is there twice, a value that is no
 * day where one is wanted, and a range that ends before it begins.
 */
export function parseParameters(given: readonly string[]): Asked {
  const asked: Partial<Record<ParameterName, string>> = {};
  for (const text of given) {
    const [, name, value] = /^([^=]*)=([^]*)$/.exec(text) ?? [undefined, text, undefined];
    requireName(name);
    if (name in asked) throw refused(name, "it is given twice; give it once");
    asked[name] = requireValue(name, value);
  }
  if (asked.since && asked.until && asked.since > asked.until) {
    throw refused("since", `${asked.since} is after ${asked.until}, which "until" has; exchange them`);
  }
  return asked;
}

function requireName(name: string): asserts name is ParameterName {
  if (!Object.hasOwn(PARAMETERS, name)) {
    throw refused(name, `there is no such parameter; take one of ${PARAMETER_NAMES.join(", ")}`);
  }
}

function requireValue(name: ParameterName, value: string | undefined): string {
  if (!value) throw refused(name, `it has no value; give it as ${name}=VALUE`);
  if (PARAMETERS[name].type === "day" && !isDay(value)) {
    throw refused(name, `"${value}" is no day; give it as YYYY-MM-DD`);
  }
  return value;
}

function refused(name: string, finding: string): TaskError {
  return new TaskError(`Cannot take parameter "${name}": ${finding}`, EXIT.usage);
}

/** Throws unless a query takes all that is asked about.
 *
 * Errors: TaskError (exit 2) naming what it takes.
 */
export function requireTaken(query: Pick<NamedQuery, "name" | "params">, asked: Asked): void {
  const other = PARAMETER_NAMES.find((name) => name in asked && !query.params.includes(name));
  if (other) {
    throw new TaskError(
      `Cannot run query "${query.name}": it takes no parameter "${other}"; give it ${
        query.params.join(", ")
      } or nothing`,
      EXIT.usage,
    );
  }
}

/** What `--param` takes, one line a parameter, and the queries that do not take all of them. */
export function formatParameters(queries: readonly NamedQuery[]): string[] {
  const width = Math.max(...PARAMETER_NAMES.map((name) => name.length)) + 2;
  const lines = PARAMETER_NAMES.map((name) => {
    const { type, help } = PARAMETERS[name];
    return `  ${name.padEnd(width)}${type.padEnd(4)}  ${help}`;
  });
  const some = queries.filter(({ params }) => params.length < PARAMETER_NAMES.length);
  return [
    "--param NAME=VALUE, repeatable, asks about some rows:",
    ...lines,
    ...some.map(({ name, params }) => `  ${name} takes ${params.join(", ")} alone`),
  ];
}
