import assert from "node:assert/strict";
import type { Socket } from "node:net";
import { close, startServer, stayUntilClosed, type TestServer } from "../../../tests/support/servers.ts";
import { openSocketOnce } from "./socket.ts";

const SSL_REQUEST = [0, 0, 0, 8, 4, 210, 22, 47];

function at({ port }: TestServer, tls = false): { host: string; port: number; tls: boolean } {
  return { host: "127.0.0.1", port, tls };
}

/** A server that answers the request for TLS, and keeps what comes after it until the client is gone. */
function startAnswering(answer: string): TestServer & { readonly received: Promise<number[]> } {
  const { promise, resolve } = Promise.withResolvers<number[]>();
  const server = startServer(async (connection) => {
    await connection.write(
      (await readBytes(connection)).length === 8 ? new TextEncoder().encode(answer) : new Uint8Array(),
    );
    resolve([...await readBytes(connection)]);
  });
  return { ...server, received: promise };
}

async function readBytes(connection: Deno.TcpConn): Promise<Uint8Array> {
  const bytes = new Uint8Array(4096);
  return bytes.subarray(0, await connection.read(bytes).catch(() => 0) ?? 0);
}

Deno.test("openSocketOnce() asks for TLS in the protocol's words, and says nothing in clear where it is not offered", async () => {
  for (const answer of ["N", "E", "Sx", "SS", "S\x16\x03"]) {
    using server = startAnswering(answer);
    const { open, destroy } = openSocketOnce(at(server, true), 5000);
    await assert.rejects(open(), { code: "NO_TLS", message: "it does not offer TLS" });
    assert.deepEqual(await server.received, [], `nothing was sent after ${JSON.stringify(answer)}`);
    destroy();
  }
});

Deno.test("openSocketOnce() begins TLS after S alone, and names the host, by which Neon finds the database", async () => {
  for (const host of ["localhost", "127.0.0.1"]) {
    using server = startAnswering("S");
    const { open, destroy } = openSocketOnce({ ...at(server, true), host }, 5000);
    const opening = assert.rejects(open());
    const hello = await server.received;
    assert.deepEqual(hello.slice(0, 2), [22, 3], "a handshake");
    const text = new TextDecoder("latin1").decode(Uint8Array.from(hello));
    assert.equal(text.includes(host), host === "localhost", "an address has no name");
    destroy();
    await opening;
  }
});

Deno.test("openSocketOnce() sends nothing of its own without TLS", async () => {
  const first = Promise.withResolvers<number[]>();
  using server = startServer(async (connection) => first.resolve([...await readBytes(connection)]));
  const { open, destroy } = openSocketOnce(at(server), 5000);
  (await open()).write("hello");
  assert.equal(new TextDecoder().decode(Uint8Array.from(await first.promise)), "hello");
  assert.notDeepEqual(await first.promise, SSL_REQUEST);
  destroy();
});

Deno.test("openSocketOnce() gives up a peer that does not answer, and closes its connection", async () => {
  const gone = Promise.withResolvers<void>();
  using server = startServer(async (connection) => {
    await stayUntilClosed(connection);
    gone.resolve();
  });
  const { open, destroy } = openSocketOnce(at(server, true), 200);
  const timer = setTimeout(() => {
    destroy();
    gone.reject(new Error("The connection is still open"));
  }, 5000);
  await assert.rejects(open(), { code: "CONNECT_TIMEOUT" });
  await gone.promise.finally(() => clearTimeout(timer));
});

Deno.test("openSocketOnce() fails at once when the peer closes in place of an answer", async () => {
  using server = startServer(close);
  const { open, destroy } = openSocketOnce(at(server, true), 60_000);
  await assert.rejects(open(), (error: { code: string }) => /^(CONNECTION_CLOSED|ECONNRESET|EPIPE)$/.test(error.code));
  destroy();
});

Deno.test("openSocketOnce() opens no further socket once the session's is gone", async () => {
  using server = startServer(() => {});
  const { open, destroy } = openSocketOnce(at(server), 5000);
  const socket = await open();
  await open();
  assert.equal(server.accepted(), 2, "one more to cancel a query");
  const closed = new Promise((resolve) => socket.once("close", resolve));
  destroy();
  await closed;
  await assert.rejects(open(), { code: "CONNECTION_CLOSED" });
  assert.equal(server.accepted(), 2);
});

/** Seconds that the kernel lets pass before it asks a silent peer; undefined where it does not ask. */
async function keepAliveS(socket: Socket): Promise<number | undefined> {
  const port = socket.localPort!.toString(16).toUpperCase().padStart(4, "0");
  const [line] = (await Deno.readTextFile("/proc/net/tcp")).split("\n").filter((row) =>
    row.includes(`:${port} 0100007F`)
  );
  const [timer, ticks] = line.trim().split(/\s+/)[5].split(":");
  return timer === "02" ? Math.ceil(parseInt(ticks, 16) / 100) : undefined;
}

Deno.test({
  name: "openSocketOnce() asks a silent peer every minute whether it is still there",
  // The kernel's table of connections is Linux's.
  ignore: Deno.build.os !== "linux",
  async fn() {
    using server = startServer(() => {});
    const { open, destroy } = openSocketOnce(at(server), 5000);
    assert.equal(await keepAliveS(await open()), 60);
    destroy();
  },
});
