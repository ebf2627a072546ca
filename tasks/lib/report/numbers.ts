/** A count with its thousands apart. */
export function formatCount(count: number): string {
  return Math.round(count).toString().replace(/\B(?=(\d{3})+$)/g, ",");
}

/** A count with its noun: "1 run", "2,000 runs". */
export function formatCountOf(count: number, noun: string): string {
  return `${formatCount(count)} ${noun}${count === 1 ? "" : "s"}`;
}

/** A share of 1 in percent. */
export function formatPercent(share: number): string {
  return Number.isFinite(share) ? `${Math.round(share * 100)} %` : "–";
}

/** A number with so many digits behind the point. */
export function formatFixed(value: number, digits: number): string {
  return Number.isFinite(value) ? value.toFixed(digits).replace(/^-(?=0(\.0*)?$)/, "").replace("-", "−") : "–";
}

/** An amount in US dollars. */
export function formatUsd(amount: number): string {
  if (!Number.isFinite(amount)) return "–";
  return amount >= 1000 ? `$${formatCount(amount)}` : `$${amount.toFixed(2)}`;
}

/** The bounds of a share of `count` trials that hold it in 95 of 100 cases, by Wilson. */
export function shareBounds(share: number, count: number): { readonly lo: number; readonly hi: number } {
  const z = 1.96;
  const scale = 1 + z * z / count;
  const middle = (share + z * z / (2 * count)) / scale;
  const half = z * Math.sqrt(share * (1 - share) / count + z * z / (4 * count * count)) / scale;
  return { lo: Math.max(0, middle - half), hi: Math.min(1, middle + half) };
}
