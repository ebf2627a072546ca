import type { Day } from "../dataset/day.ts";
import { type Segment, SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";
import type { OldGroup } from "../lake/day_file.ts";
import type { RunEvent } from "../threads/messages.ts";
import { DayStager, type DayStagerOptions, type StagedDay } from "./day_stager.ts";
import type { DayPlan } from "./plan.ts";

/** Days that may wait for the disk at once. */
const MAX_WAITING_DAYS = 16;

/** What is to be read of files for a day, of one kind of source. */
export interface FileWork {
  readonly day: Day;
  readonly plan: DayPlan;
  readonly kind: SourceKind;
  /** Its part of the day. */
  readonly part: number;
}

/** What `StagedDays` is told of rows. */
export interface StagedDaysOptions extends DayStagerOptions {
  /** Called with the number of rows read, as they are read. */
  readonly onRows: (rows: number) => void;
}

/** The files of planned days as they are made: each day's parts are those of its table's segments, then of old files and
 * the harness. */
export class StagedDays {
  /** What is to be read of files, ascending by day. */
  readonly files: readonly FileWork[];
  #stagers: readonly DayStager[];
  #parts = new Map<Segment, { readonly stager: DayStager; readonly part: number }>();
  #byDay: ReadonlyMap<Day, DayStager>;
  #waiting = new Set<Promise<unknown>>();
  #onRows: (rows: number) => void;

  constructor(plans: readonly DayPlan[], segments: readonly Segment[], options: StagedDaysOptions) {
    const byDay = Map.groupBy(segments, ({ day }) => day);
    const files: FileWork[] = [];
    this.#onRows = options.onRows;
    this.#stagers = plans.map((plan) => {
      const { day } = plan;
      const ours = byDay.get(day) ?? [];
      const kinds: SourceKind[] = ours.map(() => "postgres");
      for (const kind of SOURCE_KINDS.filter((kind) => readsFiles(plan, kind))) {
        files.push({ day, plan, kind, part: kinds.push(kind) - 1 });
      }
      const stager = new DayStager(day, kinds, options);
      for (const [part, segment] of ours.entries()) this.#parts.set(segment, { stager, part });
      return stager;
    });
    this.files = files;
    this.#byDay = new Map(this.#stagers.map((stager) => [stager.day, stager]));
  }

  /** All days, once their files are on the disk, in the order of the plans; the first failure. */
  get staged(): Promise<StagedDay[]> {
    return Promise.all(this.#stagers.map(({ staged }) => staged));
  }

  /** Takes what comes of a segment. */
  onSegment(segment: Segment, event: RunEvent): void {
    const { stager, part } = this.#parts.get(segment)!;
    this.#onEvent(stager, part, event);
  }

  /** Takes what comes of files; `old` are the row groups that were looked at. */
  onFiles({ day, part }: FileWork, event: RunEvent, old: readonly OldGroup[]): void {
    const stager = this.#byDay.get(day)!;
    if (event.kind === "copy") stager.copy(part, old[event.index]);
    else this.#onEvent(stager, part, event);
  }

  /** Resolves when there is room for more days. */
  async room(): Promise<void> {
    while (this.#waiting.size >= MAX_WAITING_DAYS) await Promise.race(this.#waiting);
  }

  /** Ends all days unfinished. */
  async close(): Promise<void> {
    await Promise.all(this.#stagers.map((stager) => stager.close()));
  }

  #onEvent(stager: DayStager, part: number, event: RunEvent): void {
    if (event.kind === "read") this.#onRows(event.rows);
    else if (event.kind === "chunk") stager.addChunk(part, event.chunk);
    else if (event.kind === "segment") {
      stager.endPart(part, event.result);
      if (stager.hasEnded) this.#wait(stager.staged);
    }
  }

  #wait(day: Promise<unknown>): void {
    // A failure is told by `staged`.
    const settled = day.catch(() => {}).finally(() => this.#waiting.delete(settled));
    this.#waiting.add(settled);
  }
}

/** Whether anything of a kind is read of files: new rows of the harness, or what an old file of the day has. */
function readsFiles({ kinds, kept }: DayPlan, kind: SourceKind): boolean {
  return kinds.includes(kind) ? kind === "sqlite" : kept.length > 0;
}
