import assert from "node:assert/strict";
import { ROOT, runCommand } from "./support/command.ts";
import { hasPrograms, runStep, WORKFLOWS } from "./support/workflows.ts";

/** A call of a program: its arguments, and what it was told on its standard input. */
interface Call {
  readonly program: string;
  readonly args: readonly string[];
  readonly input: string;
}

const PAGE = Deno.readTextFileSync(`${ROOT}docs/production.md`);
const SCRIPT = [...PAGE.matchAll(/^```sh\n([^]*?)^```/gm)].map(([, block]) => block).join("\n");

/** What the programs print that the page's blocks call; all others are this machine's. */
const PROGRAMS: Readonly<Record<string, string>> = {
  aws: `if [ "$1" = sts ]; then echo 123456789012; fi`,
  gh: `expression=\${@: -1}
    case "$*" in
      "api user "*) echo 7 ;;
      *--jq*) jq -nr '{id: 2, name: "NAME", owner: {login: "OWNER", id: 1}} | '"$expression" ;;
    esac`,
  npx: `case "$*" in
      *"projects create"*) echo '{"project": {"id": "project-1"}}' ;;
      *connection-string*)
        branch=main host=""
        for word; do case "$word" in staging | rehearsal) branch=$word ;; --pooled) host=-pooler ;; esac; done
        echo "postgresql://heretix_owner:secret@ep-$branch$host.neon.example/heretix?sslmode=verify-full" ;;
      *" --check") exit 4 ;;
    esac`,
  psql: "true",
  sudo: "true",
};

/** The calls of a script's programs, in their order.
 *
 * Errors: AssertionError where a command fails, or a variable has no value.
 */
