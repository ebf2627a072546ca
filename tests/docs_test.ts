import assert from "node:assert/strict";
import { posix } from "node:path";
import { parseEnv } from "node:util";
import { VARIABLES } from "../tasks/lib/task/settings.ts";

const read = (name: string) => Deno.readTextFileSync(new URL(`../${name}`, import.meta.url));
const exists = (name: string) => {
  try {
    Deno.statSync(new URL(`../${name}`, import.meta.url));
    return true;
  } catch {
    return false;
  }
};
const project = JSON.parse(read("deno.json"));
const readme = read("README.md");

/** Names of the pages that README is too short for. */
const IN_DOCS = [...Deno.readDirSync(new URL("../docs/", import.meta.url))].map(({ name }) => `docs/${name}`).sort();
const DOCS = IN_DOCS.filter((path) => path.endsWith(".md"));

/** Everything that is written about the project. */
const PAGES: readonly { readonly path: string; readonly text: string }[] = ["README.md", "AGENTS.md", ...DOCS]
  .map((path) => ({ path, text: read(path) }));

/** What a pattern's group finds in all pages. */
function findAll(pattern: RegExp): { path: string; found: string }[] {
  return PAGES.flatMap(({ path, text }) => [...text.matchAll(pattern)].map(([, found]) => ({ path, found })));
}

/** The anchors of a page's headings, as GitHub makes them. */
function anchorsOf(path: string): string[] {
  return [...read(path).replace(/^```[^]*?^```/gm, "").matchAll(/^#+ (.*)$/gm)]
    .map(([, title]) => title.toLowerCase().replace(/[^\w\- ]/g, "").replaceAll(" ", "-"));
}

Deno.test("README fits one sitting", () => {
  const words = readme.split(/\s+/).filter((word) => word !== "").length;
  assert.ok(words <= 1500, `README has ${words} words; move what not everybody needs to docs/`);
});

Deno.test("README links every page of docs/, and shows every picture, each small", () => {
  assert.deepEqual(IN_DOCS.filter((path) => !/\.(md|png)$/.test(path)), []);
  assert.deepEqual(IN_DOCS.filter((path) => !readme.includes(`](${path})`)), []);
  const pictures = IN_DOCS.filter((path) => path.endsWith(".png"));
  assert.ok(pictures.length > 0);
  const sizes = pictures.map((path) => Deno.statSync(new URL(`../${path}`, import.meta.url)).size);
  assert.deepEqual(sizes.filter((size) => size >= 200_000), []);
});

Deno.test("relative links lead to files that are there, and to headings that they have", () => {
  const links = findAll(/\]\((?!https?:)([^)\s]+)\)/g);
  assert.ok(links.length > DOCS.length);
  const broken = links.filter(({ path, found }) => {
    const [file, anchor] = found.split("#");
    const target = file === "" ? path : posix.join(posix.dirname(path), file);
    return !exists(target) || (anchor !== undefined && !anchorsOf(target).includes(anchor));
  });
  assert.deepEqual(broken, []);
});

Deno.test("the pages name no file that is not there", () => {
  const named = findAll(/(?<![\w./<>-])((?:analytics|bench|docs|sql|tasks|tests)\/[a-z0-9_./-]+\.[a-z]+)\b/g);
  assert.ok(named.length > 50);
  assert.deepEqual(named.filter(({ found }) => !exists(found)), []);
});

Deno.test("no line of prose stands twice, in one page or in two", () => {
  const lines = PAGES.flatMap(({ path, text }) => text.split("\n").map((line) => ({ path, line: line.trim() })))
    .filter(({ line }) => line.length > 60 && !/^[|\s:-]+$/.test(line));
  const places = Map.groupBy(lines, ({ line }) => line);
  const twice = [...places.values()].filter(({ length }) => length > 1);
  assert.deepEqual(twice.map(([{ line }, ...others]) => [line, ...others.map(({ path }) => path)]), []);
});

Deno.test("no sentence stands twice, however its lines are broken", () => {
  const sentences = PAGES.flatMap(({ path, text }) =>
    text.replace(/^```[^]*?^```|^[|\s:-]+$/gm, "").split(/[.:;|]\s|\n\n|\n[-\d]\S* /)
      .map((sentence) => ({ path, sentence: sentence.replace(/\s+/g, " ").trim() }))
  ).filter(({ sentence }) => sentence.length > 50);
  assert.ok(sentences.length > 200);
  const twice = [...Map.groupBy(sentences, ({ sentence }) => sentence).values()].filter(({ length }) => length > 1);
  assert.deepEqual(twice.map(([{ sentence }, ...others]) => [sentence, ...others.map(({ path }) => path)]), []);
});

Deno.test("README lists the tasks of deno.json, in their order", () => {
  const table = readme.slice(readme.indexOf("## Commands"), readme.indexOf("| exit |"));
  const listed = [...table.matchAll(/^\| `([\w:]+)`/gm)].map(([, name]) => name);
  assert.deepEqual(listed, Object.keys(project.tasks));
});

