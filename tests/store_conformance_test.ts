import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { AwsV4Signer } from "aws4fetch";
import { parseXml, textOf } from "../tasks/lib/store/xml.ts";
import type { StoreTarget } from "../tasks/lib/task/store_target.ts";
import { startS3 } from "./support/s3_server.ts";

/** What a store must do for a lake to be whole in it, asked without the client: run it against any store that is to hold
 * one, by TEST_S3_ENDPOINT and its companions. */
const SETTINGS = ["ENDPOINT", "BUCKET", "ACCESS_KEY_ID", "SECRET_ACCESS_KEY", "SESSION_TOKEN", "REGION"] as const;

/** The store that the environment names; undefined for the tests' own. */
function givenTarget(): Omit<StoreTarget, "label"> | undefined {
  const [endpoint, bucket = "", accessKeyId = "", secretAccessKey = "", sessionToken, region = "auto"] = SETTINGS.map(
    (name) => Deno.env.get(`TEST_S3_${name}`) || undefined,
  );
  if (endpoint === undefined) return undefined;
  assert.ok(
    bucket && accessKeyId && secretAccessKey,
    "TEST_S3_BUCKET, _ACCESS_KEY_ID and _SECRET_ACCESS_KEY are needed",
  );
  return { endpoint, bucket, prefix: "", region, credentials: { accessKeyId, secretAccessKey, sessionToken } };
}

interface Ask {
  readonly method?: string;
  readonly query?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: Uint8Array<ArrayBuffer>;
  /** Of another body, of another client, of another time. */
  readonly sha256?: string;
  readonly signer?: Partial<ConstructorParameters<typeof AwsV4Signer>[0]>;
  readonly bucket?: string;
  /** Sent in place of what was signed. */
  readonly sent?: Readonly<Record<string, string>>;
}

interface Told {
  readonly status: number;
  readonly headers: Headers;
  readonly bytes: Uint8Array;
  readonly text: string;
  readonly code: string;
}

const sha256 = (bytes: Uint8Array) => createHash("sha256").update(bytes).digest();
const bytesOf = (text: string) => new TextEncoder().encode(text);
const BODY = bytesOf("hello parquet");
const OTHER = bytesOf("hello other parquet");
const STALE = '"00000000000000000000000000000000"';
const SHA = sha256(BODY).toString("hex");

/** Written out as in the signature: some stores refuse what is signed otherwise than sent. */
const encodeKey = (key: string) =>
  encodeURIComponent(key).replaceAll("%2F", "/")
    .replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

function createAsk(target: Omit<StoreTarget, "label">) {
  return async (key: string, ask: Ask = {}): Promise<Told> => {
    const { method = "GET", query = "", headers, body, signer, bucket = target.bucket, sent } = ask;
    const hash = ask.sha256 ?? sha256(body ?? new Uint8Array()).toString("hex");
    const signed = await new AwsV4Signer({
      ...target.credentials,
      region: target.region,
      service: "s3",
      url: `${target.endpoint}/${bucket}/${encodeKey(key)}${query}`,
      method,
      headers: { ...headers, "x-amz-content-sha256": hash },
      ...signer,
    }).sign();
    for (const [name, value] of Object.entries(sent ?? {})) {
      if (value === "") signed.headers.delete(name);
      else signed.headers.set(name, value);
    }
    const signal = AbortSignal.timeout(20_000);
    const response = await fetch(signed.url, { method, headers: signed.headers, body, redirect: "manual", signal });
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    const code = text.includes("<Error>") ? textOf(parseXml(text), "Code") ?? "" : "";
    return { status: response.status, headers: response.headers, bytes, text, code };
  };
}

