import { medianOf, type Sample } from "./measure.ts";

/** What a table tells: a load of everything; a second run into the same lane; queries; what is beside them. */
export type Part = "load" | "again" | "query" | "beside";

/** One thing to measure. */
export interface Case {
  /** Short name by which others are compared with it. */
  readonly id: string;
  /** Its name in the table. */
  readonly name: string;
  /** The table that it is part of. */
  readonly part: Part;
  /** Rows that it carries, where it carries any. */
  readonly rows?: number;
  /** Ids of the cases that it is compared with. */
  readonly against: readonly string[];
  /** Runs before each measured run, unmeasured. */
  prepare?(): unknown;
  /** Runs once; the directory is empty and its own. */
  run(directory: string): Promise<Sample>;
}

/** A case and its median sample. */
export interface Result {
  /** What was run. */
  readonly case: Case;
  /** Its run of median wall time. */
  readonly sample: Sample;
}

/** Options of `runCases`. */
export interface RunOptions {
  /** Rounds; each runs every case once, so that what disturbs the machine disturbs all. */
  readonly repeat: number;
  /** Directory for the cases' directories. */
  readonly scratch: string;
  /** Seconds of CPU that the server has taken so far. */
  readonly serverCpuS: () => number | undefined;
  /** Told before each run. */
  readonly note: (text: string) => void;
}

/** Medians of all cases, run in turns. */
export async function runCases(
  cases: readonly Case[],
  { repeat, scratch, serverCpuS, note }: RunOptions,
): Promise<readonly Result[]> {
  const samples = new Map(cases.map(({ id }) => [id, [] as Sample[]]));
  for (let round = 1; round <= repeat; round++) {
    for (const one of cases) {
      const directory = await Deno.makeTempDir({ dir: scratch });
      await one.prepare?.();
      const before = serverCpuS();
      const sample = await one.run(directory);
      const after = serverCpuS();
      samples.get(one.id)!.push(
        before === undefined || after === undefined ? sample : { ...sample, serverCpuS: after - before },
      );
      note(`${round}/${repeat} ${one.name}: ${sample.wallS.toFixed(2)} s`);
      await Deno.remove(directory, { recursive: true });
    }
  }
  return cases.map((one) => ({ case: one, sample: medianOf(samples.get(one.id)!) }));
}
