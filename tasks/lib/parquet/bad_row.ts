import { fieldOf } from "../copy/decode.ts";
import type { CopyValueError } from "../copy/errors.ts";
import { type Column, type Dataset, fieldOrder } from "../dataset/dataset.ts";
import type { BadRow } from "../dataset/source.ts";
import { TaskError } from "../task/errors.ts";

/** What tells a row apart and which sources there are. */
export type RowNames = Pick<Dataset, "columns" | "day" | "label" | "hasSources">;

/** The row that has a value without a representation. */
export function badRowOf({ tuple, column, message }: CopyValueError, dataset: RowNames): BadRow {
  const order = fieldOrder(dataset);
  const text = (name: string) => {
    const field = order.findIndex((column) => column.name === name);
    return textOf(fieldOf(tuple, field), order[field]);
  };
  const source = dataset.hasSources ? text("source") : "postgres";
  return { name: text(dataset.label.column), source, finding: `column "${column}" ${message}` };
}

/** A field as text; a uuid as its digits. */
function textOf(bytes: Uint8Array | null, { layout }: Column): string {
  if (bytes === null) return "";
  return layout === "uuid"
    ? bytes.toHex().replace(/^(.{8})(.{4})(.{4})(.{4})/, "$1-$2-$3-$4-")
    : new TextDecoder().decode(bytes);
}

/** The error of an export that leaves no row out. */
export function badRowError({ name, finding }: BadRow, { label }: RowNames): TaskError {
  return new TaskError(
    `Cannot export ${label.noun} "${name}": ${finding}; correct the row, or leave it out with --skip-bad-rows`,
  );
}
