import { close, encodeMessage, startServer, type TestServer } from "./servers.ts";

/** A pooler in transaction mode before a real server: every client's transactions run, in turn, in one session.
 *
 * Clients get process numbers that are none of the server's, as from PgBouncer.
 */
export async function startPooler(serverUrl: string): Promise<TestServer> {
  const { port, username, pathname } = new URL(serverUrl);
  const server = await Deno.connect({ hostname: "127.0.0.1", port: Number(port) });
  await server.write(encodeStartUp({ user: username, database: pathname.slice(1) }));
  const fromServer = readMessages(server);
  await takeUntilReady(fromServer, () => {});
  let turn = Promise.resolve();
  const pooler = startServer(async (client) => {
    await client.read(new Uint8Array(4096));
    await client.write(GREETING);
    const fromClient = readMessages(client);
    for await (const message of fromClient) {
      if (message[0] === TERMINATE) break;
      const before = turn;
      const { promise, resolve } = Promise.withResolvers<void>();
      turn = promise;
      await before;
      await runTransaction({ client, server, fromClient, fromServer }, message).finally(resolve);
    }
    close(client);
  });
  return {
    ...pooler,
    [Symbol.dispose]() {
      pooler[Symbol.dispose]();
      close(server);
    },
  };
}

type Messages = AsyncGenerator<Uint8Array<ArrayBuffer>, undefined>;

interface Ends {
  readonly client: Deno.TcpConn;
  readonly server: Deno.TcpConn;
  readonly fromClient: Messages;
  readonly fromServer: Messages;
}

const [TERMINATE, READY, IDLE] = [..."XZI"].map((letter) => letter.charCodeAt(0));

/** Passes messages on until the server is out of a transaction. */
async function runTransaction(
  { client, server, fromClient, fromServer }: Ends,
  first: Uint8Array,
): Promise<void> {
  for (let message = first;;) {
    await server.write(message);
    const isAnswered = "QS".includes(String.fromCharCode(message[0]));
    const status = isAnswered ? await takeUntilReady(fromServer, (answer) => client.write(answer)) : undefined;
    if (status === IDLE) return;
    const next = await fromClient.next();
    if (next.done) return;
    message = next.value;
  }
}

/** Takes messages up to ReadyForQuery, and gives its transaction status. */
async function takeUntilReady(messages: Messages, pass: (message: Uint8Array) => unknown): Promise<number> {
  for (;;) {
    const { value } = await messages.next();
    if (value === undefined) throw new Error("The server closed the connection");
    await pass(value);
    if (value[0] === READY) return value[5];
  }
}

async function* readMessages(connection: Deno.TcpConn): Messages {
  let bytes = new Uint8Array();
  const chunk = new Uint8Array(65536);
  for (;;) {
    while (bytes.length >= 5) {
      const end = 1 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(1);
      if (bytes.length < end) break;
      yield bytes.slice(0, end);
      bytes = bytes.slice(end);
    }
    const count = await connection.read(chunk).catch(() => null);
    if (count === null) return;
    const longer = new Uint8Array(bytes.length + count);
    longer.set(bytes);
    longer.set(chunk.subarray(0, count), bytes.length);
    bytes = longer;
  }
}

function encodeStartUp(parameters: Readonly<Record<string, string>>): Uint8Array<ArrayBuffer> {
  const text = Object.entries(parameters).flat().map((part) => `${part}\0`).join("") + "\0";
  const body = encodeMessage(" ", new Uint8Array([0, 3, 0, 0, ...new TextEncoder().encode(text)]));
  return body.slice(1);
}

/** AuthenticationOk, BackendKeyData with a process number of nobody, ReadyForQuery. */
const GREETING = new Uint8Array([
  ...encodeMessage("R", new Uint8Array(4)),
  ...encodeMessage("K", new Uint8Array([0x7f, 0, 0, 1, 0, 0, 0, 1])),
  ...encodeMessage("Z", new Uint8Array([IDLE])),
]);
