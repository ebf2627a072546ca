import assert from "node:assert/strict";
import { join } from "node:path";
import type { TaskError } from "./errors.ts";
import { fromCaller, readVariables, toSettings, toStoreSettings, type Variables } from "./settings.ts";
import type { EmbeddedTarget } from "./target.ts";

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
  assert.equal(labelOf("local"), "me@localhost:5432/plain");
  assert.equal(labelOf("prod"), "me@prod.example.com:5432/plain");
  assert.equal(labelOf("local", { direct: true }), "me@localhost:5432/direct");
  assert.equal(labelOf("prod", { direct: true }), "me@prod.example.com:5432/direct");
  assert.equal(labelOf("staging", { direct: true }), "me@staging.example.com:5432/plain", "it has no other");
});

Deno.test("toSettings() takes an empty variable for one that is not set", () => {
  const variables = {
    DATABASE_URL: "",
    DATABASE_URL_UNPOOLED: "",
    EMBEDDED_DIR: "",
    HERETIX_DB_PATH: "",
    EXPORT_DIR: "",
    EXPORT_WRITER: "",
  };
  const { target, ...settings } = toSettings(variables, "local", { direct: true });
  const defaults = { harnessPath: "runs/heretix.sqlite", harnessNamed: false, exportDir: "data/exports" };
  assert.deepEqual(settings, { env: "local", writer: "duckdb", ...defaults });
  assert.deepEqual(target, {
    kind: "embedded",
    directory: "data/pglite",
    local: true,
    label: "embedded database in data/pglite",
  });
});

Deno.test("toSettings() takes the paths that are set, and tells whether the harness's file is named", () => {
  const paths = { HERETIX_DB_PATH: "runs/other.sqlite", EXPORT_DIR: "/lake" };
  const { harnessPath, harnessNamed, exportDir } = toSettings({ ...URLS, ...paths }, "prod");
  assert.deepEqual([harnessPath, harnessNamed, exportDir], ["runs/other.sqlite", true, "/lake"]);
});

Deno.test("toSettings() takes the writer that is named over EXPORT_WRITER, and looks at neither unasked", () => {
  const writerOf = (EXPORT_WRITER: string | undefined, options = {}) =>
    toSettings({ ...URLS, EXPORT_WRITER }, "local", options).writer;
  assert.equal(writerOf("nothing"), "duckdb");
  assert.equal(writerOf(undefined, { writer: {} }), "duckdb");
  assert.equal(writerOf("direct", { writer: {} }), "direct");
  assert.equal(writerOf("direct", { writer: { name: "duckdb" } }), "duckdb");
  const refusal = (name: string) => ({ exitCode: 2, lines: ["Cannot use the settings:", `  ${name}`] });
  assert.throws(() => writerOf("arrow", { writer: {} }), refusal('EXPORT_WRITER takes duckdb or direct, not "arrow"'));
  assert.throws(() => writerOf("direct", { writer: { name: "" } }), refusal('--writer takes duckdb or direct, not ""'));
});

