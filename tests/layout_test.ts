import assert from "node:assert/strict";
import { relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** What AGENTS.md says of a folder of tasks/lib. */
interface Folder {
  readonly mayImport: readonly string[];
  /** Its modules that touch what is outside of the process. */
  readonly edges: readonly string[];
}

/** One module of tasks, of the tests' support or of the benchmark. */
interface Module {
  /** From the project's root. */
  readonly path: string;
  readonly text: string;
  /** Modules of the project that it loads. */
  readonly loads: readonly string[];
  /** The same, and those whose types it uses. */
  readonly imports: readonly string[];
  /** Packages that it loads. */
  readonly packages: readonly string[];
}

/** The rows of AGENTS.md's table of folders. */
function readFolders(): Map<string, Folder> {
  const agents = Deno.readTextFileSync(`${ROOT}AGENTS.md`);
  const rows = agents.slice(agents.indexOf("| folder"), agents.indexOf("\n\n", agents.indexOf("| folder"))).split("\n");
  const names = (cell: string) => [...cell.matchAll(/`(\w+)`/g)].map(([, name]) => name);
  return new Map(
    rows.slice(2).map((row) => {
      const [, folder, , mayImport, edges] = row.split("|");
      return [names(folder)[0], { mayImport: names(mayImport), edges: names(edges) }];
    }),
  );
}

/** All modules of tasks, of the tests' support and of the benchmark, from the graph of a module that imports every one. */
async function readAll(): Promise<Module[]> {
  const directories = await Promise.all(["tasks", "tests/support", "bench"].map(listModules));
  const paths = directories.flat().filter((path) => !path.endsWith("_test.ts"));
  const root = await Deno.makeTempFile({ dir: ROOT, prefix: ".layout-", suffix: ".ts" });
  try {
    await Deno.writeTextFile(root, paths.map((path) => `import "./${path}";\n`).join(""));
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["info", "--json", "--config", "tests/deno.json", root],
      cwd: ROOT,
    }).output();
    const { modules } = JSON.parse(new TextDecoder().decode(stdout)) as Info;
    const own = new Set(paths.map((path) => pathToFileURL(ROOT + path).href));
    return modules.filter(({ specifier }) => own.has(specifier)).map(toModule);
  } finally {
    await Deno.remove(root);
  }
}

function ofTasks(modules: readonly Module[]): Module[] {
  return modules.filter(({ path }) => path.startsWith("tasks/"));
}

interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly Partial<Record<"code" | "type", { readonly specifier?: string }>>[];
  }[];
}

function toModule({ specifier, dependencies = [] }: Info["modules"][number]): Module {
  const path = toPath(specifier);
  const code = dependencies.flatMap(({ code }) => code?.specifier ?? []);
  const all = [...code, ...dependencies.flatMap(({ type }) => type?.specifier ?? [])];
  const ours = (targets: readonly string[]) => targets.filter((target) => target.startsWith("file:")).map(toPath);
  return {
    path,
    text: Deno.readTextFileSync(ROOT + path),
    loads: ours(code),
    imports: ours(all),
    packages: code.filter((target) => target.startsWith("npm:")).map((name) => name.replace(/^npm:\/?/, "")),
  };
}

function toPath(url: string): string {
  return relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/");
}

async function listModules(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(ROOT + directory));
  const paths = await Promise.all(entries.map(({ name, isDirectory }) => {
    const path = `${directory}/${name}`;
    return isDirectory ? listModules(path) : path.endsWith(".ts") ? [path] : [];
  }));
  return paths.flat().sort();
}

