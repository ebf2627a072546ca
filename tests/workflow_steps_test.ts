import assert from "node:assert/strict";
import { join } from "node:path";
import { UNSET } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";
import { createExporter, insertChecks } from "./support/exporter.ts";
import { startGitHub } from "./support/github.ts";
import { storeSettings } from "./support/remote.ts";
import { startS3, TEST_CREDENTIALS } from "./support/s3_server.ts";
import { hasCurlAndJq, runStep, type StepOptions, type StepResult } from "./support/workflows.ts";

/** A test of a step that asks GitHub. */
function testAsking(name: string, fn: () => Promise<void>): void {
  const note = hasCurlAndJq ? "" : " (ignored: curl or jq is not installed)";
  Deno.test({ name: `${name}${note}`, ignore: !hasCurlAndJq, fn });
}

/** Asserts that a step has neither printed a job's token nor shown it to whoever lists the processes. */
function assertSilent({ stdout, stderr, questions }: StepResult, token: string): void {
  for (const text of [stdout, stderr, ...questions]) assert.ok(!text.includes(token));
}

const PLACE = ["export", "export", "Look for a place that is not public"] as const;
const EXPORT = ["export", "export", "Export"] as const;
const PRUNE = ["export", "prune", "Remove what has been superseded for a week"] as const;
const REPORT = ["export", "report", "Open an issue, or add to the one that is open"] as const;
const APPROVAL = ["migrate", "approval", "Look whether production asks somebody"] as const;

testAsking("export: a bucket is a place, whoever sees the repository", async () => {
  await using github = startGitHub();
  github.visibility = "public";
  const { code } = await runStep(PLACE, { env: { ...github.env, EXPORT_URL: "s3://lake/heretix" } });
  assert.deepEqual([code, github.requests], [0, []]);
});

for (const [visibility, expected] of [["private", 0], ["internal", 1], ["public", 1]] as const) {
  testAsking(
    `export: without a bucket a repository that is ${visibility} ${expected ? "ends" : "goes on"}`,
    async () => {
      await using github = startGitHub();
      github.visibility = visibility;
      const result = await runStep(PLACE, { env: { ...github.env, EXPORT_URL: "" } });
      assert.equal(result.code, expected, result.stderr);
      assert.equal(/::error::.*set the variable EXPORT_URL/.test(result.stdout), expected === 1);
      assertSilent(result, github.env.GITHUB_TOKEN);
    },
  );
}

testAsking("export: where GitHub does not say who sees the repository, nothing goes on", async () => {
  await using github = startGitHub();
  const env = { ...github.env, EXPORT_URL: "", GITHUB_TOKEN: "another" };
  assert.notEqual((await runStep(PLACE, { env })).code, 0);
});

testAsking("export: a failure opens one issue, further ones add to it while it is open", async () => {
  await using github = startGitHub();
  const fail = async (run: string, LAKE_ENV = "prod") => {
    const result = await runStep(REPORT, { env: { ...github.env, GITHUB_RUN_ID: run, LAKE_ENV } });
    assert.equal(result.code, 0, result.stderr);
    assertSilent(result, github.env.GITHUB_TOKEN);
  };
  const other = { number: 1, title: "The export of prod fails", open: true };
  github.issues.push({ ...other, creator: "somebody", texts: [] });
  github.issues.push({ ...other, number: 2, creator: "github-actions[bot]", pull_request: {}, texts: [] });
  for (const run of ["17", "18", "19"]) await fail(run);
  await fail("20", "staging");
  github.issues[2].open = false;
  await fail("21");
  const runs = github.issues.map(({ title, texts }) => [title, ...texts.map((text) => /runs\/(\d+)/.exec(text)?.[1])]);
  assert.deepEqual(runs, [
    [other.title],
    [other.title],
    ["The export of prod fails", "17", "18", "19"],
    ["The export of staging fails", "20"],
    ["The export of prod fails", "21"],
  ]);
  assert.match(github.issues[2].texts[0], /https:\/\/github\.example\/heretix\/lane\/actions\/runs\/17 /);
});

testAsking("export: a question that fails is asked again, an issue is not opened again", async () => {
  await using github = startGitHub();
  github.failures.push(502, 0, 502);
  const { code } = await runStep(REPORT, { env: { ...github.env, LAKE_ENV: "prod" } });
  assert.notEqual(code, 0);
  const issues = "/repos/heretix/lane/issues";
  assert.deepEqual(github.requests, [`GET ${issues}`, `GET ${issues}`, `POST ${issues}`]);
});

/** The calls of an export whose tasks end with these codes. */
async function runExport(
  taskCodes: readonly number[],
  env: Readonly<Record<string, string>> = {},
): Promise<StepResult> {
  return await runStep(EXPORT, { taskCodes, env: { LAKE_ENV: "prod", FULL: "false", EXPORT_URL: "", ...env } });
}

for (
  const [codes, calls] of [[[0], 1], [[1], 1], [[2], 1], [[3], 1], [[5, 0], 2], [[5, 5], 2], [[5, 1], 2]] as const
) {
  Deno.test(`export: tasks that end with ${codes.join(" and ")} are called ${calls === 1 ? "once" : "twice"}`, async () => {
    const { code, tasks } = await runExport([...codes, 99]);
    assert.deepEqual([code, tasks.length], [codes.at(-1), calls]);
    assert.equal(new Set(tasks).size, 1, "the same again");
  });
}

