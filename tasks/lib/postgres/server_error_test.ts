import assert from "node:assert/strict";
import { describeServerError } from "./server_error.ts";

const DUPLICATE = {
  code: "23505",
  message: 'duplicate key value violates unique constraint "a_pkey"',
  detail: "Key (email)=(ann@example.com) already exists.",
  table_name: "a",
  constraint_name: "a_pkey",
};

Deno.test("describeServerError() shows row values of a local host only", () => {
  assert.match(describeServerError(DUPLICATE, { local: true }), /ann@example\.com.*\(23505\)$/);
  const remote = describeServerError(DUPLICATE, { local: false });
  assert.equal(remote.includes("ann"), false);
  assert.match(remote, /constraint "a_pkey", its values not shown \(23505\)$/);
});

Deno.test("describeServerError() hides messages that can quote a row", () => {
  for (const code of ["22P02", "22003", "23514", "P0001"]) {
    const text = describeServerError({ code, message: 'invalid input: "ann@example.com"' }, { local: false });
    assert.equal(text.includes("ann"), false, code);
  }
});

Deno.test("describeServerError() keeps messages about names", () => {
  const error = { code: "42P01", message: 'relation "b" does not exist' };
  assert.equal(describeServerError(error, { local: false }), 'relation "b" does not exist (42P01)');
});

Deno.test("describeServerError() says what a lost session is", () => {
  const error = { code: "CONNECTION_CLOSED", message: "write CONNECTION_CLOSED 127.0.0.1:5432" };
  assert.equal(describeServerError(error, { local: false }), "the connection was lost");
});