const IN_FOLDER = /^tasks\/lib\/(\w+)\/(\w+)(?:\.d)?\.ts$/;
const OUTSIDE =
  /\bDeno\.(?!errors)|\bconsole\.\w+\(|\bperformance\.|Date\.now|new Date\(\)|Math\.random|crypto\.random|setTimeout|new Worker|\bfetch\(|"node:(?:fs|net|tls|http|os|child_process|sqlite|worker_threads)/;

/** Everything that is not as the table says, one line each. */
function findViolations(modules: readonly Module[], folders: ReadonlyMap<string, Folder>): string[] {
  const lib = modules.filter(({ path }) => path.startsWith("tasks/lib/"));
  return lib.flatMap(({ path, text, imports, packages }) => {
    const [, name, module] = IN_FOLDER.exec(path) ?? [];
    const folder = folders.get(name);
    if (!folder) return [`${path} is in no folder of AGENTS.md`];
    const touches = OUTSIDE.test(text);
    return [
      ...imports.flatMap((target) => {
        const [, other] = IN_FOLDER.exec(target) ?? [];
        return other === name || folder.mayImport.includes(other) ? [] : [`${path} may not import ${target}`];
      }),
      ...(touches && !folder.edges.includes(module) ? [`${path} touches the outside, and is not said to`] : []),
      ...(!touches && folder.edges.includes(module) ? [`${path} is said to touch the outside, and does not`] : []),
      ...packages.flatMap((name) => {
        const first = lib.find(({ packages }) => packages.includes(name))!.path;
        return path === first ? [] : [`${path} loads ${name}, which enters through ${first}`];
      }),
    ];
  });
}

/** What deno doc --lint says of a place. */
const DOC_FINDING = /error\[([\w-]+)\].*: (.+)\n --> (.+):(\d+):(\d+)\n/g;

/** What lacks a doc comment, one line each: an export anywhere; and of what folders use of each other, every member.
 *
 * Entry scripts and the tests' support, which no folder imports, count as used.
 */
async function findUndocumented(modules: readonly Module[]): Promise<string[]> {
  const texts = new Map(modules.filter(({ path }) => !path.startsWith("bench/")).map(({ path, text }) => [path, text]));
  const used = new Set(modules.flatMap(({ path, imports }) => imports.filter((target) => !isBeside(path, target))));
  const { stderr, code } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--lint", ...[...texts.keys()].map((path) => ROOT + path)],
    cwd: `${ROOT}tests`,
    env: { NO_COLOR: "1" },
  }).output();
  const output = new TextDecoder().decode(stderr);
  const findings = [...output.matchAll(DOC_FINDING)];
  assert.equal(code === 0, findings.length === 0, output);
  return findings.flatMap(([, kind, message, file, line, column]) => {
    const path = toPath(pathToFileURL(file).href);
    const before = texts.get(path)!.split("\n")[Number(line) - 1].slice(0, Number(column) - 1);
    const isExport = kind === "missing-jsdoc" && /^export [\w *]*$/.test(before);
    return isExport || used.has(path) || !IN_FOLDER.test(path) ? [`${path}:${line} ${message}`] : [];
  });
}

function isBeside(path: string, other: string): boolean {
  return path.slice(0, path.lastIndexOf("/")) === other.slice(0, other.lastIndexOf("/"));
}

const folders = readFolders();
const all = await readAll();
const modules = ofTasks(all);

Deno.test("layout: every module is in a folder of AGENTS.md's table, and keeps to its row", async () => {
  assert.deepEqual(findViolations(modules, folders), []);
  const names = (await listModules("tasks/lib")).map((path) => IN_FOLDER.exec(path)?.[1]);
  assert.deepEqual([...folders.keys()].filter((name) => !names.includes(name)), [], "folders that are not there");
});

Deno.test("layout: what breaks the table is found", async () => {
  const id = crypto.randomUUID().replaceAll("-", "");
  const faults = {
    [`tasks/lib/loose${id}.ts`]: "export const a = 1;\n",
    [`tasks/lib/lake/upward${id}.ts`]: 'import type { Plan } from "../export/plan.ts";\nexport type Other = Plan;\n',
    [`tasks/lib/lake/clock${id}.ts`]: "export const now = (): number => Date.now();\n",
    [`tasks/lib/sources/second${id}.ts`]:
      'import postgres from "postgres";\nexport const driver: unknown = postgres;\n',
  };
  try {
    for (const [path, text] of Object.entries(faults)) await Deno.writeTextFile(ROOT + path, text);
    const found = findViolations(ofTasks(await readAll()), folders).map((line) => line.replaceAll(id, ""));
    assert.deepEqual(found.sort(), [
      "tasks/lib/lake/clock.ts touches the outside, and is not said to",
      "tasks/lib/lake/upward.ts may not import tasks/lib/export/plan.ts",
      "tasks/lib/loose.ts is in no folder of AGENTS.md",
      "tasks/lib/sources/second.ts loads postgres@3.4.9, which enters through tasks/lib/postgres/connection.ts",
    ]);
  } finally {
    for (const path of Object.keys(faults)) await Deno.remove(ROOT + path).catch(() => {});
  }
});

Deno.test("layout: every export is documented, and every member of what another folder uses", async () => {
  assert.deepEqual(await findUndocumented(all), []);
});

