import { type Dataset, parseDataset } from "../../tasks/lib/dataset/dataset.ts";

const FILE = "sql/export/checks.postgres.sql";

/** The dataset "checks", as its file defines it. */
export const CHECKS: Dataset = parseDataset(
  "checks",
  FILE,
  await Deno.readTextFile(new URL(`../../${FILE}`, import.meta.url)),
);

/** "checks" with a few columns of its own and other ones. */
export function checksOf(columns: Dataset["columns"]): Dataset {
  return { ...CHECKS, columns, day: columns.find(({ name }) => name === CHECKS.day.name) ?? CHECKS.day };
}