Deno.test("export: a night takes what has changed, a Sunday everything, to the bucket where there is one", async () => {
  const task = async (env: Readonly<Record<string, string>>) => (await runExport([0], env)).tasks;
  const bucket = { EXPORT_URL: "s3://lake/heretix" };
  assert.deepEqual([
    await task({}),
    await task({ FULL: "true", LAKE_ENV: "staging" }),
    await task(bucket),
    await task({ ...bucket, FULL: "true" }),
  ], [
    ["-y deno@2.9.6 task export --env prod"],
    ["-y deno@2.9.6 task export --env staging --full --verify"],
    ["-y deno@2.9.6 task export --env prod --to s3://lake/heretix"],
    ["-y deno@2.9.6 task export --env prod --full --verify --to s3://lake/heretix"],
  ]);
});

Deno.test("export: the prune keeps a week, and fails as its task does", async () => {
  const env = { LAKE_ENV: "prod", EXPORT_URL: "s3://lake/heretix" };
  const { code, tasks } = await runStep(PRUNE, { env, taskCodes: [3] });
  assert.deepEqual([code, tasks], [3, [
    "-y deno@2.9.6 task lake:prune --env prod --to s3://lake/heretix --keep-days 7",
  ]]);
});

for (
  const [code, expected] of [[0, { pending: "false" }], [4, { pending: "true" }], [3, {}], [1, {}], [2, {}]] as const
) {
  Deno.test(`migrate: a check that ends with ${code} ${code % 4 ? "ends the job" : "goes on"}`, async () => {
    for (const [job, env] of [["staging", "staging"], ["production", "prod"]] as const) {
      const step = ["migrate", job, "Look for pending files"] as const;
      const { tasks, ...result } = await runStep(step, { env: { LAKE_ENV: env }, taskCodes: [code] });
      assert.deepEqual([result.code, result.outputs], [code % 4 ? code : 0, expected]);
      assert.deepEqual(tasks, [`-y deno@2.9.6 task migrate --env ${env} --check`]);
    }
  });
}

const REVIEWED = [{ type: "wait_timer" }, { type: "required_reviewers" }];
for (
  const [name, rules, asked] of [
    ["with reviewers is asked", REVIEWED, "true"],
    ["with other rules is not", [{ type: "wait_timer" }, { type: "branch_policy" }], "false"],
    ["without rules is not", [], "false"],
    ["that is not there is not", undefined, "false"],
  ] as const
) {
  testAsking(`migrate: a production ${name}`, async () => {
    await using github = startGitHub();
    github.productionRules = rules;
    const result = await runStep(APPROVAL, { env: github.env });
    assert.equal(result.code, 0, result.stderr);
    assert.deepEqual(result.outputs, { asked });
    assert.equal(/::warning::.*required reviewers/.test(result.stdout), asked === "false");
    assertSilent(result, github.env.GITHUB_TOKEN);
  });
}

testAsking("migrate: where GitHub does not say whether somebody is asked, nothing goes on", async () => {
  await using github = startGitHub();
  github.productionRules = REVIEWED;
  const { code, outputs } = await runStep(APPROVAL, { env: { ...github.env, GITHUB_TOKEN: "another" } });
  assert.deepEqual([code, outputs], [1, {}]);
});

Deno.test("migrate: the steps of both jobs bring an empty database up to date, and a second run finds nothing", async () => {
  for (const [job, env, variable] of [["staging", "staging", "STAGING"], ["production", "prod", "PROD"]] as const) {
    await using database = await createTestDatabase();
    const step = async (name: string) => {
      const options: StepOptions = {
        env: { LAKE_ENV: env, [`DATABASE_URL_${variable}_UNPOOLED`]: database.url },
        hidden: UNSET,
      };
      const { code, stdout, stderr, outputs } = await runStep(["migrate", job, name], options);
      assert.equal(code, 0, `${job}, ${name}: ${stdout}${stderr}`);
      return outputs.pending ?? stdout;
    };
    assert.equal(await step("Look for pending files"), "true");
    if (job === "staging") assert.match(await step("Rehearse"), /all rolled back/);
    assert.match(await step("Apply"), /Applied/);
    await step("Compare the schema");
    await step("Check the health");
    assert.equal(await step("Look for pending files"), "false");
  }
});

Deno.test("export: without a bucket a night and a Sunday leave the files of a database for the artifact", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  const exportDir = join(exporter.lane, "..");
  const database = { DATABASE_URL_STAGING: exporter.database.url };
  for (const FULL of ["false", "true"]) {
    const env = { LAKE_ENV: "staging", EXPORT_URL: "", FULL, ...database };
    const { code, stdout, stderr } = await runStep(EXPORT, { env, hidden: { ...UNSET, EXPORT_DIR: exportDir } });
    assert.equal(code, 0, stdout + stderr);
  }
  const days = [...Deno.readDirSync(join(exportDir, "staging"))].filter(({ isDirectory }) => isDirectory);
  assert.ok(days.length > 0);
});

Deno.test("export: a night, a Sunday and its prune fill a bucket from a database", async () => {
  await using exporter = await createExporter();
  await insertChecks(exporter.database, 1, 3);
  const { sessionToken: _, ...credentials } = TEST_CREDENTIALS;
  await using server = await startS3({ credentials });
  const { AWS_SESSION_TOKEN: _token, ...settings } = storeSettings(server.target("lane"));
  const env = { LAKE_ENV: "prod", ...settings };
  for (const FULL of ["false", "true"]) {
    const options = { env: { ...env, FULL, DATABASE_URL_PROD: exporter.database.url }, hidden: UNSET };
    const { code, stderr } = await runStep(EXPORT, options);
    assert.equal(code, 0, stderr);
    assert.ok(server.objects.has("lane/prod/checks/_manifest.json"));
  }
  const { code, stderr } = await runStep(PRUNE, { env, hidden: UNSET });
  assert.equal(code, 0, stderr);
});
