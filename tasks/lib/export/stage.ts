import type { Day } from "../dataset/day.ts";
import { toStoredGroup } from "../lake/day_file.ts";
import type { DayPlan } from "./plan.ts";
import { type KeptGroup, readKeptGroups } from "./kept_groups.ts";
import { type DayBlock, type Source, SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";
import type { ExportContext, ExportRequest } from "./request.ts";
import { orAbort } from "../task/abort.ts";
import { AIM_ROWS, DayStager, type DayStagerOptions, type StagedDay } from "./day_stager.ts";

/** Days whose files may be open at once. */
const MAX_OPEN_DAYS = 16;

/** Options of `stageDays`. */
export interface StageOptions
  extends DayStagerOptions, Pick<ExportRequest, "missingOnly">, Pick<ExportContext, "signal"> {
  /** Called with the number of rows read, as they are read. */
  readonly onRows: (rows: number) => void;
}

/** Reads the planned days from all sources and writes their files; days and threads overlap. */
export async function stageDays(
  plans: readonly DayPlan[],
  sources: readonly Source[],
  options: StageOptions,
): Promise<StagedDay[]> {
  const known = options.missingOnly ? await knownKeys(plans, options) : undefined;
  if (plans.some(({ kept }) => kept.length > 0)) options.pool.supersede(supersededBy(sources, known));
  const readers = sources.map((source) => {
    const days = plans.filter(({ kinds }) => kinds.includes(source.kind)).map(({ day }) => day);
    return { kind: source.kind, ...openReader(source.blocks(days.filter((day) => source.days.has(day)), known)) };
  });
  const stagers = new Set<DayStager>();
  const unfinished = new Set<Promise<unknown>>();
  try {
    const staged: Promise<StagedDay>[] = [];
    for (const plan of plans) {
      while (unfinished.size >= MAX_OPEN_DAYS) await orAbort(Promise.race(unfinished), options.signal);
      const stager = new DayStager(plan, options);
      stagers.add(stager);
      const kept = await readKeptGroups(options.directory, plan);
      const read = (kind: SourceKind) => readKind(plan.day, kind, { readers, stager, ...options });
      for (const kind of SOURCE_KINDS) await stageKind(plan, kind, { stager, kept, read });
      const day = stager.finish();
      staged.push(day);
      unfinished.add(day);
      // A failure is told by the last line; until then nobody waits for it.
      day.catch(() => {}).finally(() => {
        unfinished.delete(day);
        stagers.delete(stager);
      });
    }
    return await orAbort(Promise.all(staged), options.signal);
  } catch (error) {
    await Promise.all([...stagers].map((stager) => stager.close()));
    throw error;
  } finally {
    await Promise.allSettled(readers.map((reader) => reader.close()));
  }
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
      for (const key of await orAbort(pool.next().keysOf(toStoredGroup(old)), signal)) keys.add(key);
    }
  }
  return keys;
}

/** Keys of the rows that the sources' rows replace, where those are written at all. */
function supersededBy(sources: readonly Source[], known: ReadonlySet<string> | undefined): string[] {
  return sources.flatMap(({ supersedes }) => supersedes.filter(([own]) => !known?.has(own))).flat();
}

interface KindContext {
  readonly stager: DayStager;
  readonly kept: readonly KeptGroup[];
  readonly read: (kind: SourceKind) => Promise<void>;
}

/** One kind of source of a day: what its file keeps of it, then what is read anew. */
async function stageKind(plan: DayPlan, kind: SourceKind, { stager, kept, read }: KindContext): Promise<void> {
  stager.start(plan.rows[kind]);
  const isRead = plan.kinds.includes(kind);
  const groups = kept.filter(({ kinds }) => kinds.includes(kind));
  if (!isRead) {
    for (const group of groups) {
      if (group.asItIs) stager.copy(group.old, kind);
      else stager.keep(group.old, kind);
    }
  } else {
    // Postgres mirrors: what its file holds of it goes.
    if (kind === "sqlite") await mergeGroups(groups, plan.rows.sqlite, stager);
    await read(kind);
  }
  stager.cut();
}

/** The SQLite row groups of a day that gets new rows: as they are where none is replaced, and the last one together
 * with the new rows. */
async function mergeGroups(groups: readonly KeptGroup[], newRows: number, stager: DayStager): Promise<void> {
  for (const [index, { old, asItIs }] of groups.entries()) {
    const isLast = index === groups.length - 1;
    const joins = isLast && old.group.rows + newRows <= AIM_ROWS;
    const replaced = asItIs ? await stager.countSuperseded(old) : 0;
    if (asItIs && replaced === old.group.rows) continue;
    if (asItIs && replaced === 0 && !joins) stager.copy(old, "sqlite");
    else stager.keep(old, "sqlite");
    if (!joins && asItIs) stager.cut();
  }
}

/** Blocks of one source, with a look at the next one. */
interface Reader {
  /** The next block if it is of this day. */
  take(day: Day): Promise<DayBlock | undefined>;
  close(): Promise<unknown>;
}

function openReader(blocks: AsyncIterable<DayBlock>): Reader {
  const iterator = blocks[Symbol.asyncIterator]();
  let head: Promise<IteratorResult<DayBlock>> | undefined;
  return {
    async take(day) {
      head ??= iterator.next();
      const { done, value } = await head;
      if (done || value.day !== day) return undefined;
      head = undefined;
      return value;
    },
    close: async () => await iterator.return?.(),
  };
}

interface ReadContext extends Pick<StageOptions, "signal" | "onRows"> {
  readonly readers: readonly (Reader & { readonly kind: SourceKind })[];
  readonly stager: DayStager;
}

async function readKind(day: Day, kind: SourceKind, context: ReadContext): Promise<void> {
  const { readers, stager, signal, onRows } = context;
  for (const reader of readers.filter((reader) => reader.kind === kind)) {
    for (let block = await reader.take(day); block !== undefined; block = await reader.take(day)) {
      const { rows } = block;
      await orAbort(stager.add(block, kind), signal);
      onRows(rows);
    }
  }
}
