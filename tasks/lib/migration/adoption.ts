import { LEDGER } from "./ledger.ts";
import type { ActualSchema } from "../schema/schema.ts";
import { findState, type SchemaStates } from "../schema/states.ts";

/** Table in which Alembic, the tool of the backend, keeps its own revision. */
export const ALEMBIC_TABLE = "alembic_version";

/** What to do about a database that Alembic made and that is not adopted. */
export function describeAlembic(states: SchemaStates, actual: ActualSchema): string {
  return `Alembic made it, and it has no ledger of these files in ${LEDGER}; ${adviseBaseline(states, actual)}`;
}

/** Which --baseline adopts a database. */
export function adviseBaseline(states: SchemaStates, actual: ActualSchema): string {
  const version = findState(states, actual);
  return version === undefined
    ? "it looks like no N: correct what --baseline N lists, and adopt it then"
    : `it looks like N = ${version}, adopt it with --baseline ${version}`;
}
