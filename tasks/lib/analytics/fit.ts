/** How wide a column may be. */
export interface Fitting {
  /** Width at which nothing is cut. */
  readonly natural: number;
  /** Width below which it tells too little. */
  readonly floor: number;
}

/** Widths of columns that take no more than `available` together, the widest ones narrowed first; undefined where even
 * their floors take more. */
export function fitWidths(columns: readonly Fitting[], available: number): number[] | undefined {
  const widthsAt = (level: number) => columns.map(({ natural, floor }) => Math.max(floor, Math.min(natural, level)));
  const fits = (level: number) => widthsAt(level).reduce((sum, width) => sum + width, 0) <= available;
  if (!fits(0)) return undefined;
  let level = 0;
  while (level < available && fits(level + 1)) level++;
  return widthsAt(level);
}
