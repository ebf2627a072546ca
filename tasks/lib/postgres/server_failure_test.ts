import assert from "node:assert/strict";
import { TaskError } from "../task/errors.ts";
import { toServerFailure } from "./server_failure.ts";

const attempt = { verb: "compare", label: "u@h:5432/shop", local: false };

Deno.test("toServerFailure() turns what a server or a lost session throws into a TaskError", () => {
  const denied = Object.assign(new Error("permission denied for table checks"), { code: "42501" });
  const failure = toServerFailure(denied, attempt);
  assert.ok(failure instanceof TaskError);
  assert.equal(
    failure.message,
    'Cannot compare database "u@h:5432/shop": permission denied for table checks (42501); correct that and run it again',
  );
  const lost = Object.assign(new Error("write CONNECTION_CLOSED h:5432"), { code: "CONNECTION_CLOSED" });
  assert.ok(toServerFailure(lost, attempt) instanceof TaskError);
});

Deno.test("toServerFailure() leaves other errors as they are", () => {
  const errors = [new TypeError("x"), new TaskError("x"), Object.assign(new Error("x"), { code: "ENOENT" }), "x"];
  for (const error of errors) assert.equal(toServerFailure(error, attempt), error);
});
