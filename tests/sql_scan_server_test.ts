import assert from "node:assert/strict";
import { scanSql } from "../tasks/lib/sql/scan.ts";
import { createTestDatabase } from "./support/database.ts";

/** Texts whose statements each give one row with one text, or none. */
const TEXTS = [
  "select E'a'\n'b\\';c'; select 'd'",
  "select E'a' \t\n \n 'b\\';c'; select 'd'",
  "select E'a'\r'b\\';c'; select 'd'",
  "select E'a' -- it's; on\n-- and; on\n  'b\\';c' \n'\\\\'; select 'd'",
  "select E'a'\n'b'''\n'\\';c'; select 'd'",
  "select e'a''' \n '\\';' ; select 'd'",
  "select 'a'\n'b\\'; select 'c'",
  "select U&'a'\n'\\0062\\\\;'; select 'c'",
  "select N'a'\n'b\\'; select 'c'",
  "select B'1'\n'01'::text; select X'1'\n'f'::text",
  "select 'a' -- no; b\n'b'; select 'c'",
  "select 'a' /* no\n */ ; select 'c'",
  "select 'a' -- a line ends here\r; select 'b' -- c; d",
  "select 'a'\f;\fselect 'b'",
  "select 1 as \u00a0a\u2028;select 'b'",
  "select $$a\\;'$$; select $a$b$$;$a$",
];

Deno.test("scanSql() cuts a text into the statements that the server finds in it", async () => {
  await using database = await createTestDatabase();
  for (const text of TEXTS) {
    const whole = await database.sql.unsafe(text).simple() as unknown as readonly (readonly object[])[];
    const rows = [];
    for (const { start, end } of scanSql(text).statements) {
      rows.push([...await database.sql.unsafe(text.slice(start, end)).simple()]);
    }
    assert.deepEqual(rows, whole.map((result) => [...result]), JSON.stringify(text));
  }
});

Deno.test("scanSql() takes no comment in the way of a string for its continuation", async () => {
  await using database = await createTestDatabase();
  // Here the server sees two strings behind each other, the second without an end.
  for (const text of ["select E'a' /* b\n */ '\\'", "select E'a' '\\'"]) {
    await assert.rejects(database.sql.unsafe(text), { code: "42601" }, text);
    assert.deepEqual(scanSql(`${text}; select 1`).statements.length, 2, text);
  }
});
