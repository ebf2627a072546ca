import { type Dataset, parseDataset } from "../../tasks/lib/dataset/dataset.ts";

const SELECT = "sql/export/checks.postgres.sql";

/** The dataset that every peer writes: the columns and types of our own files. */
export async function readDataset(): Promise<Dataset> {
  return parseDataset("checks", SELECT, await Deno.readTextFile(new URL(`../../${SELECT}`, import.meta.url)));
}

/** Its rows, in the order of our own files. */
export function orderedSelect({ select }: Dataset): string {
  return `select * from (${select}) as d order by d.created_at, d.id`;
}
