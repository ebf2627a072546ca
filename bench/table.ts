import type { Result } from "./cases.ts";

/** The cells of one line of a table. */
export type Line = readonly string[];

/** A table under a heading of its own; its first column is words, and so are those that `words` names. */
export interface Table {
  /** Heading. */
  readonly title: string;
  /** Names of its columns; the first one has none. */
  readonly head: Line;
  /** Names of the columns of words. */
  readonly words: readonly string[];
  /** One line a case. */
  readonly lines: readonly Line[];
}

/** A table in Markdown whose cells line up, so that it reads as well on a terminal. */
export function formatTable({ title, head, words, lines }: Table): string {
  const all = [head, head.map(() => ""), ...lines];
  const widths = head.map((_, index) => Math.max(3, ...all.map((line) => line[index].length)));
  const text = all.map((line, row) => {
    const cells = line.map((cell, index) => {
      const isNumber = index > 0 && !words.includes(head[index]);
      if (row === 1) {
        return isNumber ? `${"-".repeat(widths[index] - 1)}:` : "-".repeat(widths[index]);
      }
      return isNumber ? cell.padStart(widths[index]) : cell.padEnd(widths[index]);
    });
    return `| ${cells.join(" | ")} |\n`;
  });
  return `## ${title}\n\n${text.join("")}`;
}

/** Names of the cells of `costCells`. */
export const COSTS: Line = ["wall s", "CPU s", "peak RSS MB", "rows/s", "ratio"];

/** What a result has cost, and its ratios to others of the same run. */
export function costCells(result: Result, all: readonly Result[]): Line {
  const { case: { rows, against }, sample } = result;
  const ratios = against.flatMap((id) => {
    const base = all.find((other) => other.case.id === id);
    return base ? `${formatNumber(sample.wallS / base.sample.wallS)} x ${id}` : [];
  });
  return [
    formatNumber(sample.wallS),
    formatMaybe(sample.cpuS),
    sample.peakMb === undefined ? "" : sample.peakMb.toFixed(0),
    rows === undefined ? "" : Math.round(rows / sample.wallS).toLocaleString("en-US"),
    ratios.join(", "),
  ];
}

/** Names of the cells of `cpuCells`. */
export const CPU: Line = [
  "client s",
  "main thread s",
  "server s",
  "client us/row",
  "main thread us/row",
  "server us/row",
];

/** The CPU of a result, whole and a row. */
export function cpuCells({ case: { rows }, sample }: Result): Line {
  const seconds = [sample.cpuS, sample.mainThreadCpuS, sample.serverCpuS];
  const perRow = seconds.map((cpuS) => cpuS === undefined || rows === undefined ? undefined : 1e6 * cpuS / rows);
  return [...seconds, ...perRow].map(formatMaybe);
}

function formatMaybe(value: number | undefined): string {
  return value === undefined ? "" : formatNumber(value);
}

/** Two digits after the point, one from ten upward. */
export function formatNumber(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
