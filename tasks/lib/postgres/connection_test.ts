import assert from "node:assert/strict";
import {
  answerStartUp,
  encodeError,
  encodeMessage,
  startServer,
  stayUntilClosed,
  type TestServer,
} from "../../../tests/support/servers.ts";
import { closeConnection, connect } from "./connection.ts";
import { parseDatabaseUrl, type ServerTarget } from "../task/target.ts";

/** A server that answers each client's start-up message, or not, and stays until the client is gone. */
function startStaying(answer?: Uint8Array): TestServer & { readonly gone: Promise<void> } {
  const { promise: gone, resolve } = Promise.withResolvers<void>();
  const server = startServer(async (connection) => {
    if (answer) await answerStartUp(connection, answer);
    await stayUntilClosed(connection);
    resolve();
  });
  return { ...server, gone };
}

function at({ port }: TestServer): ServerTarget {
  return parseDatabaseUrl(`postgres://me:s3cr3t@127.0.0.1:${port}/db`);
}

/** Waits for the server's only client to be gone, at most five seconds since `start`. */
async function assertGone(gone: Promise<void>, start: number): Promise<void> {
  const late = Promise.withResolvers<never>();
  const timer = setTimeout(() => late.reject(new Error("The client is still there")), start + 5000 - performance.now());
  await Promise.race([gone, late.promise]).finally(() => clearTimeout(timer));
}

for (
  const [name, answer, finding] of [
    ["refuses", encodeError("28P01", "wrong password"), /: wrong password; check user and password/],
    ["stays silent", undefined, /: it does not answer; /],
  ] as const
) {
  Deno.test(`connect() leaves no connection behind to a server that ${name} and does not close`, async () => {
    using server = startStaying(answer);
    const start = performance.now();
    await assert.rejects(connect(at(server), { waitMs: 1000, signal: AbortSignal.timeout(10_000) }), (error: Error) => {
      assert.match(error.message, finding);
      assert.equal(error.message.includes("s3cr3t"), false);
      return true;
    });
    await assertGone(server.gone, start);
  });
}

Deno.test("connect() asks a server for nothing that a role's time limits could end", async () => {
  const asked = Promise.withResolvers<string>();
  const ready = encodeMessage("Z", new TextEncoder().encode("I"));
  using server = startServer(async (connection) => {
    await answerStartUp(connection, Uint8Array.from([...encodeMessage("R", new Uint8Array(4)), ...ready]));
    const bytes = new Uint8Array(4096);
    asked.resolve(new TextDecoder().decode(bytes.subarray(0, await connection.read(bytes) ?? 0)));
    await connection.write(Uint8Array.from([...encodeMessage("I", new Uint8Array()), ...ready]));
  });
  await closeConnection(await connect(at(server), { waitMs: 1000 }), 0);
  assert.equal(await asked.promise, "Q\0\0\0\x05\0", "a query without a statement");
});

Deno.test("connect() ends its waiting with its signal, and its connection too", async () => {
  using server = startStaying();
  const start = performance.now();
  const signal = AbortSignal.timeout(200);
  await assert.rejects(connect(at(server), { waitMs: 60_000, signal }), { name: "TimeoutError" });
  await assertGone(server.gone, start);
});