async function callsOf(script: string): Promise<Call[]> {
  const directory = await Deno.makeTempDir({ prefix: "heretix-page-" });
  try {
    await Deno.mkdir(`${directory}/calls`);
    for (const [name, prints] of Object.entries(PROGRAMS)) {
      const record = `number=$(ls "${directory}/calls" | wc -l)
input=$(cat)
printf '%s\\0' "$input" ${name} "$@" > "${directory}/calls/$(printf %04d "$number")"`;
      await Deno.writeTextFile(`${directory}/${name}`, `#!/bin/bash\n${record}\n${prints}\n`, { mode: 0o755 });
    }
    const { code, stderr } = await new Deno.Command("bash", {
      args: ["--noprofile", "--norc", "-euo", "pipefail", "-c", script],
      cwd: ROOT,
      clearEnv: true,
      env: { PATH: `${directory}:${Deno.env.get("PATH")}` },
      stdin: "null",
    }).output();
    assert.equal(code, 0, new TextDecoder().decode(stderr));
    const names = [...Deno.readDirSync(`${directory}/calls`)].map(({ name }) => name).sort();
    return names.map((name) => {
      const [input, program, ...args] = Deno.readTextFileSync(`${directory}/calls/${name}`).split("\0").slice(0, -1);
      return { input, program, args };
    });
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

const hasTools = await hasPrograms("jq", "openssl");
const note = hasTools ? "" : " (ignored: jq or openssl is not installed)";

/** A test of what the page's blocks call. */
function testCalls(name: string, fn: (calls: readonly Call[]) => void | Promise<void>): void {
  Deno.test({ name: `${name}${note}`, ignore: !hasTools, fn: async () => await fn(await callsOf(SCRIPT)) });
}

/** The value behind a flag. */
function flag({ args }: Call, name: string): string {
  return args[args.indexOf(name) + 1];
}

/** What a role's policy allows on objects, and which subjects may take the role on. */
function roleOf(calls: readonly Call[], name: string): { readonly actions: string[]; readonly subjects: string[] } {
  const ofRole = calls.filter((call) => flag(call, "--role-name") === name);
  const documents = (option: string) =>
    ofRole.filter(({ args }) => args.includes(option)).map((call) => JSON.parse(flag(call, option)).Statement);
  const [[objects, listing]] = documents("--policy-document");
  const [[trust]] = documents("--assume-role-policy-document");
  assert.equal(objects.Resource, "arn:aws:s3:::heretix-lake/lane/*");
  assert.deepEqual([listing.Action, listing.Resource], ["s3:ListBucket", "arn:aws:s3:::heretix-lake"]);
  const claims = trust.Condition.StringEquals;
  assert.equal(claims["token.actions.githubusercontent.com:aud"], "sts.amazonaws.com");
  return { actions: objects.Action, subjects: claims["token.actions.githubusercontent.com:sub"] };
}

testCalls("production: the blocks run in order, and the role of exports cannot delete, that of prunes can", (calls) => {
  const subjects = (job: string) => ["prod", "staging"].map((env) => `repo:OWNER@1/NAME@2:environment:${job}-${env}`);
  const write = ["s3:GetObject", "s3:PutObject", "s3:AbortMultipartUpload"];
  assert.deepEqual(roleOf(calls, "heretix-export"), { actions: write, subjects: subjects("export") });
  const prune = { actions: [...write, "s3:DeleteObject"], subjects: subjects("prune") };
  assert.deepEqual(roleOf(calls, "heretix-prune"), prune);
  for (const call of calls) {
    const document = flag(call, "--lifecycle-configuration");
    if (call.args.includes("--lifecycle-configuration")) assert.equal(JSON.parse(document).Rules.length, 1);
  }
});

testCalls(
  "production: environments get the URLs that their jobs read, exports those of the role that reads",
  (calls) => {
    const secrets = calls.filter(({ program, args }) => program === "gh" && args[0] === "secret");
    const users = secrets.map((call) => {
      const { username, hostname } = new URL(call.input);
      return [flag(call, "--env"), call.args[2], username, hostname.split(".")[0]];
    });
    assert.deepEqual(users, [
      ["export-prod", "DATABASE_URL_PROD", "heretix_reader", "ep-main-pooler"],
      ["export-staging", "DATABASE_URL_STAGING", "heretix_reader", "ep-staging-pooler"],
      ["production", "DATABASE_URL_PROD_UNPOOLED", "heretix_owner", "ep-main"],
      ["staging", "DATABASE_URL_STAGING_UNPOOLED", "heretix_owner", "ep-staging"],
    ]);
    const environments = calls.filter(({ args }) => args[1] === "-X" && args[2] === "PUT");
    const rules = environments.map((
      { args, input },
    ) => [args[3].split("/").at(-1), JSON.parse(input).reviewers.length]);
    const jobs = [...WORKFLOWS.values()].flatMap(({ jobs }) =>
      Object.values(jobs).flatMap(({ environment }) => environment ?? [])
    );
    const named = jobs.flatMap((name) =>
      name.includes("${{") ? ["prod", "staging"].map((env) => name.replace(/\$\{\{.*\}\}/, env)) : name
    );
    assert.deepEqual(rules.map(([name]) => name).sort(), named.sort());
    assert.deepEqual(rules.filter(([, reviewers]) => reviewers !== 0), [["production", 1]]);
  },
);

testCalls("production: every setting that the workflows read is set, or told of", (calls) => {
  const set = calls.filter(({ program, args }) => program === "gh" && args[1] === "set").map(({ args }) => args[2]);
  const texts = [...WORKFLOWS.values()].map((workflow) => JSON.stringify(workflow)).join();
  const read = [...texts.matchAll(/\b(?:vars|secrets)\.([A-Z_0-9]+)/g)].map(([, name]) => name);
  const told = ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "S3_ENDPOINT"];
  for (const name of told) assert.ok(PAGE.includes(`\`${name}\``));
  // A pooled URL would do for migrations where it is no pooler's; the page gives the direct one.
  const wanted = [...new Set(read)].filter((name) => !told.includes(name));
  assert.deepEqual(wanted.sort(), [...new Set(set)].sort());
});

testCalls(
  "production: the file with the settings is its user's alone, and a shell reads it as it was",
  async (calls) => {
    const sudo = calls.filter(({ program }) => program === "sudo");
    const path = "/etc/heretix/export.env";
    const made = sudo.findIndex(({ args }) =>
      args.join(" ") === `install -m 0600 -o heretix -g heretix /dev/null ${path}`
    );
    const written = sudo.findIndex(({ args }) => args.join(" ") === `tee ${path}`);
    assert.ok(made >= 0 && written > made);
    const script = `${sudo[written].input}\nsudo "$DATABASE_URL_PROD" "$EXPORT_URL"`;
    const [{ args: [url, exportUrl] }] = await callsOf(script);
    assert.match(
      url,
      /^postgresql:\/\/heretix_reader:\w{20,}@ep-main-pooler\.neon\.example\/heretix\?sslmode=verify-full$/,
    );
    assert.equal(exportUrl, "s3://heretix-lake/lane");
    assert.ok(PAGE.includes(`EnvironmentFile=${path}\n`));
  },
);

/** The tasks that scripts call, with their flags. */
async function findTasks(): Promise<readonly (readonly string[])[]> {
  const steps = [...WORKFLOWS].flatMap(([file, { jobs }]) =>
    Object.entries(jobs).flatMap(([job, { steps }]) =>
      steps.filter(({ run }) => run?.includes("npx")).map(({ name }) => [file, job, name!] as const)
    )
  );
  const env = { LAKE_ENV: "prod", FULL: "true", EXPORT_URL: "s3://lake/heretix" };
  const given = ([file, job]: readonly string[]) => {
    const { env: ofAll = {}, jobs } = WORKFLOWS.get(file)!;
    const names = Object.keys({ ...ofAll, ...jobs[job].env });
    return Object.fromEntries(Object.entries(env).filter(([name]) => names.includes(name)));
  };
  const called = await Promise.all(steps.map((step) => runStep(step, { env: given(step), taskCodes: [0] })));
  const ofPage = [...PAGE.matchAll(/deno@2\.9\.6 (task .*)/g)].map(([, line]) => line);
  return [...called.flatMap(({ tasks }) => tasks), ...ofPage].map((line) => line.split("task ")[1].split(/[\s)]+/));
}

