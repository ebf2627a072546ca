import type { Catalog } from "../analytics/catalog.ts";
import type { NamedQuery } from "../analytics/queries.ts";
import { pickQueries } from "../analytics/queries.ts";
import type { Answer } from "./answer.ts";
import { formatPage, PAGE_QUERIES } from "./page.ts";
import { openPen } from "./pen.ts";

/** What a report is made from. */
export interface ReportInput {
  /** The lake. */
  readonly catalog: Catalog;
  /** The queries of analytics/queries.sql. */
  readonly queries: readonly NamedQuery[];
  /** analytics/report.css. */
  readonly css: string;
  /** When it is made. */
  readonly madeAt: Date;
}

/** The page over a lake, as HTML. */
export async function makeReport({ catalog, queries, css, madeAt }: ReportInput): Promise<string> {
  const answers = await askAll(catalog, queries);
  return await formatPage({ answers, css, madeAt, pen: await openPen() });
}

/** The queries that a page asks, of those of analytics/queries.sql. */
export function queriesOfPage(queries: readonly NamedQuery[]): readonly NamedQuery[] {
  return pickQueries(queries, PAGE_QUERIES.map(({ query }) => query));
}

async function askAll(catalog: Catalog, queries: readonly NamedQuery[]): Promise<Map<string, Answer>> {
  const answers = new Map<string, Answer>();
  for (const { query, dataset } of PAGE_QUERIES) {
    if (dataset !== undefined && !catalog.datasets.has(dataset)) continue;
    const [named] = pickQueries(queries, [query]);
    answers.set(query, { ...named, result: await catalog.query(named) });
  }
  return answers;
}