Deno.test("fromCaller() starts where the user stands", () => {
  const before = Deno.env.get("INIT_CWD");
  try {
    Deno.env.set("INIT_CWD", "/home/me");
    assert.deepEqual([fromCaller("a/../b"), fromCaller("/c"), fromCaller(undefined)], ["/home/me/b", "/c", undefined]);
    Deno.env.set("INIT_CWD", "");
    assert.equal(fromCaller("a"), join(Deno.cwd(), "a"));
  } finally {
    if (before === undefined) Deno.env.delete("INIT_CWD");
    else Deno.env.set("INIT_CWD", before);
  }
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

const BAD_URLS = {
  DATABASE_URL: `mysql://me:${SECRET}@host/db`,
  DATABASE_URL_STAGING: `postgres://me:${SECRET}#@host/db`,
  DATABASE_URL_PROD: `postgres://me:${SECRET}@db.example.com/db?host=localhost`,
};

Deno.test("toSettings() names the variable that is wrong, without its value", () => {
  for (const [env, variable] of Object.entries({ local: "DATABASE_URL", prod: "DATABASE_URL_PROD" })) {
    assert.throws(() => toSettings(BAD_URLS, env), (error: TaskError) => {
      assert.deepEqual([error.exitCode, error.lines.length], [2, 2]);
      assert.match(error.lines[1], new RegExp(`^  ${variable}: it`));
      assert.equal(error.message.includes(SECRET), false);
      return true;
    });
  }
  assert.throws(() => toSettings(URLS, "production"), {
    exitCode: 2,
    message: 'Cannot use the settings:\n  --env takes local, staging, prod, not "production"',
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

Deno.test("toSettings() does not look at what is set for another environment, or another kind of task", () => {
  const others = { ...BAD_URLS, EMBEDDED_DIR: "/elsewhere" };
  assert.equal(labelOf("local", {}, { ...others, DATABASE_URL: URLS.DATABASE_URL }), "me@localhost:5432/plain");
  const unpooled = { ...others, DATABASE_URL_UNPOOLED: URLS.DATABASE_URL_UNPOOLED };
  assert.equal(labelOf("local", { direct: true }, unpooled), "me@localhost:5432/direct");
  assert.equal(labelOf("prod", {}, { ...others, DATABASE_URL_PROD: URLS.DATABASE_URL_PROD }).split("@")[0], "me");
});

Deno.test("toSettings() takes an EMBEDDED_DIR below data alone, by whatever way it is written", () => {
  const directoryOf = (EMBEDDED_DIR: string) =>
    (toSettings({ EMBEDDED_DIR }, "local").target as EmbeddedTarget).directory;
  for (const given of ["data/a/b", "./data/a/b/", "data//a/../a/b", join(Deno.cwd(), "data/a/b")]) {
    assert.equal(directoryOf(given), "data/a/b", given);
  }
  assert.equal(directoryOf("data/..a"), "data/..a");
  for (const given of ["data", "data/", "data/x/..", ".", "database", "data/../sql", "..", "/tmp/pglite", "/"]) {
    assert.throws(() => directoryOf(given), {
      exitCode: 2,
      message: "Cannot use the settings:\n  EMBEDDED_DIR: it is not below data; name a directory there",
    });
  }
});

Deno.test("toSettings() follows no link to an EMBEDDED_DIR, wherever on its way", async () => {
  const directory = await Deno.makeTempDir({ dir: "data", prefix: "test-" });
  const elsewhere = await Deno.makeTempDir();
  try {
    await Deno.mkdir(`${directory}/real`);
    await Deno.symlink(elsewhere, `${directory}/link`);
    await Deno.symlink("no-such", `${directory}/dangling`);
    await Deno.writeTextFile(`${directory}/file`, "");
    toSettings({ EMBEDDED_DIR: `${directory}/real/new` }, "local");
    for (const name of ["link", "link/", "link/pglite", "link/a/b", "dangling"]) {
      assert.throws(() => toSettings({ EMBEDDED_DIR: `${directory}/${name}` }, "local"), {
        exitCode: 2,
        message: /^ {2}EMBEDDED_DIR: a link is on the way to it; name a real directory below data$/m,
      }, name);
    }
    assert.throws(() => toSettings({ EMBEDDED_DIR: `${directory}/file/x` }, "local"), {
      message: /^ {2}EMBEDDED_DIR: it cannot be looked at \(NotADirectory\); /m,
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
    await Deno.remove(elsewhere);
  }
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
  const path = join(directory, ".env");
  const refuses = (finding: string) =>
    assert.throws(() => readVariables(path), {
      name: "TaskError",
      exitCode: 2,
      message: `Cannot read settings "${path}": ${finding}; make it a readable text file`,
    });
  readVariables(path);
  await Deno.mkdir(path);
  refuses("IsADirectory");
  await Deno.remove(path);
  await Deno.writeFile(path, new TextEncoder().encode(`EXPORT_DIR=${SECRET}`).with(11, 0xff));
  refuses("it is not UTF-8");
  await Deno.writeTextFile(path, "\ufeffHERETIX_DB_PATH=a");
  const before = Deno.env.get("HERETIX_DB_PATH");
  Deno.env.delete("HERETIX_DB_PATH");
  assert.equal(readVariables(path).HERETIX_DB_PATH, "a", "a byte order mark is no part of the first name");
  if (before !== undefined) Deno.env.set("HERETIX_DB_PATH", before);
  await Deno.remove(directory, { recursive: true });
});

const STORE: Variables = {
  EXPORT_URL: "s3://lake/p/",
  AWS_ACCESS_KEY_ID: "AKIAME",
  AWS_SECRET_ACCESS_KEY: SECRET,
  AWS_REGION: "eu-central-1",
};

Deno.test("toStoreSettings() takes --to, else EXPORT_URL, and a session's token where there is one", () => {
  assert.deepEqual(toStoreSettings(STORE, "prod").store, {
    bucket: "lake",
    prefix: "p",
    region: "eu-central-1",
    credentials: { accessKeyId: "AKIAME", secretAccessKey: SECRET },
    label: "s3://lake/p",
  });
  const session = { ...STORE, AWS_SESSION_TOKEN: "token", EXPORT_URL: "nothing" };
  const { label, credentials } = toStoreSettings(session, "prod", { url: "s3://other" }).store;
  assert.deepEqual([label, credentials.sessionToken], ["s3://other", "token"]);
});

Deno.test("toStoreSettings() signs for region auto at an endpoint, unless one is set", () => {
  const endpoint = { ...STORE, S3_ENDPOINT: "https://store.example.com/", AWS_REGION: "" };
  const target = toStoreSettings(endpoint, "prod").store;
  assert.deepEqual(
    [target.endpoint, target.region, target.label],
    ["https://store.example.com", "auto", "s3://lake/p at store.example.com"],
  );
  assert.equal(toStoreSettings({ ...endpoint, AWS_REGION: "us-east-1" }, "prod").store.region, "us-east-1");
});

Deno.test("toStoreSettings() lists all that is missing or wrong, without any value", () => {
  const problems = (variables: Variables, url?: string) => {
    try {
      toStoreSettings(variables, "prod", { url });
      return [];
    } catch (error) {
      const { exitCode, lines, message } = error as TaskError;
      assert.equal(exitCode, 2);
      assert.equal(lines[0], "Cannot use the settings:");
      assert.equal(message.includes(SECRET), false);
      return lines.slice(1).map((line) => line.trim());
    }
  };
  assert.throws(() => toStoreSettings(STORE, "test"), /--env takes local, staging, prod, not "test"/);
  assert.deepEqual(problems({}), [
    "EXPORT_URL is not set; it takes s3://BUCKET/PREFIX",
    "AWS_REGION is not set, and AWS needs it; for another store set S3_ENDPOINT",
    "AWS_ACCESS_KEY_ID is not set; set it in the environment or .env",
    "AWS_SECRET_ACCESS_KEY is not set; set it in the environment or .env",
  ]);
  const bad = {
    S3_ENDPOINT: `http://me:${SECRET}@store.example.com`,
    AWS_REGION: `${SECRET}.example.com/`,
    AWS_ACCESS_KEY_ID: `${SECRET} `,
    AWS_SECRET_ACCESS_KEY: `${SECRET}\n`,
    AWS_SESSION_TOKEN: `${SECRET}\u00fc`,
  };
  assert.deepEqual(problems(bad, `s3://me:${SECRET}@lake`).map((line) => line.split(":")[0]), [
    "--to",
    "S3_ENDPOINT",
    "AWS_REGION",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
  ]);
  assert.deepEqual(problems(STORE, ""), ["--to is not set; it takes s3://BUCKET/PREFIX"]);
});

Deno.test("toSettings() looks at object storage where it is asked for alone, and lists its problems with the others", () => {
  const broken = { ...URLS, S3_ENDPOINT: "nothing", EXPORT_URL: "nothing" };
  assert.equal(toSettings(broken, "local").store, undefined);
  assert.equal(toSettings({ ...URLS, ...STORE }, "local", { store: {} }).store?.label, "s3://lake/p");
  assert.throws(
    () => toSettings({ ...broken, DATABASE_URL: "nothing" }, "local", { store: {} }),
    (error: TaskError) => {
      const names = error.lines.slice(1).map((line) => line.trim().split(/[: ]/)[0]);
      assert.deepEqual(names, [
        "DATABASE_URL",
        "EXPORT_URL",
        "S3_ENDPOINT",
        "AWS_ACCESS_KEY_ID",
        "AWS_SECRET_ACCESS_KEY",
      ]);
      return true;
    },
  );
  assert.throws(() => toSettings(broken, "local", { store: {} }), { exitCode: 2 });
});

Deno.test("toSettings() does without an optional store where nothing names one, and takes the one that is named", () => {
  const store = { isOptional: true };
  const { EXPORT_URL: _, ...unnamed } = STORE;
  assert.equal(toSettings({ ...URLS, S3_ENDPOINT: "nothing" }, "local", { store }).store, undefined);
  assert.equal(toSettings({ ...URLS, ...STORE }, "local", { store }).store?.label, "s3://lake/p");
  const named = toSettings({ ...URLS, ...unnamed }, "local", { store: { ...store, url: "s3://other" } });
  assert.equal(named.store?.label, "s3://other");
  assert.throws(() => toSettings({ ...URLS, ...unnamed }, "local", { store: {} }), /EXPORT_URL is not set/);
  // As from a shell whose variable is not set: the files would go elsewhere without a word.
  assert.throws(() => toSettings(URLS, "local", { store: { ...store, url: "" } }), /--to is not set/);
});
