import { connect as dial, type Socket } from "node:net";
import { connect as secure } from "node:tls";
import type { ServerTarget } from "../task/target.ts";
import { createCopyTap, type TakeRow } from "./copy_tap.ts";

/** The socket of one session. */
export interface SessionSocket {
  /** The session's socket, ready for the start-up message; further ones, to cancel a query, only while it is open. */
  readonly open: () => Promise<Socket>;
  /** Ends it without waiting for the peer. */
  readonly destroy: () => void;
  /** Says who takes the rows of COPYs; nobody but the session itself where undefined. */
  readonly tap: (take: TakeRow | undefined) => void;
  /** Lets the server wait until a promise is resolved. */
  readonly pause: (until: Promise<void>) => Promise<void>;
}

/** Where a session's socket goes. */
export interface SocketTarget extends Pick<ServerTarget, "host" | "port" | "tls"> {
  /** PEM certificates of the authorities that count; those whom Deno trusts where undefined. */
  readonly certificates?: string[];
}

const KEEP_ALIVE_MS = 60_000;

/** The socket of a session that ends with it.
 *
 * Left alone, postgres.js connects again for ever, without a pause to a peer that accepts and closes, and compares the
 * certificate of an IP address with "localhost".
 */
export function openSocketOnce(target: SocketTarget, timeoutMs: number): SessionSocket {
  const opened: Socket[] = [];
  let session: Socket | undefined;
  let take: TakeRow | undefined;
  let waits = 0;
  return {
    async open() {
      if (opened[0]?.destroyed) throw codedError("CONNECTION_CLOSED", "the connection was closed");
      const socket = dial(target.port, target.host);
      opened.push(socket);
      const timer = setTimeout(() => socket.destroy(codedError("CONNECT_TIMEOUT", "no answer")), timeoutMs);
      try {
        await nextEvent(socket, "connect");
        // A peer that is gone without a word is found, and a router on the way keeps a long silence open.
        socket.setKeepAlive(true, KEEP_ALIVE_MS);
        const ready = target.tls ? await startTls(socket, target) : socket;
        // Those that follow cancel a query of the first one.
        if (session === undefined) {
          divert(session = ready, () => take);
          holdBack(session, () => waits > 0);
        }
        return ready;
      } finally {
        clearTimeout(timer);
      }
    },
    destroy: () => opened.forEach((socket) => socket.destroy()),
    tap: (taker) => take = taker,
    async pause(until) {
      waits++;
      session!.pause();
      await until;
      if (--waits === 0) session!.resume();
    },
  };
}

/** Takes the rows of COPYs out of what a socket gives to its listeners, while there is somebody who takes them. */
function divert(socket: Socket, taker: () => TakeRow | undefined): void {
  const emit: (event: string | symbol, ...args: unknown[]) => boolean = socket.emit.bind(socket);
  const tap = createCopyTap({
    take(bytes, start, end) {
      const take = taker();
      take?.(bytes, start, end);
      return take !== undefined;
    },
    pass: (bytes) => void emit("data", bytes),
  });
  socket.emit = function (event: string | symbol, ...args: unknown[]): boolean {
    if (event !== "data") return emit(event, ...args);
    tap(args[0] as Uint8Array);
    return true;
  };
}

/** Has a socket go on only while nobody waits: whoever reads a stream of it would have it go on. */
function holdBack(socket: Socket, isWaiting: () => boolean): void {
  const resume = socket.resume.bind(socket);
  socket.resume = () => isWaiting() ? socket : resume();
}

/** SSLRequest: its length, and its number in place of a protocol version. */
const SSL_REQUEST = new Uint8Array([0, 0, 0, 8, 4, 210, 22, 47]);

async function startTls(socket: Socket, { host, certificates }: SocketTarget): Promise<Socket> {
  socket.write(SSL_REQUEST);
  const answer = await nextEvent(socket, "data") as Uint8Array;
  // Anything behind the one letter would be unencrypted bytes that somebody on the way has added.
  if (String.fromCharCode(...answer) !== "S") {
    socket.destroy();
    throw codedError("NO_TLS", "it does not offer TLS");
  }
  const encrypted = secure({ socket, host, ca: certificates });
  await nextEvent(encrypted, "secureConnect");
  return encrypted;
}

function nextEvent(socket: Socket, event: string): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const onClose = () => reject(codedError("CONNECTION_CLOSED", "the connection was closed"));
    const done = (settle: (value: unknown) => void) => (value: unknown) => {
      socket.off(event, onEvent).off("error", onError).off("close", onClose);
      settle(value);
    };
    const [onEvent, onError] = [done(resolve), done(reject)];
    socket.once(event, onEvent).once("error", onError).once("close", onClose);
  });
}

/** An error with a code, as Node's own. */
export function codedError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
