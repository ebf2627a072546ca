import { normalizeCheck } from "./check_definition.ts";
import { type DroppedCheck, formatDroppedCheck } from "./dropped_checks.ts";
import { type ActualSchema, diffSchemas, keyOf, type SchemaDifference, type SchemaObject } from "./schema.ts";

/** What migrations make, one after the other: element N is the schema after file N, and the first one is empty. */
export type SchemaStates = readonly (readonly SchemaObject[])[];

/** How a database's schema compares with the one after a file. */
export interface SchemaComparison {
  /** What is wrong, sorted by kind and name. */
  readonly differences: readonly SchemaDifference[];
  /** What is worth knowing and in nobody's way; one line each. */
  readonly notes: readonly string[];
}

/** Compares a database with what files 1 to `version` make.
 *
 * What no file makes is a note, unless it refuses or changes what is written to a table that the files make. What other
 * files make, before or behind, is a difference. A check that the database says a migration has dropped is a note.
 */
export function compareWithState(states: SchemaStates, version: number, actual: ActualSchema): SchemaComparison {
  const wanted = states[version];
  const strangers = findStrangers(states, wanted, actual);
  const noteOf = (difference: SchemaDifference): string | undefined => {
    if (strangers.has(keyOf(difference))) return `${keyOf(difference)}: no migration makes it`;
    const dropped = actual.droppedChecks.find((check) => isDropped(check, difference));
    return dropped && formatDroppedCheck(dropped);
  };
  const all = diffSchemas(wanted, actual.objects).map((difference) => ({ difference, note: noteOf(difference) }));
  return {
    differences: all.filter(({ note }) => note === undefined).map(({ difference }) => difference),
    notes: all.flatMap(({ note }) => note ?? []),
  };
}

/** Keys of what no file makes and what is in no file's way. */
function findStrangers(
  states: SchemaStates,
  wanted: readonly SchemaObject[],
  { objects }: ActualSchema,
): ReadonlySet<string> {
  const made = new Set(states.flat().map(keyOf));
  const tables = new Set(wanted.map(({ table }) => table));
  const isStranger = (object: SchemaObject) =>
    !made.has(keyOf(object)) && !(object.binding && tables.has(object.table));
  return new Set(objects.filter(isStranger).map(keyOf));
}

/** Whether a difference is that a dropped check is not there; an earlier check of its name is another one. */
function isDropped({ table, name, condition }: DroppedCheck, difference: SchemaDifference): boolean {
  return keyOf(difference) === keyOf({ kind: "constraint", name: `${table}.${name}` }) &&
    difference.wanted === normalizeCheck(`CHECK (${condition})`);
}

/** The first file after which the schema is what a database has; undefined when there is none.
 *
 * A file that changes nothing which is compared can run again: the one before it is the safe answer.
 */
export function findState(states: SchemaStates, actual: ActualSchema): number | undefined {
  const versions = Array.from(states.keys()).slice(1);
  return versions.find((version) => compareWithState(states, version, actual).differences.length === 0);
}
