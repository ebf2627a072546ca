import type { Dataset } from "../dataset/dataset.ts";
import { columnNames, metadataOf, type ParquetFooter } from "./footer.ts";

/** What a file of a lane says of itself in its key-value metadata. */
export interface FileMark {
  /** Its dataset. */
  readonly dataset: string;
  /** Columns that are NULL in every row. */
  readonly redacted: readonly string[];
}

/** Version of the mark, so that a later one can be told apart. */
const FORMAT = "2";

/** A mark as key-value metadata. */
export function formatMark({ dataset, redacted }: FileMark): ReadonlyMap<string, string> {
  return new Map([
    ["heretix.dataset", dataset],
    ["heretix.format", FORMAT],
    ["heretix.redacted", JSON.stringify([...redacted].sort())],
  ]);
}

/** The mark of a file; undefined where it has none that can be relied on. */
export function markOfFile(footer: ParquetFooter): FileMark | undefined {
  const metadata = metadataOf(footer);
  const dataset = metadata.get("heretix.dataset");
  if (dataset === undefined || metadata.get("heretix.format") !== FORMAT) return undefined;
  try {
    const redacted: unknown = JSON.parse(metadata.get("heretix.redacted") ?? "");
    const isList = Array.isArray(redacted) && redacted.every((name) => typeof name === "string");
    return isList ? { dataset, redacted } : undefined;
  } catch {
    return undefined;
  }
}

/** Whether a file has a dataset's columns: those that older exports wrote, and no others; `sort` has been in each. */
export function hasColumnsOf(footer: ParquetFooter, { columns, sort }: Pick<Dataset, "columns" | "sort">): boolean {
  const names = columnNames(footer);
  const known = new Set(columns.map(({ name }) => name));
  return names.every((name) => known.has(name)) && sort.every((name) => names.includes(name));
}
