import assert from "node:assert/strict";
import { join } from "node:path";
import { readVariables, toSettings, type Variables } from "./settings.ts";

const SECRET = "s3cr3t";

const URLS: Variables = {
  DATABASE_URL: "postgres://me@localhost/plain",
  DATABASE_URL_UNPOOLED: "postgres://me@localhost/direct",
  DATABASE_URL_STAGING: "postgres://me@staging.example.com/plain",
  DATABASE_URL_PROD: "postgres://me@prod.example.com/plain",
  DATABASE_URL_PROD_UNPOOLED: "postgres://me@prod.example.com/direct",
};

const labelOf = (env: string, options = {}, variables = URLS) => toSettings(variables, env, options).target.label;

Deno.test("toSettings() takes the URL of the environment, and _UNPOOLED for what needs it alone", () => {
  assert.equal(labelOf("local"), "me@localhost/plain");
  assert.equal(labelOf("prod"), "me@prod.example.com/plain");
  assert.equal(labelOf("local", { direct: true }), "me@localhost/direct");
  assert.equal(labelOf("prod", { direct: true }), "me@prod.example.com/direct");
  assert.equal(labelOf("staging", { direct: true }), "me@staging.example.com/plain", "it has no other");
});

Deno.test("toSettings() takes an empty variable for one that is not set", () => {
  const variables = {
    DATABASE_URL: "",
    DATABASE_URL_UNPOOLED: "",
    EMBEDDED_DIR: "",
    HERETIX_DB_PATH: "",
    EXPORT_DIR: "",
  };
  const { target, ...settings } = toSettings(variables, "local", { direct: true });
  const defaults = { harnessPath: "runs/heretix.sqlite", harnessNamed: false, exportDir: "data/exports" };
  assert.deepEqual(settings, { env: "local", ...defaults });
  assert.deepEqual(target, {
    kind: "embedded",
    directory: "data/pglite",
    local: true,
    label: "embedded database in data/pglite",
  });
});

Deno.test("toSettings() has no default for an environment that is not local", () => {
  for (const [env, variable] of [["staging", "DATABASE_URL_STAGING"], ["prod", "DATABASE_URL_PROD"]]) {
    assert.throws(() => toSettings({ DATABASE_URL: URLS.DATABASE_URL, EMBEDDED_DIR: "data/x" }, env), {
      name: "TaskError",
      exitCode: 2,
      message:
        `Cannot use the settings:\n  ${variable} is not set, and --env ${env} needs it; set it in the environment or .env`,
    });
  }
});

Deno.test("toSettings() lists every problem at once, without any value", () => {
  const variables = {
    DATABASE_URL: `mysql://me:${SECRET}@host/db`,
    DATABASE_URL_STAGING: `postgres://me:${SECRET}#@host/db`,
    DATABASE_URL_PROD: `postgres://me:${SECRET}@db.example.com/db?sslmode=prefer`,
  };
  assert.throws(() => toSettings(variables, "production"), (error: Error) => {
    const lines = error.message.split("\n");
    assert.deepEqual(lines.slice(0, 2), [
      "Cannot use the settings:",
      '  --env takes local, staging, prod, not "production"',
    ]);
    assert.deepEqual(lines.slice(2).map((line) => line.trim().split(":")[0]), Object.keys(variables));
    assert.equal(error.message.includes(SECRET), false);
    return true;
  });
});

Deno.test("toSettings() trusts the authorities of sslrootcert, else of DATABASE_CA, else of PGSSLROOTCERT", () => {
  const authorities = (variables: Variables) => {
    const { target } = toSettings({ DATABASE_URL_PROD: "postgres://me@db.example.com/db", ...variables }, "prod");
    return target.kind === "server" ? target.authorities : undefined;
  };
  const [ours, libpq] = [{ DATABASE_CA: "ours.pem" }, { PGSSLROOTCERT: "libpq.pem" }];
  assert.equal(authorities({}), undefined);
  assert.deepEqual(authorities(libpq), { path: "libpq.pem", setting: "PGSSLROOTCERT" });
  assert.deepEqual(authorities({ ...ours, ...libpq }), { path: "ours.pem", setting: "DATABASE_CA" });
  assert.deepEqual(authorities({ DATABASE_CA: "", ...libpq })?.path, "libpq.pem");
  assert.equal(authorities({ DATABASE_CA: "system", ...libpq }), undefined, "those whom Deno trusts");
  const DATABASE_URL_PROD = "postgres://me@db.example.com/db?sslrootcert=url.pem";
  assert.equal(authorities({ DATABASE_URL_PROD, ...ours, ...libpq })?.path, "url.pem");
});

Deno.test("readVariables() refuses in .env what Deno reads only from the environment", async () => {
  const path = await Deno.makeTempFile();
  for (const [name, remedy] of [["DENO_CERT", "DATABASE_CA"], ["DENO_TLS_CA_STORE", "set it in the environment"]]) {
    await Deno.writeTextFile(path, `${name}=${SECRET}\n`);
    assert.throws(() => readVariables(path), (error: Error & { exitCode: number }) => {
      assert.equal(error.exitCode, 2);
      assert.match(error.message, new RegExp(`^Cannot use settings ".*": ${name} has no effect there, `));
      assert.ok(error.message.endsWith(remedy), error.message);
      assert.equal(error.message.includes(SECRET), false);
      return true;
    });
  }
  await Deno.writeTextFile(path, "DENO_CERT=\n");
  readVariables(path);
  await Deno.remove(path);
});

Deno.test("readVariables() takes .env as it stands, and the environment over it, an empty one too", async () => {
  const path = await Deno.makeTempFile();
  const names = ["DATABASE_URL_PROD", "EXPORT_DIR", "HERETIX_DB_PATH"];
  const before = names.map((name) => Deno.env.get(name));
  await Deno.writeTextFile(
    path,
    `DATABASE_URL_PROD=postgres://me:a$HOME\${x}@h/db\nEXPORT_DIR="from # file"\nHERETIX_DB_PATH=file\nOTHER=1\n`,
  );
  try {
    for (const name of names) Deno.env.delete(name);
    Deno.env.set("EXPORT_DIR", "from environment");
    Deno.env.set("HERETIX_DB_PATH", "");
    const variables = readVariables(path);
    assert.equal(variables.DATABASE_URL_PROD, "postgres://me:a$HOME${x}@h/db");
    assert.equal(variables.EXPORT_DIR, "from environment");
    assert.equal(variables.HERETIX_DB_PATH, "");
    assert.equal("OTHER" in variables, false);
  } finally {
    for (const [index, name] of names.entries()) {
      if (before[index] === undefined) Deno.env.delete(name);
      else Deno.env.set(name, before[index]);
    }
    await Deno.remove(path);
  }
});

Deno.test("readVariables() does without a .env, and names one that cannot be read", async () => {
  const directory = await Deno.makeTempDir();
  readVariables(join(directory, "none"));
  assert.throws(() => readVariables(directory), { name: "TaskError", exitCode: 2, message: /^Cannot read settings "/ });
  await Deno.remove(directory);
});