Deno.test("production: every task and flag of the workflows and of the page is there", async () => {
  const flags = new Map<string, Set<string>>();
  for (const [task, ...words] of await findTasks()) {
    const known = flags.get(task) ?? new Set();
    for (const word of words) if (word.startsWith("--")) known.add(word);
    flags.set(task, known);
  }
  assert.ok(flags.get("export")!.has("--verify") && flags.get("migrate")!.has("--rehearse"));
  const unknown: string[] = [];
  for (const [task, wanted] of flags) {
    const { tasks } = JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`));
    const help = task in tasks ? (await runCommand(task, ["--help"])).stdout : "";
    unknown.push(...[...wanted].filter((flag) => !help.includes(`  ${flag} `)).map((flag) => `${task} ${flag}`));
    if (help === "") unknown.push(task);
  }
  assert.deepEqual(unknown, []);
});

const hasShellcheck = await hasPrograms("shellcheck");
Deno.test({
  name: `production: shellcheck finds nothing${hasShellcheck ? "" : " (ignored: shellcheck is not installed)"}`,
  ignore: !hasShellcheck,
  async fn() {
    const file = await Deno.makeTempFile({ suffix: ".sh" });
    try {
      await Deno.writeTextFile(file, SCRIPT);
      const { code, stdout } = await new Deno.Command("shellcheck", { args: ["--shell=bash", file] }).output();
      assert.equal(code, 0, new TextDecoder().decode(stdout));
    } finally {
      await Deno.remove(file);
    }
  },
});
