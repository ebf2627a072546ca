import assert from "node:assert/strict";
import { bucketUrl, encodeKey, encodeQuery } from "./address.ts";

Deno.test("bucketUrl() has the bucket in AWS's host, and in the path of any other", () => {
  const at = { bucket: "lake", region: "eu-central-1" };
  assert.equal(bucketUrl(at), "https://lake.s3.eu-central-1.amazonaws.com");
  assert.equal(bucketUrl({ ...at, bucket: "my.lake" }), "https://s3.eu-central-1.amazonaws.com/my.lake");
  assert.equal(bucketUrl({ ...at, region: "cn-north-1" }), "https://lake.s3.cn-north-1.amazonaws.com.cn");
  assert.equal(bucketUrl({ ...at, endpoint: "https://store.example.com/s3" }), "https://store.example.com/s3/lake");
});

Deno.test("encodeKey() writes everything out but the letters and digits of URLs, and slashes", () => {
  assert.equal(encodeKey("dt=2025-01-01/a_b~.parquet"), "dt%3D2025-01-01/a_b~.parquet");
  assert.equal(encodeKey("a+b c&ü//(!'*)%2F"), "a%2Bb%20c%26%C3%BC//%28%21%27%2A%29%252F");
  for (const key of [".", "a/..", "../a", "a/./b"]) assert.throws(() => encodeKey(key), { name: "TaskError" }, key);
  assert.equal(encodeKey("..."), "...");
});

Deno.test("encodeQuery() writes spaces and pluses out", () => {
  assert.equal(
    encodeQuery({ uploads: "", "list-type": "2", prefix: "a b+/=" }),
    "uploads=&list-type=2&prefix=a%20b%2B%2F%3D",
  );
  assert.equal(encodeQuery({}), "");
});