Deno.test("the pages name no task that is not there", () => {
  const named = [
    ...findAll(/deno(?:@[\d.]+)? task ([a-z:]+)/g),
    ...findAll(/`((?:db|export|lake|migrate):[a-z]+)/g),
  ];
  assert.deepEqual(named.filter(({ found }) => !(found in project.tasks)), []);
});

Deno.test(".env.example lists the variables that the tasks read", () => {
  const uncommented = read(".env.example").replace(/^# ([A-Z0-9_]+=)/gm, "$1");
  assert.deepEqual(Object.keys(parseEnv(uncommented)).sort(), [...VARIABLES].sort());
});

Deno.test("README's settings table lists the variables that the tasks read", () => {
  const table = readme.slice(readme.indexOf("## Settings"), readme.indexOf("## Where to read on"));
  const listed = [...table.matchAll(/^\|.*$/gm)].flatMap(([row]) => [...row.matchAll(/`([A-Z0-9_]{4,})`/g)])
    .map(([, name]) => name);
  const whole = VARIABLES.filter((name) => !name.endsWith("_UNPOOLED"));
  assert.deepEqual([...new Set(listed)].sort(), [...whole].sort());
  assert.match(table, /^\| `\.\.\._UNPOOLED` /m);
});

const ENGINE = { sys: ["cpus"] };
const LOCAL_PATTERNS = [
  "DATABASE_URL*",
  "DATABASE_CA",
  "EMBEDDED_DIR",
  "HERETIX_DB_PATH",
  "EXPORT_DIR",
  "EXPORT_WRITER",
  "PG*",
];
const STORE_PATTERNS = ["EXPORT_URL", "AWS_*", "S3_ENDPOINT"];

Deno.test("deno.json's permission sets hold what their tasks need, and nothing else", () => {
  assert.deepEqual(project.permissions, {
    database: { read: true, write: ["data"], net: true, env: [...LOCAL_PATTERNS, "INIT_CWD"] },
    // EXPORT_DIR and the harness's file can be anywhere.
    export: { read: true, write: true, net: true, env: [...LOCAL_PATTERNS, ...STORE_PATTERNS, "INIT_CWD"], ...ENGINE },
    lake: { read: true, net: true, env: [...STORE_PATTERNS, "EXPORT_DIR", "INIT_CWD"] },
    analytics: { read: true, env: ["EXPORT_DIR", "INIT_CWD"], ...ENGINE },
  });
  const patterns = [...LOCAL_PATTERNS, ...STORE_PATTERNS].map((pattern) =>
    new RegExp(`^${pattern.replace("*", ".*")}$`)
  );
  for (const name of VARIABLES) assert.ok(patterns.some((pattern) => pattern.test(name)), name);
});

Deno.test("deno.json gives report what analytics may, and to write below data", () => {
  const flags = (project.tasks.report.command as string).split(" ").filter((word) => word.startsWith("--allow"));
  const { env, sys } = project.permissions.analytics;
  assert.deepEqual(flags, ["--allow-read", "--allow-write=data", `--allow-env=${env}`, `--allow-sys=${sys}`]);
});

Deno.test("deno.json gives each task its set, and all permissions to none that meets a database of somebody's", () => {
  const sets = Object.entries(project.tasks as Record<string, { command: string }>).flatMap(([name, { command }]) =>
    [...command.matchAll(/-P=(\w+)|( -A )/g)].map(([, set]) => [name, set ?? "all"])
  );
  assert.deepEqual({ ...Object.groupBy(sets, ([, set]) => set) }, {
    database: ["migrate", "db:reset", "db:seed", "db:check", "db:diff"].map((name) => [name, "database"]),
    export: ["export", "export:local", "export:run", "lake:pull"].map((name) => [name, "export"]),
    lake: ["lake:list", "lake:prune"].map((name) => [name, "lake"]),
    analytics: [["analytics", "analytics"]],
    all: ["report:image", "demo", "test", "bench"].map((name) => [name, "all"]),
  });
});

Deno.test("deno.json, the report's, the tests' and the benchmark's pin every package to an exact version, shared ones to one", () => {
  const others = ["tests/deno.json", "analytics/deno.json", "bench/deno.json"].map((path) =>
    JSON.parse(read(path)).imports
  );
  for (const imports of [project.imports, ...others] as Readonly<Record<string, string>>[]) {
    for (const [name, target] of Object.entries(imports)) {
      assert.match(target, /^npm:.+@\d+\.\d+\.\d+(-[\w.]+)?$/);
      if (name in project.imports) assert.equal(target, project.imports[name]);
    }
  }
  // A task loads the root's packages or the report's, the tests load its modules: they need all of them.
  const [tests, report] = others;
  const used = Object.entries({ ...report, ...project.imports });
  assert.deepEqual(used.filter(([name, target]) => tests[name] !== target), []);
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
