import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { AwsV4Signer } from "aws4fetch";
import { openS3, type OpenStoreOptions } from "../tasks/lib/store/s3.ts";
import type { ObjectStore, PutFileOptions } from "../tasks/lib/store/store.ts";
import { TaskError } from "../tasks/lib/task/errors.ts";
import type { StoreTarget } from "../tasks/lib/task/store_target.ts";
import { createAuthority } from "./support/certificates.ts";
import { startServer, stayUntilClosed } from "./support/servers.ts";
import {
  type Fault,
  type S3Answer,
  type S3Request,
  type S3Server,
  type S3ServerOptions,
  spawnS3,
  startS3,
  TEST_CREDENTIALS,
  VIRTUAL_HOST,
} from "./support/s3_server.ts";

const FAST = { backoffMs: 1, timeoutMs: 5000 };
const bytesOf = (text: string) => new TextEncoder().encode(text);
const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest("hex");
const error = (status: number, code: string, headers = {}): S3Answer => ({
  status,
  headers,
  body: `<Error><RequestId>1</RequestId><Message>No &amp; never</Message><Code>${code}</Code></Error>`,
});
const absent = { condition: { kind: "absent" } } as const;

interface Opened extends AsyncDisposable {
  readonly server: S3Server;
  readonly store: ObjectStore;
  readonly notes: string[];
}

