import assert from "node:assert/strict";
import { formatParameters, PARAMETER_NAMES, parseParameters, requireTaken } from "./parameters.ts";

Deno.test("parseParameters() takes a name and all that stands behind the first equals sign", () => {
  assert.deepEqual(parseParameters(["claim=a=b, 'c'", "since=2024-02-29"]), { claim: "a=b, 'c'", since: "2024-02-29" });
  assert.deepEqual(parseParameters([]), {});
});

Deno.test("parseParameters() names the parameters there are where one is unknown", () => {
  for (
    const [text, name] of [["modle=x", "modle"], ["=x", ""], ["toString=x", "toString"], ["2025-01-01", "2025-01-01"]]
  ) {
    assert.throws(() => parseParameters([text]), {
      message:
        `Cannot take parameter "${name}": there is no such parameter; take one of model, env, claim, since, until`,
      exitCode: 2,
    });
  }
});

Deno.test("parseParameters() refuses what is no value of the parameter's type", () => {
  for (const text of ["since=2025-02-30", "since=yesterday", "until=2025-1-1", "until='2025-01-01'"]) {
    assert.throws(() => parseParameters([text]), { message: /" is no day; give it as YYYY-MM-DD$/, exitCode: 2 }, text);
  }
  for (const text of ["model=", "model"]) {
    assert.throws(() => parseParameters([text]), {
      message: /^Cannot take parameter "model": it has no value; /,
      exitCode: 2,
    });
  }
});

Deno.test("parseParameters() refuses a parameter that is given twice", () => {
  assert.throws(() => parseParameters(["env=a", "env=b"]), {
    message: 'Cannot take parameter "env": it is given twice; give it once',
    exitCode: 2,
  });
});

Deno.test("parseParameters() refuses days that end before they begin", () => {
  assert.throws(() => parseParameters(["until=2025-01-01", "since=2025-01-02"]), {
    message: 'Cannot take parameter "since": 2025-01-02 is after 2025-01-01, which "until" has; exchange them',
    exitCode: 2,
  });
  assert.deepEqual(parseParameters(["until=2025-01-01", "since=2025-01-01"]), {
    since: "2025-01-01",
    until: "2025-01-01",
  });
});

Deno.test("requireTaken() tells what a query takes when it is asked about something else", () => {
  const query = { name: "x", params: ["since", "until"] as const };
  requireTaken(query, { since: "2025-01-01" });
  assert.throws(() => requireTaken(query, { since: "2025-01-01", env: "a" }), {
    message: 'Cannot run query "x": it takes no parameter "env"; give it since, until or nothing',
    exitCode: 2,
  });
});

Deno.test("formatParameters() lists each parameter with its type, and the queries that take some alone", () => {
  const all = { name: "all", description: "", sql: "", params: PARAMETER_NAMES };
  const [, ...lines] = formatParameters([all, { ...all, name: "some", params: ["since", "until"] }]);
  assert.deepEqual(lines.map((line) => line.trim().split(/ {2,}/).slice(0, 2).join(" ")), [
    "model text",
    "env text",
    "claim text",
    "since day",
    "until day",
    "some takes since, until alone",
  ]);
});
