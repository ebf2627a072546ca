import { EXIT, TaskError } from "../task/errors.ts";
import type { ServerTarget } from "../task/target.ts";

/** Options of `startService` and `stopService`. */
export interface DockerOptions {
  /** Gets each line that docker prints while it works. */
  readonly onLine: (line: string) => void;
  /** Ends docker. */
  readonly signal: AbortSignal;
}

/** URL of the database in docker-compose.yml. */
export const SERVICE_URL = "postgresql://heretix:heretix@localhost:5432/heretix";

const INSTEAD = "or unset DATABASE_URL to use the embedded database, which needs no docker";

/** Starts the database of docker-compose.yml, waits until it is healthy and gives where docker has published its port;
 * undefined where it says none.
 *
 * Errors: TaskError (exit 1) that says what to do without docker, without its engine or without its compose plugin.
 */
export async function startService(options: DockerOptions): Promise<Pick<ServerTarget, "host" | "port"> | undefined> {
  const up = ["up", "--detach", "--wait", "--wait-timeout", "120"];
  const address = await compose("start", [up, ["port", "postgres", "5432"]], options);
  const [found, host, port] = /^\[?([^\]]+)\]?:(\d+)$/.exec(address.trim()) ?? [];
  return found === undefined ? undefined : { host, port: Number(port) };
}

/** Stops the database of docker-compose.yml; its volume, and so its rows, stay.
 *
 * Errors: as `startService`.
 */
export async function stopService(options: DockerOptions): Promise<void> {
  await compose("stop", [["down"]], options);
}

/** Runs commands of docker compose and gives the output of the last. */
async function compose(
  verb: "start" | "stop",
  commands: readonly (readonly string[])[],
  options: DockerOptions,
): Promise<string> {
  const fail = (finding: string, remedy: string) =>
    new TaskError(`Cannot ${verb} service "postgres": ${finding}; ${remedy}`, EXIT.failed);
  const engine = await docker(["version", "--format", "{{.Server.Version}}"], { signal: options.signal });
  if (engine === undefined) throw fail("docker is not installed", `install docker and start it, ${INSTEAD}`);
  if (!engine.success) throw fail(`docker has no engine to talk to (${engine.lastLine})`, `start docker, ${INSTEAD}`);
  const plugin = await docker(["compose", "version"], { signal: options.signal });
  if (!plugin?.success) throw fail("docker has no compose plugin", `install docker compose, ${INSTEAD}`);
  let stdout = "";
  for (const args of commands) {
    const run = await docker(["compose", ...args], options);
    if (!run?.success) throw fail(`docker compose failed (${run?.lastLine})`, "correct what it says and try again");
    stdout = run.stdout;
  }
  return stdout;
}

/** How a docker command ended; undefined where there is no docker. */
async function docker(
  args: readonly string[],
  { onLine, signal }: Partial<DockerOptions>,
): Promise<{ success: boolean; stdout: string; lastLine: string } | undefined> {
  let child;
  try {
    child = new Deno.Command("docker", { args: [...args], stdin: "null", stdout: "piped", stderr: "piped", signal })
      .spawn();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
  const stdout = new Response(child.stdout).text();
  let lastLine = "no message";
  for await (const line of linesOf(child.stderr)) {
    onLine?.(line);
    lastLine = line;
  }
  return { success: (await child.status).success, stdout: await stdout, lastLine };
}

/** Lines with something on them. */
async function* linesOf(stream: ReadableStream<Uint8Array<ArrayBuffer>>): AsyncGenerator<string> {
  let rest = "";
  for await (const text of stream.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split(/[\r\n]+/);
    rest = lines.pop()!;
    yield* lines.filter((line) => line.trim() !== "");
  }
  if (rest.trim() !== "") yield rest;
}
