import assert from "node:assert/strict";
import { directHostOf, isLocalHost, parseDatabaseUrl, TargetError } from "./target.ts";

const SECRET = "s3cr3t";

Deno.test("parseDatabaseUrl() gives host, port, user, password and database", () => {
  assert.deepEqual(
    parseDatabaseUrl("postgresql+psycopg://me%40x:p%23%25@db.example.com:6543/a%20b?channel_binding=require"),
    {
      kind: "server",
      host: "db.example.com",
      port: 6543,
      user: "me@x",
      password: "p#%",
      database: "a b",
      tls: true,
      local: false,
      label: "me@x@db.example.com/a b",
    },
  );
  const { host, port, password } = parseDatabaseUrl("postgres://me@[::1]/db");
  assert.deepEqual([host, port, password], ["::1", 5432, ""]);
});

Deno.test("parseDatabaseUrl() wants TLS of every host that is not local, whatever sslmode says", () => {
  const target = (host: string, sslmode?: string) =>
    parseDatabaseUrl(`postgresql://me:${SECRET}@${host}/db${sslmode ? `?sslmode=${sslmode}` : ""}`);
  for (const host of ["db.example.com", "10.0.0.1", "128.0.0.1", "localhost.example.com", "[fe80::1]"]) {
    for (const sslmode of [undefined, "require", "verify-ca", "verify-full", "anything"]) {
      assert.equal(target(host, sslmode).tls, true, `${host} ${sslmode}`);
    }
    for (const sslmode of ["disable", "allow", "prefer"]) {
      assert.throws(() => target(host, sslmode), {
        name: "TargetError",
        message: `sslmode=${sslmode} for a host that is not local; TLS is required there, remove sslmode`,
      });
    }
  }
});

Deno.test("parseDatabaseUrl() is plain on this machine for disable, allow, prefer and nothing, and else TLS", () => {
  for (const host of ["localhost", "127.0.0.1", "127.255.1.2", "[::1]"]) {
    const tlsOf = (query: string) => parseDatabaseUrl(`postgres://me@${host}/db${query}`).tls;
    for (const query of ["", "?sslmode=disable", "?sslmode=allow", "?sslmode=prefer"]) {
      assert.equal(tlsOf(query), false);
    }
    for (const query of ["?sslmode=require", "?sslmode=verify-full"]) assert.equal(tlsOf(query), true);
  }
});

Deno.test("parseDatabaseUrl() refuses what is no such URL, without any part of its secrets", () => {
  const urls: [string, RegExp][] = [
    [`mysql://me:${SECRET}@host/db`, /^it does not start with postgresql:/],
    [`me:${SECRET}@host/db`, /^it does not start with postgresql:/],
    [`postgres://me:${SECRET}#@host/db`, /^it is not a valid URL; percent-encode/],
    [`postgres://me:${SECRET}@host:99999/db`, /^it is not a valid URL; percent-encode/],
    [`postgres://me:${SECRET}%zz@host/db`, /^a % in it is not followed by two hexadecimal digits/],
    [`postgres://me:${SECRET}@host`, /^it names no database$/],
    [`postgres://:${SECRET}@host/db`, /^it names no user$/],
    [`postgres:///db`, /^it names no host$/],
  ];
  for (const [url, finding] of urls) {
    assert.throws(() => parseDatabaseUrl(url), (error: Error) => {
      assert.ok(error instanceof TargetError, url);
      assert.match(error.message, finding);
      assert.equal(error.message.includes(SECRET), false);
      return true;
    });
  }
});

Deno.test("isLocalHost() knows this machine's names and addresses alone", () => {
  for (const host of ["localhost", "127.0.0.1", "127.1.2.3", "::1"]) assert.equal(isLocalHost(host), true, host);
  const others = ["localhost.", "mylocalhost", "127.0.0.1.example.com", "127.1", "0.0.0.0", "::", "10.0.0.1", "db", ""];
  for (const host of others) assert.equal(isLocalHost(host), false, host);
});

Deno.test("directHostOf() takes -pooler from the first label alone", () => {
  assert.equal(directHostOf("ep-a-1-pooler.eu.aws.neon.tech"), "ep-a-1.eu.aws.neon.tech");
  for (const host of ["ep-a-1.eu.aws.neon.tech", "ep-pooler-1.x", "a.b-pooler.c", "x-pooler", "-pooler.x"]) {
    assert.equal(directHostOf(host), undefined, host);
  }
});
