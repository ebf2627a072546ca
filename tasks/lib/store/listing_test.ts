import assert from "node:assert/strict";
import { parsePage } from "./listing.ts";

const entry = (key: string) =>
  `<Contents><Owner><ID>1</ID></Owner><Size>7</Size><LastModified>2025-01-02T03:04:05.678Z</LastModified><Key>${key}</Key></Contents>`;
const page = (inner: string) => `<ListBucketResult xmlns="x"><Prefix>p/</Prefix>${inner}</ListBucketResult>`;

Deno.test("parsePage() gives objects, their keys relative, and where it goes on", () => {
  const objects = [{ key: "a&b", sizeBytes: 7, modifiedMs: Date.parse("2025-01-02T03:04:05.678Z") }];
  assert.deepEqual(parsePage(page(entry("p/a&amp;b")), { start: "p/" }), { objects });
  const cut = `<NextContinuationToken>t&#43;</NextContinuationToken>${
    entry("p/a&amp;b")
  }<IsTruncated>true</IsTruncated>`;
  assert.deepEqual(parsePage(page(cut), { start: "p/", token: "s" }), { objects, nextToken: "t+" });
  const last = "<IsTruncated>false</IsTruncated><NextContinuationToken>t</NextContinuationToken>";
  assert.deepEqual(parsePage(page(last), { start: "" }), { objects: [] });
});

Deno.test("parsePage() takes no other document, and no object that is not whole or was not asked for", () => {
  const others: readonly [string, RegExp][] = [
    ["<html/>", /its answer is <html>, no listing/],
    ["nothing", /it is not one element/],
    [page(entry("q/a")), /a key that was not asked for/],
    [page(entry("p/a").replace("7", "")), /without size or time/],
    [page(entry("p/a").replace("2025", "")), /without size or time/],
    [page("<IsTruncated>true</IsTruncated>"), /does not say where it goes on/],
  ];
  for (const [document, message] of others) {
    assert.throws(() => parsePage(document, { start: "p/" }), { name: "SyntaxError", message }, document);
  }
});
