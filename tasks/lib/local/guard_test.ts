import assert from "node:assert/strict";
import { requireLocal } from "./guard.ts";
import { parseDatabaseUrl } from "../task/target.ts";

Deno.test("requireLocal() refuses every host but this machine's", () => {
  const remote = [
    "db.example.com",
    "localhost.example.com",
    "127.0.0.1.example.com",
    "127.999.1.1",
    "10.0.0.1",
    "0.0.0.0",
  ];
  for (const host of remote) {
    const target = parseDatabaseUrl(`postgresql://u:p@${host}/shop`);
    assert.throws(() => requireLocal(target, "reset"), {
      exitCode: 3,
      message: `Cannot reset database "u@${host}:5432/shop": host ${host} is not local; ` +
        "point DATABASE_URL at a local database",
    });
  }
  for (const host of ["localhost", "127.0.0.1", "[::1]"]) {
    requireLocal(parseDatabaseUrl(`postgresql://u:p@${host}/shop`), "reset");
  }
});
