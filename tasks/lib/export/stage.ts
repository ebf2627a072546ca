import type { Day } from "../dataset/day.ts";
import type { FileSource, Segment, Source, StoredTuples } from "../dataset/source.ts";
import { toStoredGroup } from "../lake/day_file.ts";
import { orAbort } from "../task/abort.ts";
import type { FileRun, RunEvent } from "../threads/messages.ts";
import type { Thread, ThreadPool } from "../threads/pool.ts";
import type { StagedDay } from "./day_stager.ts";
import { doWork, type WorkContext } from "./do_work.ts";
import { readKeptGroups } from "./kept_groups.ts";
import type { DayPlan } from "./plan.ts";
import type { ExportRequest } from "./request.ts";
import { type FileWork, StagedDays, type StagedDaysOptions } from "./staged_days.ts";
import { adjoinIn, WorkQueue } from "./work_queue.ts";

/** Options of `stageDays`. */
export interface StageOptions
  extends StagedDaysOptions, Pick<ExportRequest, "missingOnly">, Pick<WorkContext, "signal" | "note"> {
  /** Threads that make the row groups. */
  readonly pool: ThreadPool;
}

/** Reads the planned days from all sources and writes their files; days and threads overlap. */
export async function stageDays(
  plans: readonly DayPlan[],
  sources: readonly Source[],
  options: StageOptions,
): Promise<StagedDay[]> {
  const table = sources.find((source) => source.kind === "postgres");
  const harnesses = sources.filter((source) => source.kind === "sqlite");
  const known = options.missingOnly ? await knownKeys(plans, options) : undefined;
  if (plans.some(({ kept }) => kept.length > 0)) options.pool.supersede(supersededBy(harnesses, known));
  const stored = await storedRows(plans, harnesses, known);
  const segments = table?.segments(daysOf(plans, table)) ?? [];
  const days = new StagedDays(plans, segments, options);
  const readFiles = (files: FileWork, thread?: Thread) => readDayFiles(files, { days, stored, thread, ...options });
  const [quiet, files] = partition(days.files, ({ plan, kind }) => !plan.kinds.includes(kind) && plan.isCurrent);
  try {
    const threads = options.pool.take(segments.length + files.length);
    const queue = new WorkQueue({
      segments,
      files,
      threads: threads.length,
      adjoins: adjoinIn(table?.days.keys() ?? []),
    });
    const onEvent = (segment: Segment, event: RunEvent) => days.onSegment(segment, event);
    const work = doWork({ queue, table, readFiles, onEvent, room: () => days.room() }, { ...options, threads });
    const copies = (async () => {
      for (const one of quiet) {
        await days.room();
        await readFiles(one);
      }
    })();
    await orAbort(Promise.all([work, copies, days.staged]), options.signal);
    return await days.staged;
  } catch (error) {
    await days.close();
    throw error;
  }
}

/** Days of the plans whose rows a source has and is asked for. */
function daysOf(plans: readonly DayPlan[], { kind, days }: Pick<Source, "kind" | "days">): Day[] {
  return plans.filter(({ day, kinds }) => kinds.includes(kind) && days.has(day)).map(({ day }) => day);
}

function partition<T>(items: readonly T[], isFirst: (item: T) => boolean): [T[], T[]] {
  return [items.filter(isFirst), items.filter((item) => !isFirst(item))];
}

/** Where the new rows of harnesses are, by day. */
async function storedRows(
  plans: readonly DayPlan[],
  harnesses: readonly FileSource[],
  known: ReadonlySet<string> | undefined,
): Promise<ReadonlyMap<Day, readonly StoredTuples[]>> {
  const stored = new Map<Day, StoredTuples[]>();
  for (const harness of harnesses) {
    for (const [day, tuples] of await harness.stored(daysOf(plans, harness), known)) {
      stored.getOrInsertComputed(day, () => []).push(tuples);
    }
  }
  return stored;
}

/** What a day's files are read with. */
interface FileContext extends Pick<StageOptions, "directory" | "pool"> {
  readonly days: StagedDays;
  readonly stored: ReadonlyMap<Day, readonly StoredTuples[]>;
  /** Reads them; where undefined, a thread is only asked where one is needed. */
  readonly thread?: Thread;
}

/** Reads what files have of a day: row groups that stay as they are are copied, all else goes through a thread. */
async function readDayFiles(files: FileWork, { days, stored, directory, pool, thread }: FileContext): Promise<void> {
  const { plan, kind } = files;
  const isRead = plan.kinds.includes(kind);
  const groups = (await readKeptGroups(directory, plan)).filter(({ kinds }) => kinds.includes(kind));
  const old = groups.map((group) => group.old);
  const onEvent = (event: RunEvent) => days.onFiles(files, event, old);
  const isEmpty = groups.length === 0 && !(isRead && stored.has(plan.day));
  if (isEmpty || (!isRead && groups.every(({ asItIs }) => asItIs))) {
    for (const index of groups.keys()) onEvent({ kind: "copy", index });
    return onEvent({ kind: "segment", result: { rows: 0, sha256: "", badRows: [] } });
  }
  const run: FileRun = {
    kind,
    isRead,
    groups: groups.map(({ old, asItIs }) => ({ group: toStoredGroup(old), rows: old.group.rows, asItIs })),
    stored: isRead ? stored.get(plan.day) ?? [] : [],
  };
  await (thread ?? pool.take(1)[0]).readFiles(run, onEvent);
}

/** Keys of the SQLite rows that the planned days' files hold. */
async function knownKeys(
  plans: readonly DayPlan[],
  { directory, pool, signal }: StageOptions,
): Promise<ReadonlySet<string>> {
  const keys = new Set<string>();
  for (const plan of plans) {
    for (const { old, kinds } of await readKeptGroups(directory, plan)) {
      if (!kinds.includes("sqlite")) continue;
      const [thread] = pool.take(1);
      for (const key of await orAbort(thread.keysOf(toStoredGroup(old)), signal)) keys.add(key);
    }
  }
  return keys;
}

/** Keys of the old rows that new ones replace; rows that are known already replace none. */
function supersededBy(harnesses: readonly FileSource[], known: ReadonlySet<string> | undefined): string[] {
  return harnesses.flatMap(({ supersedes }) => supersedes.filter(([own]) => !known?.has(own))).flat();
}
