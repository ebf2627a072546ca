/** How one series is drawn and told from others: never by its colour alone. */
export interface Style {
  /** A CSS colour, by its name in report.css. */
  readonly colour: string;
  /** The mark of its values. */
  readonly symbol: "circle" | "diamond2" | "square2" | "triangle2" | "times" | "plus";
  /** Dashes of its line, as in stroke-dasharray; undefined for a plain line. */
  readonly dash?: string;
}

/** The colours of report.css, on light and on dark cards; tests compare them for all kinds of sight. */
export const COLOURS: Readonly<Record<"light" | "dark", readonly string[]>> = {
  light: ["#304edb", "#b57300", "#139e8e", "#6d457c", "#992a0b"],
  dark: ["#9cadf6", "#f7a72c", "#4cf7d5", "#af4cd8", "#df4729"],
};

/** Styles of the first series of a chart, in order. */
export const STYLES: readonly Style[] = [
  { colour: "var(--c0)", symbol: "circle" },
  { colour: "var(--c1)", symbol: "diamond2", dash: "7 3" },
  { colour: "var(--c2)", symbol: "square2", dash: "2 3" },
  { colour: "var(--c3)", symbol: "triangle2", dash: "9 3 2 3" },
  { colour: "var(--c4)", symbol: "times", dash: "4 4" },
];

/** The style of whatever has none of its own. */
export const OTHER: Style = { colour: "var(--soft)", symbol: "plus", dash: "1 4" };

/** A style without its dashes, as charts without lines have it. */
export function withoutDash({ colour, symbol }: Style): Style {
  return { colour, symbol };
}

/** The style of a series by its place. */
export function styleOf(index: number): Style {
  return STYLES[index] ?? OTHER;
}
