/** What tells one source from another, and that it has only gone forward. Plain data, kept in a lane's manifest. */
export interface SourceState {
  /** Names the source: kind of source, system or place, and database. */
  readonly id: string;
  /** Changes whenever the source may hold something that it held before: a restart, a restore, another branch. */
  readonly start: string;
  /** Timeline of its log as eight hexadecimal digits, or "standby": a standby replays, and its promotion is a change. */
  readonly timeline: string;
  /** How far its log is, as Postgres writes it: X/Y in hexadecimal digits. */
  readonly position: string;
}

/** State of a source as it is now. */
export interface CurrentState extends SourceState {
  /** Starts that this state has behind it, its own included. */
  readonly starts: readonly string[];
}

/** Whether nothing that a source held before can have been taken back since: it is the same source, of the same start or
 * one that is known to follow it, on the same timeline, and its log is not behind.
 */
export function hasOnlyGoneForward(before: SourceState, now: CurrentState): boolean {
  return before.id === now.id && now.starts.includes(before.start) && before.timeline === now.timeline &&
    parsePosition(before.position) <= parsePosition(now.position);
}

/** A position of the log as a number of bytes. */
export function parsePosition(text: string): bigint {
  const [high, low] = text.split("/").map((part) => BigInt(`0x${part}`));
  return (high << 32n) | low;
}

/** Sizes of the log's pages and files. */
export type LogLayout = Readonly<Record<"pageBytes" | "fileBytes", number>>;

/** Bytes of the headers with which a page and a file of the log begin. */
const HEADER_BYTES = { page: 24n, file: 40n };

/** How far the log must be on the disk for everything before an insert position to be there.
 *
 * Where a page is full, the insert position stands behind the header of the next one, which is not written before the
 * next record is: on an idle server the log never gets there.
 *
 * Source: XLogBytePosToRecPtr and XLogBytePosToEndRecPtr in PostgreSQL's xlog.c.
 */
export function writtenEnd(position: bigint, { pageBytes, fileBytes }: LogLayout): bigint {
  if (position % BigInt(fileBytes) === HEADER_BYTES.file) return position - HEADER_BYTES.file;
  return position % BigInt(pageBytes) === HEADER_BYTES.page ? position - HEADER_BYTES.page : position;
}

/** Form of each member. A directory's path has at most 4,096 bytes. */
const FORMS: Readonly<Record<keyof SourceState, RegExp>> = {
  id: /^(postgres|neon|embedded) .{1,4200}$/s,
  start: /^[\w.:/-]{1,200}$/,
  timeline: /^([0-9A-F]{8}|standby)$/,
  position: /^[0-9A-F]{1,8}\/[0-9A-F]{1,8}$/,
};

/** The state in a value that anybody may have written; undefined for anything but exactly the four members in their forms. */
export function parseSourceState(value: unknown): SourceState | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const members = new Map(Object.entries(value));
  const isState = members.size === Object.keys(FORMS).length &&
    Object.entries(FORMS).every(([name, form]) => isText(members.get(name)) && form.test(members.get(name)));
  if (!isState) return undefined;
  const { id, start, timeline, position } = value as SourceState;
  return { id, start, timeline, position };
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}