Deno.test("layout: what lacks a doc comment is found", async () => {
  const id = crypto.randomUUID().replaceAll("-", "");
  const member = "/** A. */\nexport interface A {\n  readonly b: string;\n}\n";
  const faults = {
    [`tasks/lib/lake/bare${id}.ts`]: "export async function* a(): AsyncGenerator<number> {}\n",
    [`tasks/lib/lake/used${id}.ts`]: member,
    [`tasks/lib/lake/inner${id}.ts`]: member,
    [`tasks/lib/lake/beside${id}.ts`]: `/** A. */\nexport type { A } from "./inner${id}.ts";\n`,
    [`tasks/lib/export/user${id}.ts`]: `/** A. */\nexport type B = import("../lake/used${id}.ts").A;\n`,
    [`tasks/lib/lake/measured${id}.ts`]: member,
    [`bench/user${id}.ts`]: `export type B = import("../tasks/lib/lake/measured${id}.ts").A;\n`,
    [`tests/support/other${id}.ts`]: member,
  };
  try {
    for (const [path, text] of Object.entries(faults)) await Deno.writeTextFile(ROOT + path, text);
    const found = (await findUndocumented(await readAll())).map((line) => line.replaceAll(id, ""));
    const message = "exported symbol is missing JSDoc documentation";
    assert.deepEqual(found.sort(), [
      `tasks/lib/lake/bare.ts:1 ${message}`,
      `tasks/lib/lake/measured.ts:3 ${message}`,
      `tasks/lib/lake/used.ts:3 ${message}`,
      `tests/support/other.ts:3 ${message}`,
    ]);
  } finally {
    for (const path of Object.keys(faults)) await Deno.remove(ROOT + path).catch(() => {});
  }
});

Deno.test("layout: folders import downwards", () => {
  const order = [...folders.keys()];
  for (const [name, { mayImport }] of folders) {
    const above = order.slice(0, order.indexOf(name));
    assert.deepEqual(mayImport.filter((other) => !above.includes(other)), [], name);
  }
});

/** Where one table and its columns are the subject; in schema/ "checks" are constraints. */
const ABOUT_CHECKS = /^tasks\/(db_seed\.ts|lib\/(sources\/(harness|sqlite)|local\/seed|analytics\/|report\/|schema\/))/;

Deno.test("layout: no module but those about it knows a dataset by its name or columns", () => {
  const others = modules.filter(({ path }) => !ABOUT_CHECKS.test(path));
  for (const { path, text } of others) assert.doesNotMatch(text, /\b(checks|run_id|created_at)\b/, path);
});

Deno.test("layout: every module of lib is used by a task", () => {
  const used = new Set(modules.flatMap(({ imports }) => imports));
  const workers = modules.filter(({ path }) => path.endsWith("worker.ts")).map(({ path }) => path);
  const lib = modules.map(({ path }) => path).filter((path) => path.startsWith("tasks/lib/"));
  assert.deepEqual(lib.filter((path) => !used.has(path) && !workers.includes(path)), []);
});

Deno.test("layout: nothing imports an entry script", () => {
  const imported = modules.flatMap(({ imports }) => imports).filter((path) => /^tasks\/\w+\.ts$/.test(path));
  assert.deepEqual(imported, []);
});

Deno.test("layout: no module loads itself, directly or through others", () => {
  const loads = new Map(modules.map((module) => [module.path, module.loads]));
  const done = new Set<string>();
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail, path];
    if (done.has(path)) return undefined;
    const cycle = (loads.get(path) ?? []).map((next) => visit(next, [...trail, path])).find(Boolean);
    done.add(path);
    return cycle;
  };
  assert.equal(modules.map(({ path }) => visit(path, [])).find(Boolean), undefined);
});

Deno.test("layout: only settings.ts reads the environment, only console.ts prints, only run.ts and entry scripts end", () => {
  const except = (name: string) =>
    modules.filter(({ path }) => path.startsWith("tasks/lib/") && path !== `tasks/lib/task/${name}`);
  for (const { path, text } of except("settings.ts")) assert.doesNotMatch(text, /Deno\.env\b|process\.env/, path);
  for (const { path, text } of except("console.ts")) {
    assert.doesNotMatch(text, /console\.\w+\(|Deno\.std(out|err)/, path);
  }
  for (const { path, text } of except("run.ts")) assert.doesNotMatch(text, /Deno\.exit/, path);
});
