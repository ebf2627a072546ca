import assert from "node:assert/strict";
import { formatStoreUrl, parseEndpoint, parseStoreUrl } from "./store_target.ts";

Deno.test("parseStoreUrl() gives bucket and prefix, without slashes at their ends", () => {
  assert.deepEqual(parseStoreUrl("s3://lake"), { bucket: "lake", prefix: "" });
  assert.deepEqual(parseStoreUrl("s3://lake/"), { bucket: "lake", prefix: "" });
  assert.deepEqual(parseStoreUrl("s3://my.lake-1/a/b c%20/"), { bucket: "my.lake-1", prefix: "a/b c%20" });
  assert.deepEqual(parseStoreUrl("s3://lake/a//"), { bucket: "lake", prefix: "a" });
});

Deno.test("parseStoreUrl() refuses what is no place in a bucket, and shows nothing of it", () => {
  const urls: Readonly<Record<string, RegExp>> = {
    "": /does not start with s3:\/\//,
    "https://s3cr3t.example.com/x": /does not start with s3:\/\//,
    "S3://s3cr3t": /does not start with s3:\/\//,
    "gs://s3cr3t": /does not start with s3:\/\//,
    "s3://AKIA:s3cr3t@lake/x": /more than a bucket before the path/,
    "s3://s3cr3t:9000/x": /more than a bucket before the path/,
    "s3:///x": /names no bucket/,
    "s3://": /names no bucket/,
    "s3://S3cr3t/x": /its bucket is no name of one/,
    "s3://../x": /its bucket is no name of one/,
    "s3://a..s3cr3t": /its bucket is no name of one/,
    "s3://s3cr3t-": /its bucket is no name of one/,
    "s3://lake/a/../s3cr3t": /empty segment, or one of dots/,
    "s3://lake/./s3cr3t": /empty segment, or one of dots/,
    "s3://lake//s3cr3t": /empty segment, or one of dots/,
    "s3://lake/a//s3cr3t": /empty segment, or one of dots/,
    "s3://lake/s3cr3t?x": /has a \?, #, \\ or control character/,
    "s3://lake/s3cr3t\n": /has a \?, #, \\ or control character/,
  };
  for (const [url, message] of Object.entries(urls)) {
    assert.throws(() => parseStoreUrl(url), (error: Error) => {
      assert.equal(error.name, "TargetError", url);
      assert.match(error.message, message, url);
      assert.doesNotMatch(error.message, /s3cr3t/i);
      return true;
    });
  }
});

Deno.test("parseEndpoint() takes https, and http to this machine alone", () => {
  assert.equal(parseEndpoint("https://store.example.com/"), "https://store.example.com");
  assert.equal(parseEndpoint("https://store.example.com:9000/s3//"), "https://store.example.com:9000/s3");
  for (const host of ["127.0.0.1:9000", "localhost:9000", "[::1]:9000"]) {
    assert.equal(parseEndpoint(`http://${host}`), `http://${host}`);
  }
  const others: Readonly<Record<string, RegExp>> = {
    "http://store.example.com": /http:\/\/ to a host that is not this machine/,
    "http://127.0.0.1.example.com": /http:\/\/ to a host that is not this machine/,
    "http://10.0.0.1": /http:\/\/ to a host that is not this machine/,
    "store.example.com": /no https:\/\/ URL/,
    "ftp://store.example.com": /no https:\/\/ URL/,
    "https://": /no https:\/\/ URL/,
    "https://me:s3cr3t@store.example.com": /it has credentials/,
    "https://store.example.com/?s3cr3t": /a query or fragment/,
    "https://store.example.com/#s3cr3t": /a query or fragment/,
  };
  for (const [url, message] of Object.entries(others)) {
    assert.throws(() => parseEndpoint(url), { name: "TargetError", message }, url);
  }
});

Deno.test("formatStoreUrl() names the endpoint's host", () => {
  assert.equal(formatStoreUrl({ bucket: "b", prefix: "" }), "s3://b");
  assert.equal(formatStoreUrl({ bucket: "b", prefix: "p/q" }, "https://h:1/x"), "s3://b/p/q at h:1");
});
