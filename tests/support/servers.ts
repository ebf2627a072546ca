import { sleep } from "../../tasks/lib/task/sleep.ts";

/** A TCP server of a test's own, on a loopback port. */
export interface TestServer extends Disposable {
  /** Where it listens. */
  readonly port: number;
  /** How many connections it has accepted. */
  accepted(): number;
}

/** A server that gives each connection to `serve`, and closes all of them in the end. */
export function startServer(serve: (connection: Deno.TcpConn, number: number) => Promise<void> | void): TestServer {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const connections = new Set<Deno.TcpConn>();
  let accepted = 0;
  const loop = async () => {
    for await (const connection of listener) {
      connections.add(connection);
      // A peer that is gone ends its connection, not the test.
      Promise.resolve(serve(connection, ++accepted)).catch(() => {});
    }
  };
  loop();
  return {
    port: listener.addr.port,
    accepted: () => accepted,
    [Symbol.dispose]() {
      listener.close();
      for (const connection of connections) close(connection);
    },
  };
}

/** Closes a connection that may be closed already. */
export function close(connection: Deno.TcpConn): void {
  try {
    connection.close();
  } catch {
    // It is closed.
  }
}

/** Reads and writes until the client has closed its end altogether, not only stopped to send. */
export async function stayUntilClosed(connection: Deno.TcpConn): Promise<void> {
  const bytes = new Uint8Array(4096);
  while (await connection.read(bytes).catch(() => null) !== null);
  // Its answer to what it does not expect any more ends the connection.
  while (await connection.write(new Uint8Array(1)).then(() => true, () => false)) await sleep(10);
}

/** Passes everything between a connection and a port on this machine until either ends, the client's part later. */
export async function forward(connection: Deno.TcpConn, port: number, delayMs = 0): Promise<void> {
  const upstream = await Deno.connect({ hostname: "127.0.0.1", port });
  const delay = new TransformStream<Uint8Array<ArrayBuffer>, Uint8Array<ArrayBuffer>>({
    async transform(bytes, controller) {
      if (delayMs > 0) await sleep(delayMs);
      controller.enqueue(bytes);
    },
  });
  await Promise.allSettled([
    connection.readable.pipeThrough(delay).pipeTo(upstream.writable),
    upstream.readable.pipeTo(connection.writable),
  ]);
}

/** One message of the Postgres protocol: a type, a length and a body. */
export function encodeMessage(type: string, body: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(5 + body.length);
  message[0] = type.charCodeAt(0);
  new DataView(message.buffer).setUint32(1, 4 + body.length);
  message.set(body, 5);
  return message;
}

/** An ErrorResponse that ends a connection attempt. */
export function encodeError(code: string, message: string): Uint8Array<ArrayBuffer> {
  return encodeMessage("E", new TextEncoder().encode(`SFATAL\0VFATAL\0C${code}\0M${message}\0\0`));
}

/** Reads the start-up message, and writes an answer. */
export async function answerStartUp(connection: Deno.TcpConn, answer: Uint8Array): Promise<void> {
  await connection.read(new Uint8Array(4096));
  await connection.write(answer);
}
