import assert from "node:assert/strict";
import { ROOT } from "./support/command.ts";
import { hasPrograms, type Job, type Step, WORKFLOWS } from "./support/workflows.ts";

/** A job, and where it is. */
interface Place {
  readonly file: string;
  readonly name: string;
  readonly job: Job;
}

const JOBS: readonly Place[] = [...WORKFLOWS].flatMap(([file, { jobs }]) =>
  Object.entries(jobs).map(([name, job]) => ({ file, name, job }))
);
const STEPS: readonly Step[] = JOBS.flatMap(({ job }) => job.steps);

/** Names of the jobs of which something holds. */
function jobsWhere(holds: (job: Job) => boolean): string[] {
  return JOBS.filter(({ job }) => holds(job)).map(({ file, name }) => `${file}/${name}`);
}

Deno.test("workflows: ci, export and migrate are there", () => {
  assert.deepEqual([...WORKFLOWS.keys()], ["ci", "export", "migrate"]);
});

Deno.test("workflows: actions have tags of releases, one for each action", () => {
  const used = new Set(STEPS.flatMap(({ uses }) => uses ?? []));
  for (const action of used) assert.match(action, /^(actions|aws-actions)\/[\w-]+@v\d+(\.\d+\.\d+)?$/);
  const names = [...used].map((action) => action.split("@")[0]);
  assert.deepEqual([...new Set(names)].sort(), [
    "actions/cache",
    "actions/checkout",
    "actions/upload-artifact",
    "aws-actions/configure-aws-credentials",
  ]);
  assert.equal(new Set(names).size, names.length);
});

Deno.test("workflows: every job ends in an hour, and has no right that it does not name", () => {
  for (const { file, name, job } of JOBS) {
    const minutes = job["timeout-minutes"];
    assert.ok(minutes !== undefined && minutes <= 60, `${file}/${name}`);
    assert.ok(job.permissions ?? WORKFLOWS.get(file)!.permissions, `${file}/${name}`);
  }
  for (const file of ["export", "migrate"]) assert.deepEqual(WORKFLOWS.get(file)!.permissions, {}, file);
});

Deno.test("workflows: the rights to write are those of the jobs that use them", () => {
  const writing = (right: string) => jobsWhere(({ permissions }) => permissions?.[right] === "write");
  const rights = new Set(JOBS.flatMap(({ job }) => Object.keys(job.permissions ?? {})));
  assert.deepEqual(Object.fromEntries([...rights].sort().map((right) => [right, writing(right)])), {
    actions: [],
    contents: [],
    "id-token": ["export/export", "export/prune"],
    issues: ["export/report"],
  });
});

Deno.test("workflows: runs of one environment follow each other, and none is cancelled", () => {
  const groups = ["export", "migrate"].map((file) => WORKFLOWS.get(file)!.concurrency);
  assert.deepEqual(groups, [
    { group: "export-${{ inputs.env || 'prod' }}", "cancel-in-progress": false },
    { group: "migrate", "cancel-in-progress": false },
  ]);
});

Deno.test("workflows: exports start off the hour, six nights as usual and one in full, and what asks for that one agrees", () => {
  const schedule = WORKFLOWS.get("export")!.on.schedule as readonly { readonly cron: string }[];
  const crons = schedule.map(({ cron }) => cron.split(" "));
  for (const [minute] of crons) assert.ok(Number(minute) % 15 !== 0);
  assert.deepEqual(crons.map(([, , ...days]) => days.join(" ")), ["* * 1-6", "* * 0"]);
  const asked = `github.event.schedule == '${schedule[1].cron}'`;
  assert.ok(WORKFLOWS.get("export")!.env!.FULL.includes(asked));
  assert.ok(WORKFLOWS.get("export")!.jobs.prune.if!.includes(asked));
});

