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
      channelBinding: true,
      local: false,
      label: "me%40x@db.example.com:6543/a b",
    },
  );
  const { host, port, password } = parseDatabaseUrl("postgres://me@[::1]/db");
  assert.deepEqual([host, port, password], ["::1", 5432, ""]);
  assert.equal(parseDatabaseUrl("postgres://me:p@ss:w0rd@LocalHost/db").host, "localhost");
});

Deno.test("parseDatabaseUrl() puts the port into every label, and lets no name look like the host", () => {
  const labels = {
    "postgres://me@localhost/db": "me@localhost:5432/db",
    "postgres://me@[0:0::1]:6543/db": "me@[::1]:6543/db",
    "postgres://me%40localhost%3A5432%2Fdb%3F@db.example.com/x": "me%40localhost%3A5432%2Fdb%3F@db.example.com:5432/x",
    "postgres://me@localhost/db%40db.example.com/Ü ": "me@localhost:5432/db%40db.example.com%2FÜ",
    "postgres://me@localhost/100%25": "me@localhost:5432/100%25",
  };
  for (const [url, label] of Object.entries(labels)) assert.equal(parseDatabaseUrl(url).label, label);
});

Deno.test("parseDatabaseUrl() refuses what would take another driver elsewhere than the label says", () => {
  const names = "host hostaddr port dbname database user password passfile service servicefile options".split(" ");
  for (const name of names) {
    assert.throws(() => parseDatabaseUrl(`postgres://me@localhost/db?sslmode=disable&${name}=${SECRET}`), {
      name: "TargetError",
      message: `its query has ${name}, which can lead elsewhere than the rest of it says; ` +
        "leave that out: user, password, host, port and database stand before the ?",
    });
  }
  assert.throws(() => parseDatabaseUrl("postgres://me@localhost/db?%70ort=1&host="), /its query has host, port, which/);
  parseDatabaseUrl("postgres://me@localhost/db?channel_binding=require&application_name=host");
  for (const name of ["sslcert", "sslkey", "sslpassword"]) {
    assert.throws(() => parseDatabaseUrl(`postgres://me@host/db?${name}=${SECRET}`), {
      message: `its query has ${name}, and no client certificate is sent; remove it`,
    });
  }
  for (const hosts of ["a,b", "localhost,db.example.com", "a:1,b:2", "a,"]) {
    for (const user of ["me", `me:${SECRET}@`]) {
      assert.throws(() => parseDatabaseUrl(`postgres://${user}@${hosts}/db`), /: it names several hosts; name one$/);
    }
  }
  assert.equal(parseDatabaseUrl("postgres://me:a,b@host/db,e?x=c,d").host, "host");
  for (const part of ["me%00database%00other@host/db", "me@host/db%00", "me:p%00@host/db"]) {
    assert.throws(() => parseDatabaseUrl(`postgres://${part}`), /: it has %00, which no name or password can have;/);
  }
  assert.throws(
    () => parseDatabaseUrl("postgres://me@%2Fvar%2Frun/db"),
    /: its host is percent-encoded, as a socket's/,
  );
});

const urlOf = (host: string, query = "") => `postgresql://me:${SECRET}@${host}/db${query}`;
const REMOTE = ["db.example.com", "10.0.0.1", "128.0.0.1", "localhost.example.com", "[fe80::1]"];
const LOCAL = ["localhost", "127.0.0.1", "127.255.1.2", "[::1]"];
const PLAIN = ["disable", "allow", "prefer"];
const ENCRYPTED = ["require", "verify-ca", "verify-full"];

Deno.test("parseDatabaseUrl() wants TLS of every host that is not local, whatever sslmode says", () => {
  for (const host of REMOTE) {
    for (const query of ["", "?sslmode=", ...ENCRYPTED.map((sslmode) => `?sslmode=${sslmode}`)]) {
      assert.equal(parseDatabaseUrl(urlOf(host, query)).tls, true, `${host} ${query}`);
    }
    for (const sslmode of PLAIN) {
      assert.throws(() => parseDatabaseUrl(urlOf(host, `?sslmode=${sslmode}`)), {
        name: "TargetError",
        message: `sslmode=${sslmode} for a host that is not local; TLS is required there, remove sslmode`,
      });
    }
  }
});

