import assert from "node:assert/strict";
import { holdsPassword } from "./secrets.ts";

Deno.test("holdsPassword() finds every way to write one", () => {
  const texts = [
    "create role r login password 's3cret'",
    "ALTER USER r WITH ENCRYPTED PASSWORD'md5abc'",
    "alter role r password E's\\'3cret'",
    "alter role r password U&'s3cret'",
    "alter role r password -- here\n  /* it is */ $$s3cret$$",
    "alter role r password /* it /* is */ */ -- here\n /**/ 's3cret'",
    'alter role r password "s3cret"',
    "alter user r valid until 'infinity' password s3cret",
    "create user mapping for r server s options (user 'r', password 's3cret')",
    "create subscription s connection 'host=h password=s3cret' publication p",
    "select dblink_connect('host=h passwd = s3cret')",
    "select dblink_connect('postgresql://r:s3cret@h/db')",
    "do $$ begin execute format('alter role r password %L', 's3cret'); end $$",
    "do $$ begin execute 'alter role r password ' || quote_literal('s3cret'); end $$",
    'select \'{"password": "s3cret"}\'',
  ];
  for (const text of texts) assert.equal(holdsPassword(text), true, text);
});

Deno.test("holdsPassword() takes names and URLs without a password for what they are", () => {
  const texts = [
    "alter table users add column password_hash text, add column password text not null",
    "alter role r password null",
    "alter role r set search_path to a",
    "set password_encryption = 'scram-sha-256'",
    "comment on table a is 'see https://example.com:8080/a and mail me@example.com'",
  ];
  for (const text of texts) assert.equal(holdsPassword(text), false, text);
});

Deno.test("holdsPassword() takes no longer for many comments", () => {
  const started = performance.now();
  assert.equal(holdsPassword(`comment on column users.password ${"/* a */ -- b\n ".repeat(5000)} is null`), false);
  assert.ok(performance.now() - started < 2000);
});
