import type { ActualSchema } from "./schema.ts";
import { findState, type SchemaStates } from "./schema_states.ts";

/** Which --baseline adopts a database. */
export function adviseBaseline(states: SchemaStates, actual: ActualSchema): string {
  const version = findState(states, actual);
  return version === undefined
    ? "it looks like no N: correct what --baseline N lists, and adopt it then"
    : `it looks like N = ${version}, adopt it with --baseline ${version}`;
}