Deno.test("parseDatabaseUrl() is plain on this machine for disable, allow, prefer and nothing, and else TLS", () => {
  for (const host of LOCAL) {
    const tlsOf = (query: string) => parseDatabaseUrl(urlOf(host, query)).tls;
    for (const query of ["", "?sslmode=", ...PLAIN.map((sslmode) => `?sslmode=${sslmode}`)]) {
      assert.equal(tlsOf(query), false, `${host} ${query}`);
    }
    for (const sslmode of ENCRYPTED) assert.equal(tlsOf(`?sslmode=${sslmode}`), true, `${host} ${sslmode}`);
  }
});

Deno.test("parseDatabaseUrl() refuses an sslmode that it does not know, and lists those it does", () => {
  for (const host of [...REMOTE, ...LOCAL]) {
    for (const sslmode of ["anything", "Require", "verify_full", "no-verify", "true", "0"]) {
      assert.throws(() => parseDatabaseUrl(urlOf(host, `?sslmode=${sslmode}`)), {
        name: "TargetError",
        message: "its sslmode is unknown; use one of disable, allow, prefer, require, verify-ca, verify-full",
      });
    }
  }
});

Deno.test("parseDatabaseUrl() takes the authorities of sslrootcert, else those it is given, where there is TLS", () => {
  const given = { path: "given.pem", setting: "DATABASE_CA" };
  const inUrl = { path: "/etc/a b.pem", setting: "sslrootcert of the database URL" };
  const file = "sslrootcert=/etc/a%20b.pem";
  const authorities = (host: string, query: string) => parseDatabaseUrl(urlOf(host, query), given).authorities;
  for (const host of ["db.example.com", "localhost"]) {
    assert.deepEqual(authorities(host, `?${file}`), inUrl, "it asks for TLS");
    assert.deepEqual(authorities(host, `?sslmode=require&${file}`), inUrl);
    assert.deepEqual(authorities(host, "?sslmode=require"), given);
    assert.deepEqual(authorities(host, "?sslmode=require&sslrootcert="), given, "an empty one is none");
    assert.equal(authorities(host, "?sslrootcert=system"), undefined);
    assert.equal(parseDatabaseUrl(urlOf(host, "?sslrootcert=system")).tls, true);
  }
  assert.equal(authorities("localhost", ""), undefined, "nothing to check");
  assert.throws(() => parseDatabaseUrl(urlOf("localhost", `?sslmode=disable&${file}`)), {
    message: "sslmode=disable with an sslrootcert, which only TLS uses; remove one of them",
  });
});

Deno.test("parseDatabaseUrl() tells whether channel binding is required", () => {
  const bindingOf = (query: string) => parseDatabaseUrl(urlOf("localhost", query)).channelBinding;
  assert.deepEqual(["", "?channel_binding=prefer", "?channel_binding=require"].map(bindingOf), [false, false, true]);
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
  for (const host of ["localhost", "127.0.0.1", "127.255.0.10", "::1"]) assert.equal(isLocalHost(host), true, host);
  const others = [
    ...["localhost.", "mylocalhost", "localhost.example.com", "/var/run/postgresql", "db", ""],
    ...["127.0.0.1.example.com", "127.1", "127.999.1.1", "127.0.0.256", "127.0.0.01", "127.0.0.1.", "128.0.0.1"],
    ...["0.0.0.0", "10.0.0.1", "::", "::ffff:127.0.0.1", "::ffff:7f00:1", "[::1]", "fe80::1"],
  ];
  for (const host of others) assert.equal(isLocalHost(host), false, host);
});

Deno.test("directHostOf() takes -pooler from the first label alone", () => {
  assert.equal(directHostOf("ep-a-1-pooler.eu.aws.neon.tech"), "ep-a-1.eu.aws.neon.tech");
  for (const host of ["ep-a-1.eu.aws.neon.tech", "ep-pooler-1.x", "a.b-pooler.c", "x-pooler", "-pooler.x"]) {
    assert.equal(directHostOf(host), undefined, host);
  }
});
