import { VARIABLES } from "../tasks/lib/task/settings.ts";

/** What one run of a command has cost. */
export interface Sample {
  /** Seconds from start to end. */
  readonly wallS: number;
  /** Seconds of CPU, of the command and all that it waited for; undefined where there is no /proc. */
  readonly cpuS?: number;
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
  const cpuBefore = childrenCpuS();
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
  let peakKb = 0;
  const look = () => peakKb = Math.max(peakKb, peakOfTree(child.pid));
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
  const cpuAfter = childrenCpuS();
  return {
    wallS,
    cpuS: cpuBefore === undefined || cpuAfter === undefined ? undefined : cpuAfter - cpuBefore,
    peakMb: peakKb === 0 ? undefined : peakKb / 1024,
    stdout,
  };
}

/** CPU of all children that have ended, which the kernel counts in hundredths of a second; undefined off Linux. */
function childrenCpuS(): number | undefined {
  const stat = readProc("self/stat");
  if (stat === "") return undefined;
  // The name in parentheses may hold spaces; the fields after it start with the third.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[13]) + Number(fields[14])) / 100;
}

/** Largest peak of a process and its descendants, in kB; 0 off Linux and where it has ended. */
function peakOfTree(pid: number): number {
  const own = Number(/VmHWM:\s+(\d+)/.exec(readProc(`${pid}/status`))?.[1] ?? 0);
  return Math.max(own, ...childrenOf(pid).map(peakOfTree));
}

function childrenOf(pid: number): number[] {
  try {
    const threads = [...Deno.readDirSync(`/proc/${pid}/task`)].map(({ name }) => name);
    return threads.flatMap((thread) =>
      readProc(`${pid}/task/${thread}/children`).split(" ").filter(Boolean).map(Number)
    );
  } catch {
    return [];
  }
}

function readProc(path: string): string {
  try {
    return Deno.readTextFileSync(`/proc/${path}`);
  } catch {
    return "";
  }
}

/** The sample in the middle by wall time, so that its numbers belong to one run. */
export function medianOf(samples: readonly Sample[]): Sample {
  return samples.toSorted((a, b) => a.wallS - b.wallS)[Math.floor(samples.length / 2)];
}
