import { freePort } from "../../tasks/lib/postgres/free_port.ts";
import { SERVER_USER } from "./cluster.ts";

const PROGRAM = "/usr/sbin/pgbouncer";

const hasPgBouncer = await Deno.stat(PROGRAM).then(() => true, () => false);

/** A test with a PgBouncer; left out, and its name says so, where Debian's is not installed. */
export function pgBouncerTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name: hasPgBouncer ? name : `${name} (ignored: pgbouncer is not installed)`, ignore: !hasPgBouncer, fn });
}

/** A PgBouncer of a test's own. */
export interface PgBouncer extends AsyncDisposable {
  /** Where it listens. */
  readonly port: number;
}

/** Starts PgBouncer in transaction mode before a server, with so many of the server's sessions for each database. */
export async function startPgBouncer(serverUrl: string, poolSize: number): Promise<PgBouncer> {
  const { port: serverPort, username } = new URL(serverUrl);
  const port = await freePort();
  const file = await Deno.makeTempFile({ suffix: ".ini" });
  await Deno.writeTextFile(
    file,
    `[databases]
* = host=127.0.0.1 port=${serverPort} user=${username}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = ${port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
default_pool_size = ${poolSize}
`,
  );
  await Deno.chmod(file, 0o644);
  const child = new Deno.Command(PROGRAM, { args: [file], cwd: "/", stdout: "null", stderr: "null", ...SERVER_USER })
    .spawn();
  await waitForPort(port);
  return {
    port,
    async [Symbol.asyncDispose]() {
      child.kill("SIGKILL");
      await child.status;
      await Deno.remove(file);
    },
  };
}

async function waitForPort(port: number): Promise<void> {
  for (let tries = 0; tries < 250; tries++) {
    const connection = await Deno.connect({ hostname: "127.0.0.1", port }).catch(() => undefined);
    if (connection) return connection.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error("PgBouncer did not start");
}
