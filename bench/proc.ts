/** What the kernel tells of processes; nothing off Linux. */

/** Seconds of CPU of all children of this process that have ended; undefined off Linux. */
export function endedChildrenCpuS(): number | undefined {
  return readTicks("self/stat")?.endedChildrenS;
}

/** Seconds of CPU of a process and its descendants, those that have ended included; undefined off Linux. */
export function treeCpuS(pid: number): number | undefined {
  const ticks = readTicks(`${pid}/stat`);
  return ticks &&
    childrenOf(pid).reduce((sum, child) => sum + (treeCpuS(child) ?? 0), ticks.ownS + ticks.endedChildrenS);
}

/** A process and what descends from it. */
export function treeOf(pid: number): number[] {
  return [pid, ...childrenOf(pid).flatMap(treeOf)];
}

/** Largest resident set that a process has had, in kB; 0 off Linux and where it has ended. */
export function peakKb(pid: number): number {
  return Number(/VmHWM:\s+(\d+)/.exec(readProc(`${pid}/status`))?.[1] ?? 0);
}

/** Seconds of CPU of a process's first thread, which has its number; 0 off Linux and where it has ended. */
export function mainThreadCpuS(pid: number): number {
  return readTicks(`${pid}/task/${pid}/stat`)?.ownS ?? 0;
}

/** Seconds that the kernel counts in hundredths. */
interface Ticks {
  readonly ownS: number;
  readonly endedChildrenS: number;
}

function readTicks(path: string): Ticks | undefined {
  const stat = readProc(path);
  if (stat === "") return undefined;
  // The name in parentheses may hold spaces; the fields after it start with the third.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ").map(Number);
  return { ownS: (fields[11] + fields[12]) / 100, endedChildrenS: (fields[13] + fields[14]) / 100 };
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
