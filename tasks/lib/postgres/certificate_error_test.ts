import assert from "node:assert/strict";
import { findInCertificate } from "./certificate_error.ts";

const HOST = { host: "db.example.com" };
const mismatch = (cert: unknown) => ({ code: "ERR_TLS_CERT_ALTNAME_INVALID", message: "no", cert });

Deno.test("findInCertificate() names up to five names of a certificate, and its subject where it has none", () => {
  const names = ["a.io", "b.io", "*.c.io", "::1", "10.0.0.1", "f.io"];
  const subjectaltname = names.map((name) => `${/^[\d:.]+$/.test(name) ? "IP Address" : "DNS"}:${name}`).join(", ");
  const findings = [{ subjectaltname }, { subject: { CN: "old.io" } }, {}].map((cert) =>
    findInCertificate(mismatch(cert), HOST)?.finding
  );
  assert.deepEqual(findings, [
    "its certificate is for a.io, b.io, *.c.io, ::1, 10.0.0.1, ..., not for name db.example.com",
    "its certificate is for old.io, not for name db.example.com",
    "its certificate is for no name, not for name db.example.com",
  ]);
});

Deno.test("findInCertificate() tells an address from a name", () => {
  for (const [host, kind] of [["10.0.0.1", "address"], ["::1", "address"], ["10.example.com", "name"]]) {
    assert.match(findInCertificate(mismatch({}), { host })!.finding, new RegExp(`not for ${kind} ${host}$`));
  }
});

Deno.test("findInCertificate() gives every other refusal of a certificate in the library's words, and nothing else", () => {
  assert.deepEqual(findInCertificate({ code: "CERT_NOT_YET_VALID", message: "certificate is not yet valid" }, HOST), {
    finding: "its certificate is refused (certificate is not yet valid)",
    remedy: "look at the server's certificate, and at this machine's clock",
  });
  for (const error of [{ code: "ECONNREFUSED", message: "CERT" }, new Error("CERT"), { code: "28P01" }]) {
    assert.equal(findInCertificate(error, HOST), undefined);
  }
});