Deno.test("store: it does what a lake relies on", async (test) => {
  const given = givenTarget();
  await using own = given ? undefined : await startS3();
  const target = given ?? own!.target();
  const ask = createAsk(target);
  const root = `conformance-${crypto.randomUUID()}`;
  const put = (key: string, body: Uint8Array<ArrayBuffer>, headers: Record<string, string> = {}) =>
    ask(`${root}/${key}`, { method: "PUT", body, headers });
  const get = (key: string, headers: Record<string, string> = {}) => ask(`${root}/${key}`, { headers });
  const head = (key: string, headers: Record<string, string> = {}) =>
    ask(`${root}/${key}`, { method: "HEAD", headers });
  const isStatus = ({ status, code }: Told, ...statuses: number[]) =>
    assert.ok(statuses.includes(status), `${status} ${code}, where ${statuses.join(" or ")} is needed`);
  const isCode = ({ status, code }: Told, ...codes: string[]) => assert.ok(codes.includes(code), `${status} ${code}`);
  const list = async (prefix: string, query = "") => {
    const encoded = encodeURIComponent(`${root}/${prefix}`);
    const told = await ask("", { query: `?list-type=2&prefix=${encoded}${query}` });
    isStatus(told, 200);
    const page = parseXml(told.text);
    const objects = page.children.filter(({ name }) => name === "Contents");
    return {
      keys: objects.map((object) => textOf(object, "Key")!.slice(root.length + 1)),
      sizes: objects.map((object) => Number(textOf(object, "Size"))),
      times: objects.map((object) => Date.parse(textOf(object, "LastModified")!)),
      token: textOf(page, "IsTruncated") === "true" ? textOf(page, "NextContinuationToken") : undefined,
    };
  };
  let points = 0;
  const point = (name: string, run: () => Promise<unknown>) =>
    test.step(`${++points} ${name}`, async () => void await run());

  let etag = "";
  await point("If-None-Match: * stores where nothing is, and tells an ETag", async () => {
    const told = await put("a", BODY, { "if-none-match": "*", "x-amz-meta-sha256": SHA, "content-type": "text/x-a" });
    isStatus(told, 200);
    etag = told.headers.get("etag")!;
    assert.match(etag, /^".+"$/);
  });
  await point("If-None-Match: * is refused where something is", async () => {
    isStatus(await put("a", OTHER, { "if-none-match": "*" }), 412);
  });
  await point("... and what was there stays", async () => assert.deepEqual((await get("a")).bytes, BODY));
  await point("GET tells the ETag of the PUT", async () => assert.equal((await get("a")).headers.get("etag"), etag));
  await point("HEAD tells size, ETag, type and x-amz-meta-sha256", async () => {
    const { headers } = await head("a");
    const told = ["content-length", "etag", "content-type", "x-amz-meta-sha256"].map((name) => headers.get(name));
    assert.deepEqual(told, [`${BODY.length}`, etag, "text/x-a", SHA]);
  });
  await point("If-Match is refused with another ETag", async () => {
    isStatus(await put("a", OTHER, { "if-match": STALE }), 412);
    assert.deepEqual((await get("a")).bytes, BODY);
  });
  await point("If-Match stores with the right ETag, and the ETag is another then", async () => {
    const told = await put("a", OTHER, { "if-match": etag });
    isStatus(told, 200);
    assert.notEqual(told.headers.get("etag"), etag);
    assert.deepEqual((await get("a")).bytes, OTHER);
  });
  await point(
    "... so that the old ETag is refused",
    async () => isStatus(await put("a", BODY, { "if-match": etag }), 412),
  );
  await point("If-Match is refused where nothing is", async () => {
    const told = await put("none", BODY, { "if-match": STALE });
    isStatus(told, 404, 412);
    isCode(told, "NoSuchKey", "PreconditionFailed");
  });
  await point("... and nothing is stored", async () => isStatus(await head("none"), 404));
  await point("a PUT without a condition replaces", async () => {
    isStatus(await put("a", BODY), 200);
    assert.deepEqual((await get("a")).bytes, BODY);
  });

  await point("a payload of another SHA-256 is refused", async () => {
    isStatus(await ask(`${root}/b`, { method: "PUT", body: BODY, sha256: "0".repeat(64) }), 400);
  });
  await point("... and nothing is stored", async () => isStatus(await head("b"), 404));
  await point("a right x-amz-checksum-sha256 is taken, and told with checksum mode", async () => {
    const checksum = sha256(BODY).toString("base64");
    isStatus(await put("c", BODY, { "x-amz-checksum-sha256": checksum }), 200);
    const { headers } = await head("c", { "x-amz-checksum-mode": "ENABLED" });
    assert.equal(headers.get("x-amz-checksum-sha256"), checksum);
  });
  await point("a wrong x-amz-checksum-sha256 is refused, and nothing is stored", async () => {
    isStatus(await put("d", BODY, { "x-amz-checksum-sha256": sha256(OTHER).toString("base64") }), 400);
    isStatus(await head("d"), 404);
  });
  await point("a wrong Content-MD5 is refused, and nothing is stored", async () => {
    const md5 = createHash("md5").update(OTHER).digest("base64");
    isStatus(await put("e", BODY, { "content-md5": md5 }), 400);
    isStatus(await head("e"), 404);
  });
  await point("an empty object is one", async () => {
    isStatus(await put("empty", new Uint8Array()), 200);
    assert.equal((await get("empty")).bytes.length, 0);
  });

  await point("a wrong secret is refused", async () => {
    const told = await ask(`${root}/a`, { signer: { secretAccessKey: `${target.credentials.secretAccessKey}x` } });
    isStatus(told, 403);
    isCode(told, "SignatureDoesNotMatch");
  });
  await point("an unknown access key is refused, and not as a missing object", async () => {
    const told = await ask(`${root}/nothing`, { signer: { accessKeyId: "AKIAIOSFODNN7NOBODY1" } });
    isStatus(told, 401, 403, 404);
    assert.ok(!["", "NoSuchKey"].includes(told.code), told.code);
  });
  await point(
    "no signature is refused",
    async () => isStatus(await ask(`${root}/a`, { sent: { authorization: "" } }), 403),
  );
  await point("another region is refused", async () => {
    isStatus(await ask(`${root}/a`, { signer: { region: "nowhere-1" } }), 400, 403);
  });
  await point("a request of an hour ago is refused", async () => {
    const datetime = new Date(Date.now() - 3_600_000).toISOString().replace(/[:-]|\.\d{3}/g, "");
    const told = await ask(`${root}/a`, { signer: { datetime } });
    isStatus(told, 403);
    isCode(told, "RequestTimeTooSkewed");
  });
  await point("a condition that was changed on the way is refused", async () => {
    isStatus(
      await ask(`${root}/a`, {
        method: "PUT",
        body: OTHER,
        headers: { "if-match": STALE },
        sent: { "if-match": etag },
      }),
      403,
    );
    assert.deepEqual((await get("a")).bytes, BODY);
  });

  await point("a header of the store's that was added on the way is refused", async () => {
    const sent = { "x-amz-meta-sha256": SHA };
    isStatus(await ask(`${root}/added`, { method: "PUT", body: BODY, sent }), 400, 403);
    isStatus(await head("added"), 404);
  });

  await point("GET of nothing is 404 NoSuchKey", async () => {
    const told = await get("nothing");
    isStatus(told, 404);
    isCode(told, "NoSuchKey");
  });
  await point("a bucket that is not there is 404 NoSuchBucket", async () => {
    const told = await ask("x", { method: "PUT", body: BODY, bucket: `none-${crypto.randomUUID()}` });
    isStatus(told, 404);
    isCode(told, "NoSuchBucket");
  });
  await point("GET with If-None-Match of the same ETag is 304", async () => {
    isStatus(await get("a", { "if-none-match": (await head("a")).headers.get("etag")! }), 304);
  });
  await point(
    "GET with If-Match of another ETag is 412",
    async () => isStatus(await get("a", { "if-match": STALE }), 412),
  );
  await point("GET of a range is 206 with its bytes", async () => {
    const told = await get("a", { range: "bytes=0-4" });
    isStatus(told, 206);
    assert.equal(told.text, "hello");
    assert.equal((await get("a", { range: "bytes=6-" })).text, "parquet");
  });

  const odd = ["a b ü+&.parquet", "q?#%2F%.parquet", "(!'*)~$,;:@=.parquet", '<"&amp;>.parquet'];
  await point("keys are what was put, whatever is in them", async () => {
    for (const name of odd) isStatus(await put(`odd/dt=2025-01-01/${name}`, bytesOf(name)), 200);
    for (const name of odd) assert.equal((await get(`odd/dt=2025-01-01/${name}`)).text, name);
    const expected = odd.map((name) => `odd/dt=2025-01-01/${name}`).sort();
    assert.deepEqual((await list("odd/")).keys, expected);
  });
  const days = Array.from({ length: 5 }, (_, day) => `list/dt=2025-01-0${day + 1}/x.parquet`);
  await point("a listing is in order, with sizes and times, and has what was put a moment ago", async () => {
    for (const [at, key] of days.toReversed().entries()) await put(key, new Uint8Array(at));
    const { keys, sizes, times, token } = await list("list/dt=");
    assert.deepEqual([keys, sizes, token], [days, [4, 3, 2, 1, 0], undefined]);
    for (const time of times) assert.ok(Math.abs(time - Date.now()) < 15 * 60_000);
  });
  await point("a listing in pages has every key once", async () => {
    const pages: string[][] = [];
    for (let query: string | undefined = ""; query !== undefined;) {
      const { keys, token } = await list("list/", `&max-keys=2${query}`);
      pages.push(keys);
      query = token && `&continuation-token=${encodeURIComponent(token)}`;
    }
    assert.deepEqual(pages, [days.slice(0, 2), days.slice(2, 4), days.slice(4)]);
  });
  await point("a prefix ends anywhere in a key", async () => {
    assert.deepEqual((await list("list/dt=2025-01-03")).keys, [days[2]]);
    assert.deepEqual((await list("list/none")).keys, []);
  });

  await point("DELETE removes", async () => {
    isStatus(await ask(`${root}/${days[0]}`, { method: "DELETE" }), 204);
    isStatus(await get(days[0]), 404);
    assert.deepEqual((await list("list/")).keys, days.slice(1));
  });
  await point(
    "DELETE of nothing is no error",
    async () => isStatus(await ask(`${root}/${days[0]}`, { method: "DELETE" }), 204),
  );
  await point("DELETE with If-Match of another ETag is refused", async () => {
    isStatus(await ask(`${root}/${days[1]}`, { method: "DELETE", headers: { "if-match": STALE } }), 412);
    isStatus(await head(days[1]), 200);
  });
  await point("DeleteObjects removes those that it names", async () => {
    const keys = days.slice(1, 3).map((key) => `<Object><Key>${root}/${key}</Key></Object>`);
    const body = bytesOf(`<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">${keys.join("")}</Delete>`);
    const headers = { "x-amz-checksum-sha256": sha256(body).toString("base64") };
    isStatus(await ask("", { method: "POST", query: "?delete", body, headers }), 200);
    assert.deepEqual((await list("list/")).keys, days.slice(3));
  });

  const upload = async (key: string, parts: readonly Uint8Array<ArrayBuffer>[]) => {
    const path = `${root}/${key}`;
    const created = await ask(path, { method: "POST", query: "?uploads", headers: { "x-amz-meta-sha256": SHA } });
    isStatus(created, 200);
    const id = encodeURIComponent(textOf(parseXml(created.text), "UploadId")!);
    const etags: string[] = [];
    for (const [at, body] of parts.entries()) {
      const told = await ask(path, { method: "PUT", query: `?partNumber=${at + 1}&uploadId=${id}`, body });
      isStatus(told, 200);
      etags.push(told.headers.get("etag")!);
    }
    const named = etags.map((etag, at) => `<Part><PartNumber>${at + 1}</PartNumber><ETag>${etag}</ETag></Part>`);
    const body = bytesOf(`<CompleteMultipartUpload>${named.join("")}</CompleteMultipartUpload>`);
    const query = `?uploadId=${id}`;
    return {
      join: (headers: Record<string, string> = {}) => ask(path, { method: "POST", query, body, headers }),
      abort: () => ask(path, { method: "DELETE", query }),
      part: (ask_: Ask) => ask(path, { method: "PUT", query: `?partNumber=1&uploadId=${id}`, ...ask_ }),
    };
  };
  const big = new Uint8Array(5 * 1024 * 1024).fill(7);
  await point("parts are joined under If-None-Match: *, with what was declared at the start", async () => {
    const parts = await upload("m", [big, BODY]);
    isStatus(await head("m"), 404);
    const told = await parts.join({ "if-none-match": "*" });
    isStatus(told, 200);
    assert.equal(parseXml(told.text).name, "CompleteMultipartUploadResult");
    const { headers } = await head("m");
    assert.deepEqual([headers.get("content-length"), headers.get("x-amz-meta-sha256")], [
      `${big.length + BODY.length}`,
      SHA,
    ]);
    assert.equal(headers.get("etag"), textOf(parseXml(told.text), "ETag"));
    assert.equal((await get("m", { range: `bytes=${big.length}-` })).text, "hello parquet");
  });
  await point("parts are not joined under If-None-Match: * where something is", async () => {
    const parts = await upload("m", [OTHER]);
    const told = await parts.join({ "if-none-match": "*" });
    assert.ok(told.status === 412 || told.code === "PreconditionFailed", `${told.status} ${told.code}`);
    assert.equal((await head("m")).headers.get("content-length"), `${big.length + BODY.length}`);
    isStatus(await parts.abort(), 204);
  });
  await point("parts are joined under If-Match of the right ETag alone", async () => {
    const parts = await upload("m", [OTHER]);
    const told = await parts.join({ "if-match": STALE });
    assert.ok(told.status === 412 || told.code === "PreconditionFailed", `${told.status} ${told.code}`);
    isStatus(await parts.join({ "if-match": (await head("m")).headers.get("etag")! }), 200);
    assert.deepEqual((await get("m")).bytes, OTHER);
  });
  await point("a part of another SHA-256 is refused", async () => {
    const parts = await upload("n", []);
    isStatus(await parts.part({ body: BODY, sha256: "0".repeat(64) }), 400);
    isStatus(await parts.abort(), 204);
  });
  await point("an upload that was aborted is not joined", async () => {
    const parts = await upload("n", [BODY]);
    isStatus(await parts.abort(), 204);
    const told = await parts.join();
    isStatus(told, 404);
    isCode(told, "NoSuchUpload");
    isStatus(await head("n"), 404);
  });

  const winners = async (asks: readonly Promise<Told>[]) => {
    const told = await Promise.all(asks);
    for (const answer of told) isStatus(answer, 200, 409, 412);
    return told.flatMap(({ status }, at) => status === 200 ? [at] : []);
  };
  const texts = Array.from({ length: 16 }, (_, at) => bytesOf(`number ${at}`));
  await point("of 16 who put under If-None-Match: * one wins", async () => {
    const won = await winners(texts.map((body) => put("race", body, { "if-none-match": "*" })));
    assert.equal(won.length, 1);
    assert.equal((await get("race")).text, `number ${won[0]}`);
  });
  await point("of 16 who put under one If-Match one wins", async () => {
    const current = (await head("race")).headers.get("etag")!;
    const won = await winners(
      texts.toReversed().map((body) => put("race", bytesOf(`${body} again`), { "if-match": current })),
    );
    assert.equal(won.length, 1);
    assert.equal((await get("race")).text, `${texts[15 - won[0]]} again`);
  });
  await point("of 8 who join parts under If-None-Match: * one wins", async () => {
    const uploads = await Promise.all(texts.slice(0, 8).map((body) => upload("race-m", [body])));
    const told = await Promise.all(uploads.map((parts) => parts.join({ "if-none-match": "*" })));
    const won = told.flatMap(({ status, code }, at) => status === 200 && code === "" ? [at] : []);
    assert.equal(won.length, 1);
    assert.equal((await get("race-m")).text, `number ${won[0]}`);
    await Promise.all(uploads.map((parts) => parts.abort()));
  });

  for (let keys = (await list("")).keys; keys.length > 0; keys = (await list("")).keys) {
    for (const key of keys) isStatus(await ask(`${root}/${key}`, { method: "DELETE" }), 204);
  }
});
