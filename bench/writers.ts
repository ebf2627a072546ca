import { measure, type Sample } from "./measure.ts";
import type { Server } from "./server.ts";

/** Something that writes all rows of `checks` as zstd Parquet. */
export interface Writer {
  /** Short name by which others are compared with it. */
  readonly id: string;
  /** Its name in the tables. */
  readonly name: string;
  /** Whether a second run into the same directory writes the changed days alone. */
  readonly isIncremental: boolean;
  /** Whether it is compared with our export. */
  readonly isPeer: boolean;
  /** Writes what there is to write into a directory. */
  write(directory: string): Promise<Written>;
}

/** What one run of a writer has cost, and how many rows it wrote. */
export interface Written extends Sample {
  /** As it tells itself. */
  readonly rows: number;
}

/** Our export with each of its writers. */
export function exportWriters(server: Server): Writer[] {
  return [
    exportWriter(server, "export", []),
    exportWriter(server, "direct", ["--writer", "direct"]),
  ];
}

/** Our export with both writers on so many threads. */
export function threadWriters(server: Server, counts: readonly number[]): Writer[] {
  return counts.flatMap((count) => [
    exportWriter(server, `export-${count}`, ["--threads", `${count}`]),
    exportWriter(server, `direct-${count}`, ["--writer", "direct", "--threads", `${count}`]),
  ]);
}

function exportWriter(server: Server, id: string, flags: readonly string[]): Writer {
  return {
    id,
    name: ["deno task export", ...flags].join(" "),
    isIncremental: true,
    isPeer: false,
    async write(directory) {
      const sample = await server.task("export", "checks", ...flags, "--out", directory, "--json");
      return { ...sample, rows: JSON.parse(sample.stdout).lanes[0].rows };
    },
  };
}

/** A program that writes everything into the directory that is its last argument, and prints the rows. */
export function programWriter(
  { id, name, isIncremental = false }: { readonly id: string; readonly name: string; readonly isIncremental?: boolean },
  { program, args, signal }: {
    readonly program: string;
    readonly args: readonly string[];
    readonly signal: AbortSignal;
  },
): Writer {
  return {
    id,
    name,
    isIncremental,
    isPeer: true,
    async write(directory) {
      const sample = await measure({ program, args: [...args, directory], signal });
      return { ...sample, rows: Number(sample.stdout) };
    },
  };
}
