import { escapeHtml } from "./html.ts";

/** One colour of a chart: its name and, for each group, its value; null where there is none. */
export interface Series {
  readonly name: string;
  readonly values: readonly (number | null)[];
}

/** Values of several series by group. */
export interface GroupedValues {
  /** Labels along the axis: days, claims, versions. */
  readonly groups: readonly string[];
  readonly series: readonly Series[];
}

/** One mark of a calibration chart. */
export interface CalibrationPoint {
  /** Index of its series' colour. */
  readonly series: number;
  /** Mean of the predicted probabilities. */
  readonly predicted: number;
  /** Share that turned out true. */
  readonly actual: number;
  readonly runs: number;
}

const WIDTH = 770;
const LEFT = 48;
const RIGHT = 12;
const TOP = 12;
const PLOT_WIDTH = WIDTH - LEFT - RIGHT;
const LABEL_WIDTH = 300;
const ROW_HEIGHT = 26;

/** Bars per group, the series of one on top of each other. */
export function stackedBars(label: string, { groups, series }: GroupedValues): string {
  const totals = groups.map((_, index) => sum(series.map(({ values }) => values[index] ?? 0)));
  const axis = toAxis(Math.max(...totals, 0));
  const height = 200;
  const step = PLOT_WIDTH / Math.max(groups.length, 1);
  const bars = groups.flatMap((group, index) => {
    let top = TOP + height;
    return series.map(({ name, values }, colour) => {
      const size = (values[index] ?? 0) / axis.max * height;
      top -= size;
      const x = LEFT + index * step + step * 0.1;
      return size === 0
        ? ""
        : rect({ x, y: top, width: step * 0.8, height: size, colour }, `${group} · ${name}: ${text(values[index]!)}`);
    });
  });
  return svg(label, TOP + height + 28, [
    valueAxis(axis, height),
    ...bars,
    groupLabels(groups, step, TOP + height + 18),
  ]);
}

/** A line per series over the groups; a group without a value is a gap. */
export function lines(label: string, { groups, series }: GroupedValues, max: number): string {
  const height = 200;
  const axis = toAxis(max);
  const step = PLOT_WIDTH / Math.max(groups.length, 1);
  const x = (index: number) => LEFT + (index + 0.5) * step;
  const y = (value: number) => TOP + height * (1 - value / axis.max);
  const marks = series.flatMap(({ name, values }, colour) => {
    const path = values.map((value, index) =>
      value === null ? "" : `${index === 0 || values[index - 1] === null ? "M" : "L"}${at(x(index))},${at(y(value))}`
    ).join("");
    const dots = values.map((value, index) =>
      value === null
        ? ""
        : circle({ x: x(index), y: y(value), radius: 3, colour }, `${groups[index]} · ${name}: ${value}`)
    );
    return [`<path class="line s${colour % 6}" d="${path}"/>`, ...dots];
  });
  return svg(label, TOP + height + 28, [
    valueAxis(axis, height),
    ...marks,
    groupLabels(groups, step, TOP + height + 18),
  ]);
}

/** A row per group with a dot per series between 0 and 1, and a bar from the lowest to the highest. */
export function dotRows(label: string, { groups, series }: GroupedValues): string {
  const x = (value: number) => LABEL_WIDTH + (WIDTH - LABEL_WIDTH - RIGHT - 8) * value;
  const rows = groups.flatMap((group, index) => {
    const y = TOP + (index + 0.5) * ROW_HEIGHT;
    const values = series.flatMap((one) => one.values[index] ?? []);
    const [from, to] = [x(Math.min(...values)), x(Math.max(...values))].map(at);
    const range = values.length > 1 ? [`<line class="range" x1="${from}" x2="${to}" y1="${y}" y2="${y}"/>`] : [];
    const dots = series.map(({ name, values }, colour) => {
      const value = values[index];
      return value === null ? "" : circle({ x: x(value), y, radius: 6, colour }, `${group} · ${name}: ${value}`);
    });
    return [rowLabel(group, y), ...range, ...dots];
  });
  const height = TOP + groups.length * ROW_HEIGHT;
  return svg(label, height + 24, [...shareAxis(x, height), ...rows]);
}

/** A row per group, the series side by side as parts of a whole bar, each with its number. */
export function shareRows(label: string, { groups, series }: GroupedValues): string {
  const width = WIDTH - LABEL_WIDTH - RIGHT;
  const rows = groups.flatMap((group, index) => {
    const y = TOP + index * ROW_HEIGHT;
    const total = sum(series.map(({ values }) => values[index] ?? 0)) || 1;
    let x = LABEL_WIDTH;
    const parts = series.map(({ name, values }, colour) => {
      const value = values[index] ?? 0;
      const size = value / total * width;
      x += size;
      if (size === 0) return "";
      const bar = { x: x - size, y: y + 3, width: Math.max(size - 2, 1), height: ROW_HEIGHT - 6, colour };
      const number = size < 24
        ? ""
        : `<text class="inside" x="${at(x - size / 2 - 1)}" y="${at(y + ROW_HEIGHT / 2 + 4)}">${text(value)}</text>`;
      return rect(bar, `${group} · ${name}: ${text(value)}`) + number;
    });
    return [rowLabel(group, y + ROW_HEIGHT / 2), ...parts];
  });
  return svg(label, TOP + groups.length * ROW_HEIGHT + 8, rows);
}

