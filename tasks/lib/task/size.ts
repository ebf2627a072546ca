/** A number of bytes for people: "812 bytes", "43 kB", "1.6 MB", "2345.0 MB"; k is 1000. */
export function formatSize(bytes: number): string {
  if (bytes < 1000) return `${bytes} bytes`;
  return bytes < 999_500 ? `${Math.round(bytes / 1e3)} kB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
