import assert from "node:assert/strict";
import { parseTaskArgs } from "./args.ts";

const SPEC = {
  name: "talk",
  summary: "Says everything.",
  flags: {
    "dry-run": { type: "boolean", help: "say nothing" },
    rows: { type: "string", value: "N", help: "how much" },
  },
} as const;

const refusalOf = (...argv: string[]) => {
  try {
    parseTaskArgs(SPEC, argv);
  } catch (error) {
    return (error as Error).message;
  }
};

Deno.test("parseTaskArgs() names the flag that was meant", () => {
  const advice = (flag: string) => `did you mean --${flag}? See deno task talk --help`;
  assert.equal(refusalOf("--dryrun"), `Cannot run task "talk": Unknown option '--dryrun'; ${advice("dry-run")}`);
  assert.equal(refusalOf("--row=5"), `Cannot run task "talk": Unknown option '--row'; ${advice("rows")}`);
  assert.equal(refusalOf("--halp"), `Cannot run task "talk": Unknown option '--halp'; ${advice("help")}`);
});

Deno.test("parseTaskArgs() names no flag where none is near", () => {
  const told = (flag: string) => `Cannot run task "talk": Unknown option '${flag}'; see deno task talk --help`;
  for (const flag of ["--verbose", "-x"]) assert.equal(refusalOf(flag), told(flag));
});
