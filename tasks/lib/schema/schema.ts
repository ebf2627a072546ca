import type { DroppedCheck } from "./dropped_checks.ts";

/** Kinds of schema objects, in the order they are reported. */
export const SCHEMA_KINDS = [
  "enum",
  "sequence",
  "table",
  "column",
  "constraint",
  "index",
  "trigger",
  "rule",
  "view",
  "materialized view",
  "function",
] as const;

/** One of the kinds. */
export type SchemaKind = (typeof SCHEMA_KINDS)[number];

/** One object of the public schema. */
export interface SchemaObject {
  /** What it is. */
  readonly kind: SchemaKind;
  /** The table it is part of, a table itself included; null for what stands alone. */
  readonly table: string | null;
  /** Unique within its kind, quoted where SQL needs quotes: `things."K"` is a column. */
  readonly name: string;
  /** The rest of its SQL, equal for equal objects. */
  readonly definition: string;
  /** Whether it may refuse, or change, what is written to its table by those who do not know of it. */
  readonly binding: boolean;
}

/** One object that is not what it should be. */
export interface SchemaDifference extends Pick<SchemaObject, "kind" | "name"> {
  /** Null for an object that should not be there. */
  readonly wanted: string | null;
  /** Null for an object that is not there. */
  readonly found: string | null;
}

/** Everything that is compared of a database. */
export interface ActualSchema {
  /** What its public schema holds. */
  readonly objects: readonly SchemaObject[];
  /** What it lacks, and says so. */
  readonly droppedChecks: readonly DroppedCheck[];
}

/** Objects by kind, then by name. */
export function byKindAndName(
  a: Pick<SchemaObject, "kind" | "name">,
  b: Pick<SchemaObject, "kind" | "name">,
): number {
  return SCHEMA_KINDS.indexOf(a.kind) - SCHEMA_KINDS.indexOf(b.kind) ||
    (a.name < b.name ? -1 : a.name > b.name ? 1 : 0);
}

/** What has to change in the actual schema to make it the wanted one, sorted by kind and name.
 *
 * A table that is missing, or too many, is one difference: its parts are not listed.
 */
export function diffSchemas(wanted: readonly SchemaObject[], actual: readonly SchemaObject[]): SchemaDifference[] {
  return [
    ...lacking(wanted, actual).map(({ kind, name, definition }) => ({ kind, name, wanted: definition, found: null })),
    ...lacking(actual, wanted).map(({ kind, name, definition }) => ({ kind, name, wanted: null, found: definition })),
    ...changed(wanted, actual),
  ].sort(byKindAndName);
}

/** Objects of one schema that another has none of, without the parts of a table that it lacks as a whole. */
function lacking(objects: readonly SchemaObject[], others: readonly SchemaObject[]): SchemaObject[] {
  const present = new Set(others.map(keyOf));
  const missing = objects.filter((object) => !present.has(keyOf(object)));
  const tables = new Set(missing.filter(({ kind }) => kind === "table").map(({ name }) => name));
  return missing.filter(({ kind, table }) => kind === "table" || table === null || !tables.has(table));
}

function changed(wanted: readonly SchemaObject[], actual: readonly SchemaObject[]): SchemaDifference[] {
  const definitions = new Map(actual.map((object) => [keyOf(object), object.definition]));
  return wanted.flatMap((object) => {
    const found = definitions.get(keyOf(object));
    if (found === undefined || found === object.definition) return [];
    return [{ kind: object.kind, name: object.name, wanted: object.definition, found }];
  });
}

/** What tells objects of a schema apart. */
export const keyOf = ({ kind, name }: Pick<SchemaObject, "kind" | "name">): string => `${kind} ${name}`;

/** One line per difference: `column things.seed: wanted numeric(20,0), found bigint`. */
export function formatDifferences(differences: readonly SchemaDifference[]): string[] {
  const text = (definition: string | null) => definition?.trim().replace(/\s+/g, " ") ?? "nothing";
  return differences
    .map(({ kind, name, wanted, found }) => `${kind} ${name}: wanted ${text(wanted)}, found ${text(found)}`);
}
