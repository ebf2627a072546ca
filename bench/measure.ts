import { VARIABLES } from "../tasks/lib/task/settings.ts";
import { endedChildrenCpuS, mainThreadCpuS, peakKb, treeOf } from "./proc.ts";

/** What one run of a command has cost. */
export interface Sample {
  /** Seconds from start to end. */
  readonly wallS: number;
  /** Seconds of CPU, of the command and all that it waited for; undefined where there is no /proc. */
  readonly cpuS?: number;
  /** Seconds of CPU of the one first thread among its processes that took most; undefined where there is no /proc. */
  readonly mainThreadCpuS?: number;
  /** Seconds of CPU of the server meanwhile; undefined where there is no /proc. */
  readonly serverCpuS?: number;
  /** Largest resident set of any of its processes, in megabytes; undefined where there is no /proc. */
  readonly peakMb?: number;
  /** Its standard output. */
  readonly stdout: string;
}

/** A command to measure. */
export interface Command {
  /** A name on the PATH, or a path. */
  readonly program: string;
  /** Its arguments. */
  readonly args: readonly string[];
  /** Settings of the tasks; every other one is unset. */
  readonly env?: Readonly<Record<string, string>>;
  /** Ends it. */
  readonly signal: AbortSignal;
}

/** How often the memory is looked at; the kernel keeps the peak, so little is missed in between. */
const LOOK_EVERY_MS = 20;

/** Runs a command and tells what it has cost; nothing else may run in this process meanwhile.
 *
 * Errors: Error with the end of its standard error when it does not end with 0.
 */
export async function measure({ program, args, env, signal }: Command): Promise<Sample> {
  const cpuBefore = endedChildrenCpuS();
  const start = performance.now();
  const child = new Deno.Command(program, {
    args: [...args],
    env: {
      ...Object.fromEntries(VARIABLES.map((name) => [name, ""])),
      NO_COLOR: "1",
      PGTZ: "UTC",
      ...env,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal,
  }).spawn();
  let [mostKb, mainS] = [0, 0];
  const look = () => {
    const pids = treeOf(child.pid);
    mostKb = Math.max(mostKb, ...pids.map(peakKb));
    mainS = Math.max(mainS, ...pids.map(mainThreadCpuS));
  };
  const timer = setInterval(look, LOOK_EVERY_MS);
  const [stdout, stderr, { code }] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.status,
  ]).finally(() => clearInterval(timer));
  const wallS = (performance.now() - start) / 1000;
  signal.throwIfAborted();
  if (code !== 0) {
    throw new Error(`${[program, ...args].join(" ")} ended with ${code}: ${stderr.slice(-2000)}`);
  }
  const cpuAfter = endedChildrenCpuS();
  return {
    wallS,
    cpuS: cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore,
    mainThreadCpuS: mostKb === 0 ? undefined : mainS,
    peakMb: mostKb === 0 ? undefined : mostKb / 1024,
    stdout,
  };
}

/** The sample in the middle by wall time, so that its numbers belong to one run. */
export function medianOf(samples: readonly Sample[]): Sample {
  return samples.toSorted((a, b) => a.wallS - b.wallS)[Math.floor(samples.length / 2)];
}