/** Predicted against actual shares; on the diagonal a model is right as often as it says. */
export function calibration(label: string, points: readonly CalibrationPoint[]): string {
  const size = 320;
  const x = (value: number) => LEFT + size * value;
  const y = (value: number) => TOP + size * (1 - value);
  const most = Math.max(...points.map(({ runs }) => runs), 1);
  const grid = [0, 0.25, 0.5, 0.75, 1].flatMap((tick) => [
    `<line class="grid" x1="${at(x(0))}" x2="${at(x(1))}" y1="${at(y(tick))}" y2="${at(y(tick))}"/>`,
    `<text class="tick end" x="${LEFT - 8}" y="${at(y(tick) + 4)}">${tick}</text>`,
    `<text class="tick middle" x="${at(x(tick))}" y="${TOP + size + 26}">${tick}</text>`,
  ]);
  const marks = points.map(({ series, predicted, actual, runs }) =>
    circle(
      { x: x(predicted), y: y(actual), radius: 4 + 12 * Math.sqrt(runs / most), colour: series },
      `predicted ${predicted.toFixed(2)}, true ${actual.toFixed(2)}, ${runs} runs`,
    )
  );
  return svg(label, TOP + size + 52, [
    ...grid,
    `<line class="diagonal" x1="${x(0)}" y1="${y(0)}" x2="${x(1)}" y2="${y(1)}"/>`,
    ...marks,
    `<text class="tick middle" x="${x(0.5)}" y="${TOP + size + 46}">predicted probability</text>`,
  ], LEFT + size + RIGHT);
}

/** What the colours of a chart stand for. */
export function legend(names: readonly string[]): string {
  const items = names.map((name, index) => `<li><i class="s${index % 6}"></i>${escapeHtml(name)}</li>`);
  return names.length === 0 ? "" : `<ul class="legend">${items.join("")}</ul>`;
}

interface Axis {
  readonly max: number;
  readonly ticks: readonly number[];
}

/** Four or five round steps from 0 to at least `most`. */
function toAxis(most: number): Axis {
  if (!(most > 0)) return { max: 1, ticks: [0, 1] };
  const rough = most / 4;
  const magnitude = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * magnitude).find((candidate) => candidate >= rough)!;
  const count = Math.ceil(most / step - 1e-9);
  return { max: step * count, ticks: Array.from({ length: count + 1 }, (_, index) => index * step) };
}

function valueAxis({ max, ticks }: Axis, height: number): string {
  return ticks.map((tick) => {
    const y = TOP + height * (1 - tick / max);
    return `<line class="grid" x1="${LEFT}" x2="${WIDTH - RIGHT}" y1="${at(y)}" y2="${at(y)}"/>` +
      `<text class="tick end" x="${LEFT - 8}" y="${at(y + 4)}">${text(tick)}</text>`;
  }).join("");
}

function shareAxis(x: (value: number) => number, height: number): string[] {
  return [0, 0.25, 0.5, 0.75, 1].map((tick) =>
    `<line class="grid" x1="${at(x(tick))}" x2="${at(x(tick))}" y1="${TOP}" y2="${height}"/>` +
    `<text class="tick middle" x="${at(x(tick))}" y="${height + 16}">${tick}</text>`
  );
}

/** As many labels as fit, the last one among them. */
function groupLabels(groups: readonly string[], step: number, y: number): string {
  const every = Math.max(1, Math.ceil(78 / step));
  return groups.map((group, index) => {
    if ((groups.length - 1 - index) % every !== 0) return "";
    const x = Math.min(LEFT + (index + 0.5) * step, WIDTH - 34);
    return `<text class="tick middle" x="${at(x)}" y="${y}">${escapeHtml(group)}</text>`;
  }).join("");
}

function rowLabel(label: string, y: number): string {
  const characters = [...label];
  const short = characters.length > 44 ? `${characters.slice(0, 43).join("")}…` : label;
  return `<text class="label end" x="${LABEL_WIDTH - 12}" y="${at(y + 4)}">${escapeHtml(short)}${titled(label)}</text>`;
}

/** What shows while the mouse is on a mark. */
function titled(title: string): string {
  return `<title>${escapeHtml(title)}</title>`;
}

type Box = Readonly<Record<"x" | "y" | "width" | "height" | "colour", number>>;

function rect({ x, y, width, height, colour }: Box, title: string): string {
  const place = `x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}"`;
  return `<rect class="s${colour % 6}" ${place}>${titled(title)}</rect>`;
}

type Dot = Readonly<Record<"x" | "y" | "radius" | "colour", number>>;

function circle({ x, y, radius, colour }: Dot, title: string): string {
  const place = `cx="${at(x)}" cy="${at(y)}" r="${at(radius)}"`;
  return `<circle class="s${colour % 6}" ${place}>${titled(title)}</circle>`;
}

function svg(label: string, height: number, parts: readonly string[], width = WIDTH): string {
  return `<svg viewBox="0 0 ${width} ${at(height)}" style="max-width:${width}px" role="img" aria-label="${
    escapeHtml(label)
  }">${parts.join("")}</svg>`;
}

function at(value: number): string {
  return String(Math.round(value * 100) / 100);
}

/** A number without the noise of binary fractions. */
function text(value: number): string {
  return String(Number(value.toPrecision(6)));
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
