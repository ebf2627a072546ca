import type { PlotOptions } from "@observablehq/plot";
import type { Style } from "./palette.ts";

/** The marks of Observable Plot. */
export type PlotModule = typeof import("@observablehq/plot");

/** What a chart is drawn on. */
export interface Canvas {
  readonly plot: PlotModule;
  /** Width in CSS pixels; the height is the chart's own matter. */
  readonly width: number;
}

/** One drawing of a chart. */
export interface Panel {
  /** What it is a drawing of, where there are several. */
  readonly title?: string;
  /** What Plot is told. */
  draw(canvas: Canvas): PlotOptions;
}

/** A line of a legend. */
export interface Key {
  readonly name: string;
  readonly style: Style;
}

/** What a section shows of its rows. */
export interface View {
  /** The finding, made from the rows. */
  readonly title: string;
  /** How to read the chart. */
  readonly note: string;
  readonly legend?: readonly Key[];
  /** None where the rows do not make a chart. */
  readonly panels: readonly Panel[];
}
