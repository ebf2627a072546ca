import assert from "node:assert/strict";
import { parseEnv } from "node:util";
import { VARIABLES } from "./lib/settings.ts";

const read = (name: string) => Deno.readTextFileSync(new URL(`../${name}`, import.meta.url));
const project = JSON.parse(read("deno.json"));
const readme = read("README.md");

Deno.test("README lists the tasks of deno.json, in their order", () => {
  const table = readme.slice(readme.indexOf("## Commands"), readme.indexOf("| exit |"));
  const listed = [...table.matchAll(/^\| `([\w:]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(listed, Object.keys(project.tasks));
});

Deno.test("README names no task that is not there", () => {
  const named = [...readme.matchAll(/deno(?:@[\d.]+)? task ([a-z:]+)/g)].map(([, name]) => name);
  assert.deepEqual(named.filter((name) => !(name in project.tasks)), []);
});

Deno.test(".env.example lists the variables that the tasks read", () => {
  const uncommented = read(".env.example").replace(/^# ([A-Z_]+=)/gm, "$1");
  assert.deepEqual(Object.keys(parseEnv(uncommented)).sort(), [...VARIABLES].sort());
});

Deno.test("README's settings table lists the variables that the tasks read", () => {
  const table = readme.slice(readme.indexOf("## Settings"), readme.indexOf("## Where to read on"));
  for (const name of VARIABLES.filter((name) => !name.endsWith("_UNPOOLED"))) {
    assert.match(table, new RegExp(`\`${name}\``));
  }
});

const ENGINE = { sys: ["cpus"] };
const VARIABLE_PATTERNS = [
  "DATABASE_URL*",
  "DATABASE_CA",
  "EMBEDDED_DIR",
  "HERETIX_DB_PATH",
  "EXPORT_DIR",
  "PG*",
  "INIT_CWD",
];

Deno.test("deno.json's permission sets hold what their tasks need, and nothing else", () => {
  assert.deepEqual(project.permissions, {
    database: { read: true, write: ["data"], net: true, env: VARIABLE_PATTERNS },
    // EXPORT_DIR and the harness's file can be anywhere.
    export: { read: true, write: true, net: true, env: VARIABLE_PATTERNS, ...ENGINE },
    analytics: { read: true, env: ["EXPORT_DIR", "INIT_CWD"], ...ENGINE },
    report: { read: true, write: ["data"], env: ["EXPORT_DIR", "INIT_CWD"], ...ENGINE },
  });
  const patterns = VARIABLE_PATTERNS.map((pattern) => new RegExp(`^${pattern.replace("*", ".*")}$`));
  for (const name of VARIABLES) assert.ok(patterns.some((pattern) => pattern.test(name)), name);
});

Deno.test("deno.json gives each task its set, and all permissions to none that meets a database of somebody's", () => {
  const sets = Object.entries(project.tasks as Record<string, { command: string }>).flatMap(([name, { command }]) =>
    [...command.matchAll(/-P=(\w+)|( -A )/g)].map(([, set]) => [name, set ?? "all"])
  );
  assert.deepEqual({ ...Object.groupBy(sets, ([, set]) => set) }, {
    database: ["migrate", "db:reset", "db:seed", "db:check", "db:diff"].map((name) => [name, "database"]),
    export: ["export", "export:local", "export:run"].map((name) => [name, "export"]),
    analytics: [["analytics", "analytics"]],
    report: [["report", "report"]],
    all: ["demo", "test", "bench"].map((name) => [name, "all"]),
  });
});

Deno.test("deno.json pins every package to an exact version", () => {
  for (const target of Object.values(project.imports) as string[]) {
    assert.match(target, /^npm:.+@\d+\.\d+\.\d+(-[\w.]+)?$/);
  }
});

Deno.test("deno.json describes every task", () => {
  for (const { description } of Object.values(project.tasks) as { description?: string }[]) assert.ok(description);
});

Deno.test("docker-compose.yml fits the DATABASE_URL of .env.example", () => {
  const compose = read("docker-compose.yml");
  const url = new URL(parseEnv(read(".env.example")).DATABASE_URL!.replace("+psycopg", ""));
  assert.match(compose, new RegExp(`POSTGRES_USER: ${url.username}\n`));
  assert.match(compose, new RegExp(`POSTGRES_PASSWORD: ${url.password}\n`));
  assert.match(compose, new RegExp(`POSTGRES_DB: ${url.pathname.slice(1)}\n`));
  assert.match(compose, new RegExp(`127\\.0\\.0\\.1:${url.port}:5432`));
});
