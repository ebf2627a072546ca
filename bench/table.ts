import type { Result } from "./cases.ts";

const HEAD = ["", "wall s", "CPU s", "peak RSS MB", "rows/s", "ratio"];

/** The results as a Markdown table whose cells line up, so that it reads as well on a terminal. */
export function formatTable(results: readonly Result[]): string {
  const body = results.map((result) => toCells(result, results));
  const lines = [HEAD, HEAD.map(() => ""), ...body];
  const widths = HEAD.map((_, index) =>
    Math.max(3, ...lines.map((line) => line[index].length))
  );
  return lines.map((line, row) => {
    const cells = line.map((cell, index) => {
      const isNumber = index > 0 && index < HEAD.length - 1;
      if (row === 1) {
        return isNumber
          ? `${"-".repeat(widths[index] - 1)}:`
          : "-".repeat(widths[index]);
      }
      return isNumber
        ? cell.padStart(widths[index])
        : cell.padEnd(widths[index]);
    });
    return `| ${cells.join(" | ")} |\n`;
  }).join("");
}

function toCells(
  { case: { name, rows, against }, sample }: Result,
  all: readonly Result[],
): string[] {
  const ratios = against.flatMap((id) => {
    const base = all.find((other) => other.case.id === id);
    return base
      ? `${formatNumber(sample.wallS / base.sample.wallS)} x ${base.case.id}`
      : [];
  });
  return [
    name,
    formatNumber(sample.wallS),
    sample.cpuS === undefined ? "" : formatNumber(sample.cpuS),
    sample.peakMb === undefined ? "" : sample.peakMb.toFixed(0),
    rows === undefined
      ? ""
      : Math.round(rows / sample.wallS).toLocaleString("en-US"),
    ratios.join(", "),
  ];
}

/** Two digits after the point, one from ten upward. */
function formatNumber(value: number): string {
  return value.toFixed(value < 10 ? 2 : 1);
}
