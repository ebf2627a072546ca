import type { Column } from "./dataset.ts";
import { columnNames, metadataOf, type ParquetFooter } from "./parquet_footer.ts";

/** What a file of a lane says of itself in its key-value metadata. */
export interface FileMark {
  /** Its dataset, for example "checks". */
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

/** Columns that every file of a lane has had since the first one. */
const FIRST_COLUMNS = ["run_id", "created_at", "execution_id", "source"];

/** Whether a file has a dataset's columns: those that older exports wrote, and no others. */
export function hasColumnsOf(footer: ParquetFooter, columns: readonly Column[]): boolean {
  const names = columnNames(footer);
  const known = new Set(columns.map(({ name }) => name));
  return names.every((name) => known.has(name)) && FIRST_COLUMNS.every((name) => names.includes(name));
}