Deno.test("workflows: scripts hold no expression, and only env and with a secret", () => {
  for (const { run } of STEPS) assert.doesNotMatch(run ?? "", /\$\{\{/);
  const elsewhere = (value: unknown, key = ""): string[] => {
    if (typeof value === "string") return value.includes("secrets.") ? [`${key}: ${value}`] : [];
    if (value === null || typeof value !== "object") return [];
    return Object.entries(value).flatMap(([inner, part]) =>
      inner === "env" || inner === "with" ? [] : elsewhere(part, inner)
    );
  };
  assert.deepEqual([...WORKFLOWS.values()].flatMap((workflow) => elsewhere(workflow)), []);
  const secrets = STEPS.flatMap(({ env }) => Object.entries(env ?? {})).filter(([, value]) =>
    value.includes("secrets.")
  );
  assert.ok(secrets.length > 10);
  for (const [name, value] of secrets) assert.ok(value.includes(`secrets.${name} `), name);
  for (const { run } of STEPS) {
    // Into curl's standard input, by what is no process.
    const used = (run ?? "").replaceAll(/printf 'header = "[^"]*"\\n' "\$GITHUB_TOKEN" \|/g, "");
    for (const name of ["GITHUB_TOKEN", ...secrets.map(([name]) => name)]) assert.ok(!used.includes(name), name);
  }
  // Not those of a whole job: its actions do without them.
  for (const { job } of JOBS) assert.doesNotMatch(JSON.stringify(job.env ?? {}), /secrets\./);
});

Deno.test("workflows: a checkout leaves no token behind where secrets are", () => {
  const checkouts = JOBS.filter(({ file }) => file !== "ci").flatMap(({ job }) => job.steps)
    .filter(({ uses }) => uses?.startsWith("actions/checkout@"));
  assert.ok(checkouts.length >= 4);
  for (const step of checkouts) assert.equal(step.with?.["persist-credentials"], false);
});

Deno.test("workflows: what may delete is a job and an environment of its own", () => {
  const pruning = jobsWhere(({ steps }) => steps.some(({ run }) => run?.includes("lake:prune")));
  assert.deepEqual(pruning, ["export/prune"]);
  assert.deepEqual(jobsWhere(({ environment }) => environment?.startsWith("prune-") ?? false), pruning);
  const { needs, steps } = WORKFLOWS.get("export")!.jobs.prune;
  assert.equal(needs, "export");
  assert.doesNotMatch(JSON.stringify(steps), /DATABASE_URL/);
});

Deno.test("workflows: production is migrated after staging, by a push where somebody is asked, by hand where it is said", () => {
  const { staging, approval, production } = WORKFLOWS.get("migrate")!.jobs;
  assert.deepEqual([staging.environment, production.environment], ["staging", "production"]);
  assert.deepEqual([approval.needs, production.needs], ["staging", "approval"]);
  const condition = "inputs.production || (github.event_name == 'push' && needs.approval.outputs.asked == 'true')";
  assert.equal(production.if, condition);
  assert.deepEqual(WORKFLOWS.get("migrate")!.on.push, { branches: ["main"], paths: ["sql/migrations/**"] });
  const scripts = ({ steps }: Job) => steps.filter(({ run }) => run).map(({ name }) => name);
  assert.deepEqual(scripts(production), scripts(staging).filter((name) => name !== "Rehearse"));
});

Deno.test("workflows: caches hold packages and no data", () => {
  const caches = STEPS.filter(({ uses }) => uses?.startsWith("actions/cache@"));
  assert.ok(caches.length >= 4);
  for (const { with: inputs } of caches) assert.equal(inputs?.path, "~/.npm\n~/.cache/deno\n");
});

Deno.test("workflows: files of an export stay for a day, and only where there is no bucket", () => {
  const [step] = STEPS.filter(({ uses }) => uses?.startsWith("actions/upload-artifact@"));
  assert.deepEqual([step.if, step.with?.["retention-days"]], ["vars.EXPORT_URL == ''", 1]);
  const { steps } = WORKFLOWS.get("export")!.jobs.export;
  assert.equal(steps[0].name, "Look for a place that is not public", "the first of all");
});

Deno.test("workflows: one version of deno everywhere", () => {
  const texts = [
    ...[...WORKFLOWS.keys()].map((name) => `.github/workflows/${name}.yml`),
    ".ci/run",
    "README.md",
  ].map((path) => Deno.readTextFileSync(ROOT + path));
  const versions = texts.flatMap((text) =>
    [...text.matchAll(/deno[@-](\d+\.\d+\.\d+)/g)].map(([, version]) => version)
  );
  assert.deepEqual([...new Set(versions)], ["2.9.6"]);
});

const actionlint = Deno.env.get("TEST_ACTIONLINT") || "actionlint";
const hasActionlint = await hasPrograms(actionlint);
Deno.test({
  name: `workflows: actionlint finds nothing${hasActionlint ? "" : " (ignored: actionlint is not installed)"}`,
  ignore: !hasActionlint,
  async fn() {
    const { code, stdout } = await new Deno.Command(actionlint, { args: ["-no-color"], cwd: ROOT }).output();
    assert.equal(code, 0, new TextDecoder().decode(stdout));
  },
});
