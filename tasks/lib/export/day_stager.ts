import { join } from "node:path";
import type { Dataset } from "../dataset/dataset.ts";
import type { Day } from "../dataset/day.ts";
import { type BadRow, SOURCE_KINDS, type SourceKind } from "../dataset/source.ts";
import { createDayFile, type DayFile, type JoinedFile, type OldGroup } from "../lake/day_file.ts";
import { dayPath } from "../lake/lake.ts";
import type { SentChunk } from "../parquet/sent_chunk.ts";
import { sha256 } from "../task/digest.ts";
import { unfinishedPath } from "../task/files.ts";
import type { SegmentResult } from "../threads/messages.ts";

/** A day whose file is on the disk under a temporary name. */
export interface StagedDay {
  readonly day: Day;
  /** Its file; none where no row is left. */
  readonly file?: JoinedFile;
  /** Rows in it, by kind of source. */
  readonly rows: Readonly<Record<SourceKind, number>>;
  /** Rows that were read for it, by kind of source. */
  readonly read: Readonly<Record<SourceKind, number>>;
  readonly badRows: readonly BadRow[];
  /** Digest of the tuples as they were read, by kind of source, of the kinds that were read anew. */
  readonly digests: Readonly<Partial<Record<SourceKind, string>>>;
}

/** What the files of days are made with. */
export interface DayStagerOptions {
  readonly directory: string;
  readonly dataset: Pick<Dataset, "name" | "day">;
  /** Key-value metadata of every file. */
  readonly metadata: ReadonlyMap<string, string>;
}

/** A part of a day: its rows become row groups of their own, behind those of the parts before it. */
export interface Part {
  readonly kind: SourceKind;
  /** What goes into the file and could not yet. */
  readonly held: (() => Promise<void>)[];
  result?: SegmentResult;
}

/** The digest of what was read in several pieces; that of the piece where there is one. */
export function digestOf(pieces: readonly Pick<SegmentResult, "sha256">[]): string {
  return pieces.length === 1 ? pieces[0].sha256 : sha256(pieces.map(({ sha256 }) => sha256).join(" "));
}

/** The file of one day as it is made: its parts come in any order, and stand in the file in theirs. */
export class DayStager {
  readonly day: Day;
  /** What becomes of it, once all its parts have ended. */
  readonly staged: Promise<StagedDay>;
  #file: DayFile;
  #parts: readonly Part[];
  /** The part whose row groups go to the file as they come. */
  #current = 0;
  #rows: Record<SourceKind, number> = { postgres: 0, sqlite: 0 };
  #end = Promise.withResolvers<StagedDay>();

  constructor(day: Day, kinds: readonly SourceKind[], { directory, dataset, metadata }: DayStagerOptions) {
    this.day = day;
    this.#file = createDayFile(unfinishedPath(join(directory, dayPath(day, dataset.name))), {
      metadata,
      day: dataset.day,
    });
    this.#parts = kinds.map((kind) => ({ kind, held: [] }));
    this.staged = this.#end.promise;
    // A failure is told to whoever waits for the day.
    this.staged.catch(() => {});
    if (kinds.length === 0) this.#write(() => this.#finish());
  }

  /** Whether all its parts have ended. */
  get hasEnded(): boolean {
    return this.#current === this.#parts.length;
  }

  /** Appends the row group of a chunk to a part. */
  addChunk(index: number, chunk: SentChunk): void {
    this.#append(index, async () => {
      await this.#file.addChunk(chunk);
      for (const kind of SOURCE_KINDS) this.#rows[kind] += chunk.rows[kind] ?? 0;
    });
  }

  /** Appends an old row group of a part's kind as it is. */
  copy(index: number, old: OldGroup): void {
    this.#append(index, async () => {
      await this.#file.copyGroup(old);
      this.#rows[this.#parts[index].kind] += old.group.rows;
    });
  }

  /** Ends a part. */
  endPart(index: number, result: SegmentResult): void {
    this.#parts[index].result = result;
    for (let part = this.#parts[this.#current]; part?.result !== undefined; part = this.#parts[++this.#current]) {
      for (const write of this.#parts[this.#current + 1]?.held.splice(0) ?? []) this.#write(write);
    }
    if (this.hasEnded) this.#write(() => this.#finish());
  }

  /** Ends it unfinished. */
  async close(): Promise<void> {
    await this.#file.close();
  }

  #append(index: number, write: () => Promise<void>): void {
    if (index === this.#current) this.#write(write);
    else this.#parts[index].held.push(write);
  }

  /** What is written comes into the file in the order of the calls: it sees to that itself. */
  #write(write: () => Promise<void>): void {
    write().catch(this.#end.reject);
  }

  async #finish(): Promise<void> {
    const file = await this.#file.finish();
    const results = (kind: SourceKind) => this.#parts.filter((part) => part.kind === kind).map(({ result }) => result!);
    const read = (kind: SourceKind) => results(kind).reduce((sum, { rows }) => sum + rows, 0);
    this.#end.resolve({
      day: this.day,
      file,
      rows: this.#rows,
      read: { postgres: read("postgres"), sqlite: read("sqlite") },
      badRows: this.#parts.flatMap(({ result }) => result!.badRows),
      digests: results("postgres").length === 0 ? {} : { postgres: digestOf(results("postgres")) },
    });
  }
}
