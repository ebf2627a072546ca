import assert from "node:assert/strict";
import { basename, relative } from "node:path";
import { fileURLToPath } from "node:url";

const ROOT = fileURLToPath(new URL("../", import.meta.url));

/** Modules that touch one outside system each: they import each other's types at most. */
const EDGES = [
  "docker.ts",
  "duckdb.ts",
  "embedded.ts",
  "lake.ts",
  "postgres.ts",
  "report.ts",
  "settings.ts",
  "sqlite.ts",
];

/** Modules that have no I/O, clock, environment or console. */
const PURE = [
  "args.ts",
  "arrow_ipc.ts",
  "certificate_error.ts",
  "charts.ts",
  "check_definition.ts",
  "column_buffer.ts",
  "copy_batch.ts",
  "copy_binary.ts",
  "copy_columns.ts",
  "copy_errors.ts",
  "copy_numeric.ts",
  "dataset.ts",
  "day.ts",
  "digest.ts",
  "dropped_checks.ts",
  "errors.ts",
  "export_plan.ts",
  "export_text.ts",
  "file_mark.ts",
  "harness_columns.ts",
  "html.ts",
  "journal.ts",
  "kept_days.ts",
  "manifest.ts",
  "memory_files.ts",
  "migration_plan.ts",
  "migration_rules.ts",
  "own_query.ts",
  "parquet_footer.ts",
  "printable.ts",
  "queries.ts",
  "redaction.ts",
  "report_page.ts",
  "schema.ts",
  "schema_states.ts",
  "server_error.ts",
  "source.ts",
  "source_columns.ts",
  "source_state.ts",
  "sql_scan.ts",
  "sql_secrets.ts",
  "sqlite_error.ts",
  "sqlite_values.ts",
  "table_format.ts",
  "target.ts",
  "text_position.ts",
  "thrift.ts",
  "tuple_writer.ts",
];

interface Module {
  /** From the project's root. */
  readonly path: string;
  /** Modules of the project that it loads when it runs. */
  readonly imports: readonly string[];
  /** Packages that it loads when it runs. */
  readonly packages: readonly string[];
}

interface Info {
  readonly modules: readonly {
    readonly specifier: string;
    readonly dependencies?: readonly { readonly code?: { readonly specifier: string } }[];
  }[];
}

/** Modules that run on threads of their own. */
const WORKERS = ["chunk_worker.ts", "harness_worker.ts", "query_worker.ts"];

/** The module graph of all entry scripts and the workers. */
async function readGraph(): Promise<Map<string, Module>> {
  const entries = (await listFiles("tasks")).filter((path) => !path.endsWith("_test.ts"));
  const infos = await Promise.all([...entries, ...WORKERS.map((name) => `tasks/lib/${name}`)].map(readInfo));
  const own = infos.flatMap(({ modules }) => modules).filter(({ specifier }) => specifier.startsWith("file:"));
  return new Map(own.map(({ specifier, dependencies = [] }) => {
    const targets = dependencies.flatMap(({ code }) => code?.specifier ?? []);
    const module = {
      path: toPath(specifier),
      imports: targets.filter((target) => target.startsWith("file:")).map(toPath),
      packages: targets.filter((target) => target.startsWith("npm:")),
    };
    return [module.path, module];
  }));
}

async function readInfo(path: string): Promise<Info> {
  const { stdout } = await new Deno.Command(Deno.execPath(), { args: ["info", "--json", path], cwd: ROOT }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

function toPath(url: string): string {
  return relative(ROOT, fileURLToPath(url)).replaceAll("\\", "/");
}

async function listFiles(folder: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(ROOT + folder));
  return entries.filter(({ name }) => name.endsWith(".ts")).map(({ name }) => `${folder}/${name}`).sort();
}

const graph = await readGraph();
const modules = [...graph.values()].filter(({ path }) => path.endsWith(".ts"));
const inLib = (name: string) => `tasks/lib/${name}`;
const textOf = (path: string) => Deno.readTextFileSync(ROOT + path);

Deno.test("layout: every module of lib is used by a task", async () => {
  const files = (await listFiles("tasks/lib")).filter((path) => !/(_test|\.d)\.ts$/.test(path));
  const typesOnly = files.filter((path) => !graph.has(path));
  assert.deepEqual(typesOnly.filter((path) => /\b(function|const)\b/.test(textOf(path))), []);
});

Deno.test("layout: nothing imports an entry script", () => {
  const imported = modules.flatMap(({ imports }) => imports).filter((path) => /^tasks\/\w+\.ts$/.test(path));
  assert.deepEqual(imported, []);
});

Deno.test("layout: no module imports itself, directly or through others", () => {
  const visit = (path: string, trail: readonly string[]): string[] | undefined => {
    if (trail.includes(path)) return [...trail, path];
    if (done.has(path)) return undefined;
    const cycle = (graph.get(path)?.imports ?? []).map((next) => visit(next, [...trail, path])).find(Boolean);
    done.add(path);
    return cycle;
  };
  const done = new Set<string>();
  assert.equal(modules.map(({ path }) => visit(path, [])).find(Boolean), undefined);
});

Deno.test("layout: each package enters through one module", () => {
  const users = Map.groupBy(
    modules.filter(({ path }) => path.startsWith("tasks/lib/"))
      .flatMap(({ path, packages }) => packages.map((name) => ({ path, name: name.replace(/^npm:\/?/, "") }))),
    ({ name }) => name,
  );
  for (const [name, places] of users) assert.equal(new Set(places.map(({ path }) => path)).size, 1, name);
});

Deno.test("layout: edges do not load each other", () => {
  for (const name of EDGES) {
    const others = graph.get(inLib(name))!.imports.filter((path) => EDGES.some((edge) => path === inLib(edge)));
    assert.deepEqual(others, [], name);
  }
});

Deno.test("layout: pure modules load pure modules alone, and touch nothing outside", () => {
  for (const name of PURE) {
    const { imports } = graph.get(inLib(name)) ?? { imports: [] };
    assert.deepEqual(imports.filter((path) => !PURE.some((pure) => path === inLib(pure))), [], name);
    assert.doesNotMatch(
      textOf(inLib(name)),
      /\bDeno\.|\bconsole\.|\bperformance\.|Date\.now|Math\.random|node:fs|node:net/,
      name,
    );
  }
});

Deno.test("layout: only settings.ts reads the environment, only report.ts prints, only entry scripts set the exit code", () => {
  const except = (name: string) =>
    modules.filter(({ path }) => path.startsWith("tasks/lib/") && basename(path) !== name);
  for (const { path } of except("settings.ts")) assert.doesNotMatch(textOf(path), /Deno\.env\b|process\.env/, path);
  for (const { path } of except("report.ts")) assert.doesNotMatch(textOf(path), /console\.|Deno\.std(out|err)/, path);
  for (const { path } of except("task.ts")) assert.doesNotMatch(textOf(path), /Deno\.exit/, path);
});
