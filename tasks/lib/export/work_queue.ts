import type { Day } from "../dataset/day.ts";
import type { Segment } from "../dataset/source.ts";

/** Segments of one run at most: a day each, they end as that many files. */
const MAX_RUN_SEGMENTS = 64;

/** Segments of one run within a day at most: their row groups wait in memory for those of the run before. */
const MAX_DAY_SEGMENTS = 8;

/** What a queue is made of. */
export interface QueueOptions<T> {
  /** Segments of a table, ascending. */
  readonly segments: readonly Segment[];
  /** What is to be read of files, ascending by day. */
  readonly files: readonly T[];
  /** How many threads share it. */
  readonly threads: number;
  /** Whether nothing that is not read lies between two segments that follow each other. */
  readonly adjoins: (one: Segment, next: Segment) => boolean;
}

/** What threads take in turn, so that a day's parts are worked on at about one time. */
export class WorkQueue<T extends { readonly day: Day }> {
  #options: QueueOptions<T>;
  #segment = 0;
  #file = 0;
  /** Rows of the segments that are left. */
  #rows: number;

  constructor(options: QueueOptions<T>) {
    this.#options = options;
    this.#rows = options.segments.reduce((sum, { rows }) => sum + rows, 0);
  }

  /** Whether segments are left. */
  get hasSegments(): boolean {
    return this.#options.segments.length > this.#segment;
  }

  /** What is to be read of the files of one of the days that were come to. */
  takeFiles(): T | undefined {
    const { segments, files } = this.#options;
    const next = files[this.#file];
    const isCome = segments[this.#segment] === undefined || next?.day < segments[this.#segment].day;
    return next !== undefined && isCome ? files[this.#file++] : undefined;
  }

  /** Segments that one COPY gives: many while much is left, few towards the end, so that threads end together. */
  takeRun(): readonly Segment[] {
    const rows = this.#rows / (2 * this.#options.threads);
    const run: Segment[] = [];
    let taken = 0;
    while (this.#fits(run) && (run.length === 0 || taken + this.#options.segments[this.#segment].rows <= rows)) {
      taken += this.#take(run);
    }
    return run;
  }

  /** One segment. */
  takeSegment(): readonly Segment[] {
    const run: Segment[] = [];
    if (this.#fits(run)) this.#take(run);
    return run;
  }

  #fits(run: readonly Segment[]): boolean {
    const { segments, adjoins } = this.#options;
    const next = segments[this.#segment];
    if (next === undefined || run.length === 0) return next !== undefined;
    const most = next.day === run[0].day ? MAX_DAY_SEGMENTS : MAX_RUN_SEGMENTS;
    return run.length < most && adjoins(run.at(-1)!, next);
  }

  #take(run: Segment[]): number {
    const next = this.#options.segments[this.#segment++];
    run.push(next);
    this.#rows -= next.rows;
    return next.rows;
  }
}

/** Tells whether none of a table's ascending days lies between two segments. */
export function adjoinIn(days: Iterable<Day>): (one: Segment, next: Segment) => boolean {
  const places = new Map([...days].map((day, place) => [day, place]));
  return (one, next) => places.get(next.day)! - places.get(one.day)! <= 1;
}
