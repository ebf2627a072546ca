import assert from "node:assert/strict";
import { errorIn, isMissing, parseRetryAfter, toFailure } from "./refusal.ts";

Deno.test("errorIn() reads the code of an error, and of nothing else", () => {
  const document = "<Error><Detail><Code>Inner</Code></Detail><Region>eu</Region><Code>Outer</Code></Error>";
  assert.deepEqual(errorIn(document), { code: "Outer", region: "eu" });
  for (const other of ["", "<Error/>", "<Result><Code>No</Code></Result>", "<html><p>no"]) {
    assert.deepEqual(errorIn(other), { code: "" });
  }
});

Deno.test("isMissing() holds for a missing object alone", () => {
  const refusal = (status: number, code: string) => isMissing({ kind: "refused", status, code });
  assert.equal(refusal(404, "NoSuchKey"), true);
  for (const code of ["", "NoSuchBucket", "NoSuchUpload"]) assert.equal(refusal(404, code), false);
  assert.equal(refusal(403, "NoSuchKey"), false);
});

Deno.test("parseRetryAfter() takes seconds and dates", () => {
  const now = Date.parse("2025-01-01T00:00:00Z");
  assert.equal(parseRetryAfter("7", now), 7000);
  assert.equal(parseRetryAfter("Wed, 01 Jan 2025 00:00:30 GMT", now), 30_000);
  assert.equal(parseRetryAfter("Tue, 31 Dec 2024 00:00:00 GMT", now), 0);
  assert.deepEqual([parseRetryAfter(null, now), parseRetryAfter("soon", now)], [undefined, undefined]);
});

Deno.test("toFailure() looks at causes, and tries no certificate twice", () => {
  const thrown = (...messages: string[]) =>
    messages.reduceRight<Error | undefined>((cause, message) => new TypeError(message, { cause }), undefined);
  const found = (...messages: string[]) => {
    const { finding, passing } = toFailure(thrown(...messages));
    return [finding, passing];
  };
  assert.deepEqual(found("error sending request", "tcp connect error: Connection refused (os error 111)"), [
    "the connection is refused",
    true,
  ]);
  assert.deepEqual(found("client error (Connect): dns error: failed to lookup address information"), [
    "its host has no address",
    true,
  ]);
  assert.deepEqual(found("x", "invalid peer certificate: UnknownIssuer"), ["its certificate is not trusted", false]);
  assert.deepEqual(toFailure(new Deno.errors.NotCapable("Requires net access")).passing, false);
  assert.deepEqual(found("connection closed before message completed"), ["the connection is lost", true]);
});
