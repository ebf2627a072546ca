import type { Result } from "./cases.ts";
import type { Size } from "./server.ts";
import { costCells, COSTS, CPU, cpuCells, formatNumber, type Line, type Table } from "./table.ts";
import type { Writer } from "./writers.ts";

/** What was measured at one size. */
export interface Section {
  /** Rows and days. */
  readonly size: Size;
  /** Cases with their medians. */
  readonly results: readonly Result[];
}

/** What is known of a writer without a clock. */
export interface Known {
  /** Itself. */
  readonly writer: Writer;
  /** What it makes of the extremes of types, in one line. */
  readonly verdict: string;
}

/** All tables of the first size. */
export function toTables({ size, results }: Section, known: readonly Known[]): Table[] {
  return [
    loadTable(size, results, known),
    againTable(results, known),
    costTable("The harness, and what a task costs", results.filter(({ case: { part } }) => part === "beside"), results),
    costTable("Queries and the report", results.filter(({ case: { part } }) => part === "query"), results),
    cpuTable("CPU", results.filter(({ case: { part } }) => part === "load" || part === "again")),
  ];
}

/** Our export by size, where more than one was measured. */
export function growthTables(sections: readonly Section[]): Table[] {
  if (sections.length === 1) return [];
  const ordered = sections.toSorted((a, b) => a.size.rows - b.size.rows || b.size.days - a.size.days);
  return ["export", "direct"].flatMap((id) => {
    const lines = ordered.flatMap(({ size, results }) =>
      results.filter((result) => result.case.id === id).map((result) => [describe(size), ...costCells(result, results)])
    );
    const title = `The export by size${id === "direct" ? ", with --writer direct" : ""}`;
    return lines.length === 0 ? [] : [{ title, head: ["", ...COSTS], words: ["ratio"], lines }];
  });
}

/** Two tables of one measurement of its own: what it cost, and the CPU of it. */
export function asideTables(title: string, results: readonly Result[]): Table[] {
  return [costTable(title, results, results), cpuTable(`${title}: CPU`, results)];
}

/** A size in words. */
export function describe({ rows, days }: Size): string {
  return `${rows.toLocaleString("en-US")} rows over ${days === 1 ? "one day" : `${days.toLocaleString("en-US")} days`}`;
}

function loadTable(size: Size, results: readonly Result[], known: readonly Known[]): Table {
  const lines = results.filter(({ case: { part } }) => part === "load").map((result): Line => {
    const found = known.find(({ writer }) => writer.id === result.case.id);
    const incremental = found && (found.writer.isIncremental ? "yes" : "no");
    return [result.case.name, ...costCells(result, results), found?.verdict ?? "", incremental ?? ""];
  });
  const words = ["ratio", "exact, or what is lost", "incremental"];
  return { title: describe(size), head: ["", ...COSTS, ...words.slice(1)], words, lines };
}

/** Second runs, and the peers that have to do all of it again, whose full load is what it costs them. */
function againTable(results: readonly Result[], known: readonly Known[]): Table {
  const again = results.filter(({ case: { part } }) => part === "again");
  const bases = again.filter(({ case: { id } }) => id.startsWith("export-"));
  const whole = known.filter(({ writer }) => !writer.isIncremental).flatMap(({ writer }) =>
    results.filter((result) => result.case.id === writer.id)
  );
  const lines = whole.map(({ case: { name }, sample }): Line => {
    const ratios = bases.map((base) => `${formatNumber(sample.wallS / base.sample.wallS)} x ${base.case.id}`);
    return [`${name}: all of it again`, formatNumber(sample.wallS), "", "", "", ratios.join(", ")];
  });
  return {
    title: "Nothing changed, and one row of one day changed",
    head: ["", ...COSTS],
    words: ["ratio"],
    lines: [...again.map((result) => [result.case.name, ...costCells(result, results)]), ...lines],
  };
}

function costTable(title: string, shown: readonly Result[], all: readonly Result[]): Table {
  const lines = shown.map((result) => [result.case.name, ...costCells(result, all)]);
  return { title, head: ["", ...COSTS], words: ["ratio"], lines };
}

function cpuTable(title: string, shown: readonly Result[]): Table {
  const lines = shown.map((result) => [result.case.name, ...cpuCells(result)]);
  return { title, head: ["", ...CPU], words: [], lines };
}
