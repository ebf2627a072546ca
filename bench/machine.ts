/** The machine and the versions that numbers were made with, in one line. */
export async function describeMachine(serverVersion: string): Promise<string> {
  const { total } = Deno.systemMemoryInfo();
  const parts = [
    `${navigator.hardwareConcurrency} cores of ${await processorName()}`,
    `${Math.round(total / 2 ** 30)} GB`,
    `${Deno.build.os} ${Deno.osRelease()}`,
    `Deno ${Deno.version.deno}`,
    `Postgres ${serverVersion}`,
  ];
  return parts.join(", ");
}

async function processorName(): Promise<string> {
  const text = await Deno.readTextFile("/proc/cpuinfo").catch(() => "");
  return /^model name\s*:\s*(.+)$/m.exec(text)?.[1] ?? Deno.build.arch;
}

/** Whether psql can be run here. */
export async function hasPsql(): Promise<boolean> {
  try {
    return (await new Deno.Command("psql", { args: ["--version"], stdout: "null" }).output()).success;
  } catch {
    return false;
  }
}
