import type { Result } from "./cases.ts";

const HEAD = ["", "wall s", "CPU s", "peak RSS MB", "rows/s", "ratio"];

/** The cells of one line of a table. */
export type Line = readonly string[];

/** Lines as a Markdown table whose cells line up, so that it reads as well on a terminal. */
export function formatTable(lines: readonly Line[]): string {
  const all = [HEAD, HEAD.map(() => ""), ...lines];
  const widths = HEAD.map((_, index) => Math.max(3, ...all.map((line) => line[index].length)));
  return all.map((line, row) => {
    const cells = line.map((cell, index) => {
      const isNumber = index > 0 && index < HEAD.length - 1;
      if (row === 1) {
        return isNumber ? `${"-".repeat(widths[index] - 1)}:` : "-".repeat(widths[index]);
      }
      return isNumber ? cell.padStart(widths[index]) : cell.padEnd(widths[index]);
    });
    return `| ${cells.join(" | ")} |\n`;
  }).join("");
}

/** The line of one result, its ratios to others of the same run, named as its case or otherwise. */
export function toLine(result: Result, all: readonly Result[], name: string = result.case.name): Line {
  const { case: { rows, against }, sample } = result;
  const ratios = against.flatMap((id) => {
    const base = all.find((other) => other.case.id === id);
    return base ? `${formatNumber(sample.wallS / base.sample.wallS)} x ${id}` : [];
  });
  return [
    name,
    formatNumber(sample.wallS),
    sample.cpuS === undefined ? "" : formatNumber(sample.cpuS),
    sample.peakMb === undefined ? "" : sample.peakMb.toFixed(0),
    rows === undefined ? "" : Math.round(rows / sample.wallS).toLocaleString("en-US"),
    ratios.join(", "),
  ];
}

/** Two digits after the point, one from ten upward. */
function formatNumber(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
