/** The name that a mistyped one was most likely meant to be; undefined where none is near.
 *
 * Near is one slip for every three characters: a character too much, too little or another, or two exchanged. An end that
 * is missing counts as one.
 */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const maxSlips = Math.max(1, Math.floor(name.length / 3));
  let [nearest, fewest]: [string | undefined, number] = [undefined, maxSlips + 1];
  for (const candidate of known) {
    const slips = name.length > 2 && candidate.startsWith(name) ? 1 : slipsBetween(name, candidate);
    if (slips < fewest) [nearest, fewest] = [candidate, slips];
  }
  return nearest;
}

/** The optimal string alignment distance. */
function slipsBetween(a: string, b: string): number {
  const rows = [Array.from({ length: b.length + 1 }, (_, column) => column)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = a[i - 1] === b[j - 1] ? 0 : 1;
      row[j] = Math.min(rows[i - 1][j] + 1, row[j - 1] + 1, rows[i - 1][j - 1] + change);
      const isExchange = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      if (isExchange) row[j] = Math.min(row[j], rows[i - 2][j - 2] + 1);
    }
    rows.push(row);
  }
  return rows[a.length][b.length];
}