/** A store below the prefix "p/q" of a server that meets these faults, one a request. */
async function open(
  faults: readonly (Fault | undefined)[] = [],
  options: S3ServerOptions & { readonly limits?: OpenStoreOptions["limits"]; readonly signal?: AbortSignal } = {},
): Promise<Opened> {
  const queue = [...faults];
  const server = await startS3({ fault: () => queue.shift(), ...options });
  const notes: string[] = [];
  const store = openS3(server.target("p/q"), {
    signal: options.signal ?? new AbortController().signal,
    note: (line) => notes.push(line),
    limits: { ...FAST, ...options.limits },
  });
  return { server, store, notes, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

/** The message of the TaskError that a promise fails with. */
async function failure(promise: Promise<unknown>): Promise<string> {
  const thrown = await promise.then(() => assert.fail("it does not fail"), (error) => error);
  assert.ok(thrown instanceof TaskError, thrown);
  assert.equal(thrown.exitCode, 1);
  return thrown.message;
}

const methods = ({ log }: S3Server) => log.map(({ method, key }) => `${method} ${key}`);

async function inDirectory(run: (directory: string) => Promise<void>): Promise<void> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-store-" });
  try {
    await run(directory);
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

Deno.test("store: what is put is got, below the prefix, until it is removed", async () => {
  await using opened = await open();
  const { store, server } = opened;
  assert.equal(store.label, `s3://lake/p/q at 127.0.0.1:${server.port}`);
  assert.deepEqual([await store.get("a/b"), await store.head("a/b")], [undefined, undefined]);
  const outcome = await store.put("a/b", bytesOf("one"), { contentType: "application/json" });
  assert.ok(outcome.kind === "stored");
  assert.deepEqual([...server.objects.keys()], ["p/q/a/b"]);
  assert.equal(server.objects.get("p/q/a/b")!.headers["content-type"], "application/json");
  assert.deepEqual(await store.get("a/b"), { bytes: bytesOf("one"), etag: outcome.etag });
  assert.deepEqual(await store.head("a/b"), { sizeBytes: 3, etag: outcome.etag });
  await store.remove("a/b");
  await store.remove("a/b");
  assert.deepEqual([server.objects.size, await store.get("a/b")], [0, undefined]);
});

Deno.test("store: a put keeps to its condition", async () => {
  await using opened = await open();
  const { store, server } = opened;
  const first = await store.put("a", bytesOf("one"), absent);
  assert.ok(first.kind === "stored");
  assert.deepEqual(await store.put("a", bytesOf("two"), absent), { kind: "unmet" });
  const unchanged = { condition: { kind: "unchanged", etag: first.etag } } as const;
  assert.equal((await store.put("a", bytesOf("three"), unchanged)).kind, "stored");
  assert.deepEqual(await store.put("a", bytesOf("four"), unchanged), { kind: "unmet" });
  assert.deepEqual(await store.put("b", bytesOf("five"), unchanged), { kind: "unmet" }, "where nothing is");
  assert.deepEqual(server.log.length, 5, "what is unmet is not tried again");
  assert.deepEqual((await store.get("a"))!.bytes, bytesOf("three"));
});

Deno.test("store: of 16 who put at once where nothing is, one stores", async () => {
  await using opened = await open();
  const outcomes = await Promise.all(
    Array.from({ length: 16 }, (_, at) => opened.store.put("a", bytesOf(`${at}`), absent)),
  );
  const won = outcomes.findIndex(({ kind }) => kind === "stored");
  assert.equal(outcomes.filter(({ kind }) => kind === "stored").length, 1);
  assert.deepEqual((await opened.store.get("a"))!.bytes, bytesOf(`${won}`));
});

Deno.test("store: every request is signed with the SHA-256 of its payload, token and condition included", async () => {
  await using opened = await open([], { limits: { multipartBytes: 1, partBytes: 4 }, minPartBytes: 1 });
  const { store, server } = opened;
  await inDirectory(async (directory) => {
    await Deno.writeTextFile(join(directory, "x"), "0123456789");
    await store.putFile("x", join(directory, "x"), { sha256: sha256(bytesOf("0123456789")), sizeBytes: 10, ...absent });
    await store.put("a", bytesOf("one"), { condition: { kind: "unchanged", etag: '"x"' } });
    await store.get("x");
    await store.head("x");
    await store.remove("x");
    await Array.fromAsync(store.list(""));
  });
  assert.equal(server.log.length, 10);
  for (const { headers, body } of server.log) {
    assert.equal(headers["x-amz-content-sha256"], sha256(body));
    assert.equal(headers["x-amz-security-token"], TEST_CREDENTIALS.sessionToken);
    assert.deepEqual([headers["transfer-encoding"], headers["accept-encoding"]], [undefined, "identity"]);
    const signed = /SignedHeaders=([^,]+)/.exec(headers.authorization)![1].split(";");
    const conditions = ["if-match", "if-none-match"].filter((name) => name in headers);
    assert.ok(["host", "x-amz-date", "x-amz-security-token", ...conditions].every((name) => signed.includes(name)));
  }
});

const ODD = [
  "a b",
  "a+b",
  "a&b",
  "ü/日本/😀",
  "q?#%2F%",
  "(!'*)~$,;:@=",
  '<"&amp;>',
  "tab\tline\r\nend",
  "a//b",
  " ",
  "ﬀ",
  "😀",
];

Deno.test("store: keys are what was put, whatever is in them", async () => {
  await using opened = await open();
  const { store } = opened;
  for (const key of ODD) await store.put(key, bytesOf(key), absent);
  for (const key of ODD) assert.deepEqual((await store.get(key))!.bytes, bytesOf(key), key);
  const listed = (await Array.fromAsync(store.list(""))).map(({ key }) => key);
  const order = new Map(ODD.map((key) => [key, bytesOf(key).toHex()]));
  assert.deepEqual(listed, ODD.toSorted((a, b) => order.get(a)! < order.get(b)! ? -1 : 1));
  for (const key of ODD) await store.remove(key);
  assert.equal(opened.server.objects.size, 0);
  for (const key of ["../x", "a/./b", ".."]) {
    assert.match(
      await failure(store.put(key, bytesOf(key))),
      /^Cannot name object ".*" in a URL: ".*" has a meaning there; /,
    );
  }
});

Deno.test("store: a listing goes on over its pages, with what is below its prefix alone", async () => {
  await using opened = await open([], { pageKeys: 3 });
  const { store, server } = opened;
  const days = Array.from({ length: 7 }, (_, day) => `dt=2025-01-0${day + 1}/x`);
  for (const [at, key] of days.toReversed().entries()) await store.put(key, new Uint8Array(at));
  await store.put("other", new Uint8Array());
  await openS3(server.target("p"), { signal: new AbortController().signal }).put("dt=1", new Uint8Array());
  server.log.length = 0;
  const listed = await Array.fromAsync(store.list("dt="));
  assert.deepEqual(listed.map(({ key, sizeBytes }) => [key, sizeBytes]), days.map((key, at) => [key, 6 - at]));
  for (const { modifiedMs } of listed) assert.ok(Math.abs(modifiedMs - Date.now()) < 60_000);
  assert.equal(server.log.length, 3);
  assert.deepEqual(await Array.fromAsync(store.list("none")), []);
});

Deno.test("store: without a prefix keys begin at the bucket", async () => {
  await using server = await startS3();
  const store = openS3(server.target(), { signal: new AbortController().signal });
  await store.put("a", bytesOf("one"));
  assert.deepEqual([...server.objects.keys()], ["a"]);
  assert.deepEqual((await Array.fromAsync(store.list(""))).map(({ key }) => key), ["a"]);
});

for (const status of [408, 429, 500, 502, 503, 504]) {
  Deno.test(`store: ${status} is tried again`, async () => {
    await using opened = await open([error(status, "Any"), { status, body: "<html>" }]);
    assert.equal((await opened.store.put("a", bytesOf("one"), absent)).kind, "stored");
    assert.equal(opened.server.log.length, 3);
    assert.match(
      opened.notes[0],
      new RegExp(`^Could not put object "a" to s3://lake/p/q at .*: ${status} Any; attempt 2 of 6 in 0\\.0 s$`),
    );
  });
}

for (const code of ["ConditionalRequestConflict", "OperationAborted"]) {
  Deno.test(`store: 409 ${code} is tried again`, async () => {
    await using opened = await open([error(409, code)]);
    assert.equal((await opened.store.put("a", bytesOf("one"), absent)).kind, "stored");
  });
}

for (const code of ["RequestTimeout", "XAmzContentSHA256Mismatch", "BadDigest", "IncompleteBody"]) {
  Deno.test(`store: 400 ${code} is tried again`, async () => {
    await using opened = await open([error(400, code)]);
    assert.equal((await opened.store.put("a", bytesOf("one"))).kind, "stored");
  });
}

Deno.test("store: a connection that ends is tried again, before the answer and in its midst", async () => {
  // Deno itself sends once more what a kept connection took and did not answer.
  await using opened = await open(["cut", "cut", undefined, "cut-body", "cut-body", "cut-body"]);
  const { store, server } = opened;
  const body = new Uint8Array(randomBytes(60_000));
  assert.equal((await store.put("a", body, absent)).kind, "stored");
  assert.deepEqual((await store.get("a"))!.bytes, body);
  assert.deepEqual(server.log.filter(({ method }) => method === "GET").length, 4);
  assert.match(opened.notes.at(-1)!, /^Could not get object "a" from .*: the connection is lost; attempt 4 of 6 in /);
});

Deno.test("store: a put whose answer is lost meets its own object", async () => {
  await using opened = await open(["store-then-cut"]);
  assert.deepEqual(await opened.store.put("a", bytesOf("one"), absent), { kind: "unmet" });
  assert.deepEqual((await opened.store.get("a"))!.bytes, bytesOf("one"));
});

Deno.test("store: a put without a condition stores the same again where its answer is lost", async () => {
  await using opened = await open(["store-then-cut"]);
  assert.equal((await opened.store.put("a", bytesOf("one"))).kind, "stored");
});

Deno.test("store: an answer that does not come is given up, and asked for again", async () => {
  await using opened = await open([{ delayMs: 60_000 }], { limits: { timeoutMs: 200 } });
  assert.equal((await opened.store.put("a", bytesOf("one"))).kind, "stored");
  assert.match(opened.notes[0], /: nothing has come within 0\.2 s; attempt 2 of 6 in /);
});

Deno.test("store: a body that stalls is given up, one that comes slowly is not", async () => {
  const slow = (bytes: readonly number[]) =>
    startServer(async (connection) => {
      await connection.read(new Uint8Array(65_536));
      await connection.write(bytesOf('HTTP/1.1 200 OK\r\netag: "x"\r\ncontent-length: 3\r\n\r\n'));
      for (const byte of bytes) {
        await new Promise((resolve) => setTimeout(resolve, 200));
        await connection.write(new Uint8Array([byte]));
      }
      await stayUntilClosed(connection);
    });
  const options = { signal: new AbortController().signal, limits: { attempts: 1, timeoutMs: 350 } };
  const at = (port: number): StoreTarget => (
    {
      bucket: "b",
      prefix: "",
      endpoint: `http://127.0.0.1:${port}`,
      region: "r",
      credentials: TEST_CREDENTIALS,
      label: "s3://b",
    }
  );
  using whole = slow([1, 2, 3]);
  assert.deepEqual((await openS3(at(whole.port), options).get("a"))!.bytes, new Uint8Array([1, 2, 3]));
  using cut = slow([1, 2]);
  assert.match(await failure(openS3(at(cut.port), options).get("a")), /: nothing has come within 0\.4 s; /);
});

Deno.test("store: attempts end, and the last finding is told", async () => {
  await using opened = await open(Array.from({ length: 20 }, () => error(503, "SlowDown")));
  assert.equal(
    await failure(opened.store.put("dt=1/x", bytesOf("one"), absent)),
    `Cannot put object "dt=1/x" to ${opened.store.label}: 503 SlowDown; look whether the store is in order, and run it again`,
  );
  assert.equal(opened.server.log.length, 6);
  assert.equal(opened.notes.length, 5);
});

Deno.test("store: waits grow, and a store's Retry-After counts", async () => {
  const busy = error(503, "SlowDown");
  await using opened = await open(
    [busy, busy, busy, error(503, "SlowDown", { "retry-after": "1" })],
    { limits: { backoffMs: 100 } },
  );
  const start = performance.now();
  await opened.store.put("a", bytesOf("one"));
  const waited = opened.notes.map((note) => Number(/ in ([\d.]+) s$/.exec(note)![1]));
  assert.ok(waited[0] <= 0.1 && waited[1] >= 0.1 && waited[1] <= 0.2 && waited[2] >= 0.2, `${waited}`);
  assert.equal(waited[3], 1);
  assert.ok(performance.now() - start > 1200);
});

Deno.test("store: an abort ends a request, and a wait, within a moment and with its reason", async () => {
  for (const fault of [{ delayMs: 60_000 }, error(503, "SlowDown", { "retry-after": "60" })]) {
    const abort = new AbortController();
    await using opened = await open([fault], { signal: abort.signal });
    const reason = new Error("Ctrl-C");
    setTimeout(() => abort.abort(reason), 100);
    const start = performance.now();
    await assert.rejects(opened.store.put("a", bytesOf("one")), reason);
    assert.ok(performance.now() - start < 2000);
    await assert.rejects(opened.store.get("a"), reason, "and asks nothing afterwards");
    assert.equal(opened.server.log.length, 1);
  }
});

/** What the store says, what comes out, how often it is asked. */
const REFUSALS: readonly [S3Answer, RegExp][] = [
  [error(403, "AccessDenied"), /403 AccessDenied; let the policy of this access key /],
  [error(403, "InvalidAccessKeyId"), /403 InvalidAccessKeyId; correct AWS_ACCESS_KEY_ID/],
  [error(403, "SignatureDoesNotMatch"), /403 SignatureDoesNotMatch; correct AWS_SECRET_ACCESS_KEY$/],
  [error(400, "ExpiredToken"), /400 ExpiredToken; get new credentials/],
  [error(404, "NoSuchBucket"), /404 NoSuchBucket; create the bucket/],
  [error(301, "PermanentRedirect"), /301 PermanentRedirect; set AWS_REGION /],
  [{ status: 307, headers: { location: "http://127.0.0.1:1/" } }, /307; set AWS_REGION /],
  [error(400, "AuthorizationHeaderMalformed"), /400 AuthorizationHeaderMalformed; set AWS_REGION /],
  [error(403, "RequestTimeTooSkewed"), /403 RequestTimeTooSkewed; set this machine's clock$/],
  [
    { ...error(301, "PermanentRedirect"), headers: { "x-amz-bucket-region": "eu-1" } },
    /301 PermanentRedirect; set AWS_REGION to eu-1, /,
  ],
  [
    { status: 400, body: "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-1</Region></Error>" },
    /400 AuthorizationHeaderMalformed; set AWS_REGION to eu-1, /,
  ],
  [error(501, "NotImplemented"), /501 NotImplemented; use a store that takes /],
  [{ status: 403, body: "<html>no</html>" }, /403; let the policy /],
  [{ status: 404, body: "" }, /404; look whether S3_ENDPOINT is that of an S3 store/],
  [error(412, "PreconditionFailed"), /412 PreconditionFailed; another program has replaced it/],
];

for (const [answer, expected] of REFUSALS) {
  Deno.test(`store: ${expected.source.split(";")[0]} is told, with what to do, and not tried again`, async () => {
    const calls: [string, (store: ObjectStore) => Promise<unknown>][] = [
      ['put object "k" to', (store) => store.put("k", bytesOf("one"))],
      ['get object "k" from', (store) => store.get("k")],
      ['remove object "k" from', (store) => store.remove("k")],
      ['list objects "k" of', (store) => Array.fromAsync(store.list("k"))],
      ['look at object "k" of', (store) => store.head("k")],
    ];
    for (const [purpose, call] of calls) {
      await using opened = await open([answer, answer]);
      const message = await failure(call(opened.store));
      assert.ok(message.startsWith(`Cannot ${purpose} ${opened.store.label}: `), message);
      assert.match(message, expected);
      assert.equal(opened.server.log.length, purpose.startsWith("look") ? 2 : 1);
    }
  });
}

Deno.test("store: a missing bucket, an unknown key and a wrong region are no missing objects", async () => {
  await using server = await startS3();
  const target = server.target("p");
  const wrong: [Partial<StoreTarget>, RegExp][] = [
    [{ bucket: "other" }, /404 NoSuchBucket/],
    [{ credentials: { ...TEST_CREDENTIALS, accessKeyId: "AKIAOTHER" } }, /403 InvalidAccessKeyId/],
    [{ credentials: { ...TEST_CREDENTIALS, secretAccessKey: "s3cr3t/other" } }, /403 SignatureDoesNotMatch/],
    [
      { credentials: { ...TEST_CREDENTIALS, sessionToken: "t0k3n/other" } },
      /400 InvalidToken; correct AWS_SESSION_TOKEN/,
    ],
    [{ region: "eu-central-1" }, /400 AuthorizationHeaderMalformed/],
  ];
  for (const [change, expected] of wrong) {
    const notes: string[] = [];
    const options = { signal: new AbortController().signal, note: (line: string) => notes.push(line), limits: FAST };
    const store = openS3({ ...target, ...change }, options);
    for (const call of [() => store.get("a"), () => store.head("a"), () => store.put("a", bytesOf("one"), absent)]) {
      const message = await failure(call());
      assert.match(message, expected);
      assert.doesNotMatch(message + notes, /TESTKEY|AKIAOTHER|s3cr3t|t0k3n|test-session|test\/secret|AWS4-HMAC/);
    }
  }
});

Deno.test("store: a clock that is wrong is told", async () => {
  for (const clockAheadMs of [-3_600_000, 3_600_000]) {
    await using opened = await open([], { clockAheadMs });
    assert.match(await failure(opened.store.get("a")), /: 403 RequestTimeTooSkewed; set this machine's clock$/);
  }
});

Deno.test("store: where nobody listens, and where no TLS or no S3 is spoken, S3_ENDPOINT is named", async () => {
  using web = startServer(async (connection) => {
    await connection.read(new Uint8Array(65_536));
    await connection.write(bytesOf("HTTP/1.1 200 OK\r\ncontent-length: 5\r\nconnection: close\r\n\r\nhello"));
  });
  const base = { bucket: "b", prefix: "", region: "r", credentials: TEST_CREDENTIALS, label: "s3://b" };
  const options = { signal: new AbortController().signal, limits: { ...FAST, attempts: 2 } };
  const at = (endpoint: string) => openS3({ ...base, endpoint }, options);
  const closed = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = closed.addr as Deno.NetAddr;
  closed.close();
  const messages = [
    [await failure(at(`http://127.0.0.1:${port}`).get("a")), /: the connection is refused; .*S3_ENDPOINT/],
    [await failure(at(`https://127.0.0.1:${web.port}`).get("a")), /: it does not speak TLS as expected; .*S3_ENDPOINT/],
    [await failure(at("http://nowhere.invalid").get("a")), /: its host has no address; .*S3_ENDPOINT/],
    [await failure(at(`http://127.0.0.1:${web.port}`).get("a")), /: its answer has no ETag; .*S3_ENDPOINT/],
    [
      await failure(Array.fromAsync(at(`http://127.0.0.1:${web.port}`).list(""))),
      /^Cannot list objects "" of .*S3_ENDPOINT/,
    ],
  ] as const;
  for (const [message, expected] of messages) assert.match(message, expected);
});

Deno.test("store: a certificate that nobody trusts is told, and not tried again", async () => {
  await inDirectory(async (directory) => {
    const { ssl_cert_file, ssl_key_file } = await (await createAuthority(directory)).issue("IP:127.0.0.1");
    const [cert, key] = [ssl_cert_file, ssl_key_file].map((path) => Deno.readTextFileSync(path));
    const listener = Deno.listenTls({ hostname: "127.0.0.1", port: 0, cert, key });
    const shaken = (async () => {
      for await (const connection of listener) {
        await connection.handshake().catch(() => {});
        connection.close();
      }
    })();
    const notes: string[] = [];
    const endpoint = `https://127.0.0.1:${(listener.addr as Deno.NetAddr).port}`;
    const target = { bucket: "b", prefix: "", endpoint, region: "r", credentials: TEST_CREDENTIALS, label: "s3://b" };
    const store = openS3(target, {
      signal: new AbortController().signal,
      note: (line) => notes.push(line),
      limits: FAST,
    });
    assert.match(await failure(store.get("a")), /: its certificate is not trusted; .*DENO_CERT in the environment$/);
    assert.deepEqual(notes, []);
    listener.close();
    await shaken;
  });
});

Deno.test("store: an object that HEAD does not tell of is told by GET", async () => {
  await using opened = await open([undefined, { status: 403 }]);
  const stored = await opened.store.put("a", bytesOf("hello"));
  assert.ok(stored.kind === "stored");
  assert.deepEqual(await opened.store.head("a"), { sizeBytes: 5, etag: stored.etag });
});

Deno.test("store: a listing that leads nowhere ends", async () => {
  const page = (inner: string): S3Answer => ({ status: 200, body: `<ListBucketResult>${inner}</ListBucketResult>` });
  const again = page("<IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>");
  for (const pages of [[page("<IsTruncated>true</IsTruncated>")], [again, again]]) {
    await using opened = await open(pages);
    assert.match(await failure(Array.fromAsync(opened.store.list(""))), /: its answer is cut, and does not say where /);
  }
});

const options = (bytes: Uint8Array, rest: Partial<PutFileOptions> = {}): PutFileOptions => (
  { sha256: sha256(bytes), sizeBytes: bytes.length, ...rest }
);

Deno.test("store: a file below the limit is put in one request, and keeps its SHA-256", async () => {
  await using opened = await open();
  const { store, server } = opened;
  await inDirectory(async (directory) => {
    const path = join(directory, "x");
    const bytes = new Uint8Array(randomBytes(50_000));
    await Deno.writeFile(path, bytes);
    const sent: number[] = [];
    const outcome = await store.putFile("x", path, options(bytes, { ...absent, onBytes: (count) => sent.push(count) }));
    assert.ok(outcome.kind === "stored");
    assert.deepEqual(sent, [50_000]);
    assert.deepEqual(await store.head("x"), { sizeBytes: 50_000, etag: outcome.etag, sha256: sha256(bytes) });
    assert.deepEqual(await store.putFile("x", path, options(bytes, absent)), { kind: "unmet" });
    assert.deepEqual(methods(server), ["PUT p/q/x", "HEAD p/q/x", "PUT p/q/x"]);
    const other = await failure(store.putFile("y", path, options(bytes, { sha256: sha256(bytesOf("other")) })));
    assert.match(other, /^Cannot upload ".*x": it is not what it was /);
    assert.equal(await store.head("y"), undefined);
  });
});

const PARTED = { minPartBytes: 1, limits: { multipartBytes: 10_000, partBytes: 4000 } };

/** A file of 10,000 bytes, which goes in three parts. */
async function withParts(
  faults: readonly (Fault | undefined)[],
  run: (opened: Opened & { path: string; bytes: Uint8Array }) => Promise<void>,
  more: Parameters<typeof open>[1] = {},
): Promise<void> {
  await using opened = await open(faults, { ...PARTED, ...more });
  await inDirectory(async (directory) => {
    const [path, bytes] = [join(directory, "x"), new Uint8Array(randomBytes(10_000))];
    await Deno.writeFile(path, bytes);
    await run({ ...opened, path, bytes });
  });
}

const asked = ({ log }: S3Server) =>
  log.map(({ method, query }) => [method, ...Object.keys(query).filter((name) => name !== "uploadId")].join(" "));

Deno.test("store: a large file is put in parts, one after another", async () => {
  await withParts([], async ({ store, server, path, bytes }) => {
    const sent: number[] = [];
    const outcome = await store.putFile("x", path, options(bytes, { ...absent, onBytes: (count) => sent.push(count) }));
    assert.ok(outcome.kind === "stored");
    assert.deepEqual(sent, [4000, 4000, 2000]);
    assert.deepEqual(asked(server), ["POST uploads", "PUT partNumber", "PUT partNumber", "PUT partNumber", "POST"]);
    assert.deepEqual(server.log.map(({ headers }) => headers["if-none-match"]), [...Array(4), "*"]);
    assert.deepEqual(await store.get("x"), { bytes: bytes, etag: outcome.etag });
    assert.equal((await store.head("x"))!.sha256, sha256(bytes));
    assert.equal(server.uploads.size, 0);
  });
});

Deno.test("store: parts that are unmet are removed", async () => {
  await withParts([], async ({ store, server, path, bytes }) => {
    await store.put("x", bytesOf("one"));
    assert.deepEqual(await store.putFile("x", path, options(bytes, absent)), { kind: "unmet" });
    const unchanged = { condition: { kind: "unchanged", etag: '"other"' } } as const;
    assert.deepEqual(await store.putFile("x", path, options(bytes, unchanged)), { kind: "unmet" });
    assert.deepEqual(await store.putFile("none", path, options(bytes, unchanged)), { kind: "unmet" });
    assert.deepEqual([server.uploads.size, (await store.get("x"))!.bytes], [0, bytesOf("one")]);
  });
});

Deno.test("store: each request of an upload in parts is tried again", async () => {
  const busy = error(503, "SlowDown");
  const faults = [busy, undefined, busy, undefined, "cut", "cut", undefined, undefined, busy] as const;
  await withParts(faults, async ({ store, server, path, bytes }) => {
    assert.equal((await store.putFile("x", path, options(bytes, absent))).kind, "stored");
    assert.deepEqual((await store.get("x"))!.bytes, bytes);
    assert.equal(server.uploads.size, 0);
  });
});

Deno.test("store: an error in the body of a success is one", async () => {
  const late = (code: string) => ({ ...error(200, code), headers: { "content-type": "application/xml" } });
  await withParts([, , , , late("InternalError")], async ({ store, path, bytes }) => {
    assert.equal((await store.putFile("x", path, options(bytes, absent))).kind, "stored", "it passes");
  });
  await withParts([, , , , late("AccessDenied")], async ({ store, server, path, bytes }) => {
    assert.match(
      await failure(store.putFile("x", path, options(bytes, absent))),
      /: 200 AccessDenied; let the policy /,
    );
    assert.deepEqual([server.uploads.size, server.objects.size], [0, 0]);
  });
  await withParts([, , , , late("PreconditionFailed")], async ({ store, server, path, bytes }) => {
    assert.deepEqual(await store.putFile("x", path, options(bytes, absent)), { kind: "unmet" });
    assert.equal(server.uploads.size, 0);
  });
});

Deno.test("store: parts in conflict with another put are sent anew", async () => {
  const conflict = error(409, "ConditionalRequestConflict");
  await withParts([, , , , conflict], async ({ store, server, path, bytes }) => {
    const sent: number[] = [];
    const given = options(bytes, { ...absent, onBytes: (count) => sent.push(count) });
    assert.equal((await store.putFile("x", path, given)).kind, "stored");
    assert.deepEqual(sent, [4000, 4000, 2000], "no byte is told twice");
    assert.equal(asked(server).filter((line) => line === "POST uploads").length, 2);
    assert.equal(server.uploads.size, 0);
  });
  const always = ({ method, query }: S3Request) => method === "POST" && "uploadId" in query ? conflict : undefined;
  await withParts([], async ({ store, server, path, bytes }) => {
    assert.match(await failure(store.putFile("x", path, options(bytes, absent))), /: 409 ConditionalRequestConflict; /);
    assert.equal(asked(server).filter((line) => line === "POST uploads").length, 4);
    assert.equal(server.uploads.size, 0);
  }, { fault: always });
});

Deno.test("store: parts whose joining was not answered are found joined", async () => {
  for (const [condition, kind] of [[absent.condition, "unmet"], [undefined, "stored"]] as const) {
    await withParts([, , , , "store-then-cut"], async ({ store, server, path, bytes }) => {
      const outcome = await store.putFile("x", path, options(bytes, { condition }));
      assert.equal(outcome.kind, kind);
      assert.deepEqual((await store.get("x"))!.bytes, bytes);
      if (outcome.kind === "stored") assert.equal(outcome.etag, server.objects.get("p/q/x")!.etag);
    });
  }
  await withParts([, , , , error(404, "NoSuchUpload")], async ({ store, path, bytes }) => {
    assert.match(await failure(store.putFile("x", path, options(bytes))), /: 404 NoSuchUpload; /, "nothing is there");
  });
});

Deno.test("store: parts that are too small for the store are told", async () => {
  await withParts([], async ({ store, server, path, bytes }) => {
    assert.match(await failure(store.putFile("x", path, options(bytes))), /: 400 EntityTooSmall; /);
    assert.deepEqual([server.uploads.size, server.objects.size], [0, 0]);
  }, { minPartBytes: 4001 });
});

Deno.test("store: parts are removed where an upload fails, is interrupted, or its file is another", async () => {
  await withParts([, , error(403, "AccessDenied")], async ({ store, server, path, bytes }) => {
    assert.match(await failure(store.putFile("x", path, options(bytes))), /: 403 AccessDenied; /);
    assert.equal(server.uploads.size, 0);
  });
  for (const wrong of [{ sha256: "0".repeat(64) }, { sizeBytes: 10_001 }]) {
    await withParts([], async ({ store, server, path, bytes }) => {
      assert.match(
        await failure(store.putFile("x", path, options(bytes, wrong))),
        /^Cannot upload ".*": it is not what /,
      );
      assert.deepEqual([server.uploads.size, server.objects.size], [0, 0]);
    });
  }
  const abort = new AbortController();
  await withParts([, , { delayMs: 60_000 }], async ({ store, server, path, bytes }) => {
    const reason = new Error("Ctrl-C");
    setTimeout(() => abort.abort(reason), 200);
    await assert.rejects(store.putFile("x", path, options(bytes)), reason);
    assert.equal(server.uploads.size, 0);
  }, { signal: abort.signal });
});

Deno.test("store: an object is written to a new file, with its size and SHA-256", async () => {
  await using opened = await open();
  await inDirectory(async (directory) => {
    const bytes = new Uint8Array(randomBytes(300_000));
    const stored = await opened.store.put("x", bytes);
    assert.ok(stored.kind === "stored");
    const path = join(directory, "x");
    let told = 0;
    const got = await opened.store.getFile("x", path, { onBytes: (count) => told += count });
    assert.deepEqual(got, { sizeBytes: 300_000, sha256: sha256(bytes), etag: stored.etag });
    assert.deepEqual([told, Deno.readFileSync(path)], [300_000, bytes]);
    assert.match(await failure(opened.store.getFile("x", path)), /^Cannot write ".*x": .*exists/);
    assert.deepEqual(Deno.readFileSync(path), bytes, "what was there stays");
    assert.equal(await opened.store.getFile("none", join(directory, "none")), undefined);
    assert.deepEqual([...Deno.readDirSync(directory)].map(({ name }) => name), ["x"]);
  });
});

Deno.test("store: a download goes on where its connection ended", async () => {
  await using opened = await open([, "cut-body", error(503, "SlowDown"), "cut-body"]);
  await inDirectory(async (directory) => {
    const bytes = new Uint8Array(randomBytes(300_000));
    await opened.store.put("x", bytes);
    let told = 0;
    const path = join(directory, "x");
    const got = await opened.store.getFile("x", path, { onBytes: (count) => told += count });
    assert.deepEqual([got!.sha256, told, Deno.readFileSync(path)], [sha256(bytes), 300_000, bytes]);
    const ranges = opened.server.log.flatMap(({ headers }) => headers.range ?? []);
    assert.deepEqual(ranges, ["bytes=150000-", "bytes=150000-", "bytes=225000-"]);
  });
});

Deno.test("store: a download takes no answer that begins elsewhere", async () => {
  const whole: S3Answer = { status: 200, headers: { etag: '"x"' }, body: new Uint8Array(100_000) };
  await using opened = await open([undefined, "cut-body", whole, whole]);
  await inDirectory(async (directory) => {
    await opened.store.put("x", new Uint8Array(100_000));
    assert.equal((await opened.store.getFile("x", join(directory, "x")))!.sizeBytes, 100_000);
    assert.equal(opened.server.log.length, 5);
  });
});

Deno.test("store: a download does not go on with another object, and leaves no file", async () => {
  await inDirectory(async (directory) => {
    const path = join(directory, "x");
    let gets = 0;
    const server: S3Server = await startS3({
      fault: ({ method }) => {
        if (method !== "GET") return undefined;
        if (++gets > 1) server.objects.set("x", { ...server.objects.get("x")!, etag: '"other"' });
        return gets === 1 ? "cut-body" : undefined;
      },
    });
    await using _ = server;
    const store = openS3(server.target(), { signal: new AbortController().signal, limits: FAST });
    await store.put("x", new Uint8Array(100_000));
    assert.match(await failure(store.getFile("x", path)), /: 412 PreconditionFailed; another program has replaced it/);
    assert.deepEqual([...Deno.readDirSync(directory)], []);
  });
});

Deno.test("store: an aborted download leaves no file", async () => {
  const abort = new AbortController();
  await using opened = await open([, { delayMs: 60_000 }], { signal: abort.signal });
  await inDirectory(async (directory) => {
    await opened.store.put("x", new Uint8Array(100_000));
    setTimeout(() => abort.abort(new Error("Ctrl-C")), 100);
    await assert.rejects(opened.store.getFile("x", join(directory, "x")), /Ctrl-C/);
    assert.deepEqual([...Deno.readDirSync(directory)], []);
  });
});

Deno.test("store: a disk that is full is no lost connection", { ignore: Deno.build.os !== "linux" }, async () => {
  await using opened = await open();
  await opened.store.put("x", new Uint8Array(100_000));
  assert.match(await failure(opened.store.getFile("x", "/proc/self/x")), /^Cannot write "\/proc\/self\/x": /);
  assert.equal(opened.server.log.length, 1);
});

Deno.test("s3 server: a bucket in the host's name is one", async () => {
  await using server = await startS3();
  const host = `lake.${VIRTUAL_HOST}:${server.port}`;
  const ask = async (method: string, body: string) => {
    const { url, headers } = await new AwsV4Signer({
      ...TEST_CREDENTIALS,
      region: "auto",
      service: "s3",
      url: `http://${host}/dt%3D1/x`,
      method,
      headers: { "x-amz-content-sha256": sha256(bytesOf(body)) },
    }).sign();
    return await new Promise((resolve, reject) => {
      const options = { host: "127.0.0.1", port: server.port, path: url.pathname, method, agent: false };
      const request = httpRequest({ ...options, headers: { ...Object.fromEntries(headers), host } }, (response) => {
        response.resume().on("end", () => resolve(response.statusCode));
      });
      request.on("error", reject).end(body);
    });
  };
  assert.equal(await ask("PUT", "one"), 200);
  assert.deepEqual([...server.objects.keys()], ["dt=1/x"]);
  assert.equal(await ask("GET", ""), 200);
});

Deno.test("s3 server: one of a process of its own serves several, and ends with its reader", async () => {
  await using server = await spawnS3({ busy: 0.2, cut: 0.2, lost: 0.2 });
  const target = server.target("p");
  assert.match(target.label, /^s3:\/\/lake\/p at 127\.0\.0\.1:\d+$/);
  const store = openS3(target, { signal: new AbortController().signal, limits: { ...FAST, attempts: 50 } });
  const keys = Array.from({ length: 20 }, (_, at) => `k${at + 10}`);
  await Promise.all(keys.map((key) => store.put(key, bytesOf(key), absent)));
  for (const key of keys) assert.deepEqual((await store.get(key))!.bytes, bytesOf(key));
  assert.deepEqual((await Array.fromAsync(store.list(""))).map(({ key }) => key), keys);
});
