import { parse } from "yaml";
import { dirname } from "node:path";
import { type CommandResult, ROOT } from "./command.ts";

/** A step of a job, as it is written. */
export interface Step {
  /** What people call it. */
  readonly name?: string;
  /** What expressions call it. */
  readonly id?: string;
  /** When it is run. */
  readonly if?: string;
  /** An action and its tag. */
  readonly uses?: string;
  /** Inputs of the action. */
  readonly with?: Readonly<Record<string, unknown>>;
  /** A script. */
  readonly run?: string;
  /** Variables of its scripts. */
  readonly env?: Readonly<Record<string, string>>;
}

/** A job of a workflow, as it is written. */
export interface Job {
  /** Jobs that come before. */
  readonly needs?: string | readonly string[];
  /** When it is run. */
  readonly if?: string;
  /** Whose secrets and rules count. */
  readonly environment?: string;
  /** What its token may do. */
  readonly permissions?: Readonly<Record<string, string>>;
  /** Variables of its scripts. */
  readonly env?: Readonly<Record<string, string>>;
  /** When it is ended. */
  readonly "timeout-minutes"?: number;
  /** What it does, in order. */
  readonly steps: readonly Step[];
}

/** A file of .github/workflows, as it is written. */
export interface Workflow {
  /** What starts it. */
  readonly on: Readonly<Record<string, unknown>>;
  /** What its token may do. */
  readonly permissions?: Readonly<Record<string, string>>;
  /** Which runs wait for each other. */
  readonly concurrency?: { readonly group: string; readonly "cancel-in-progress": boolean };
  /** What counts for all steps. */
  readonly defaults?: { readonly run?: { readonly shell?: string } };
  /** Variables of its scripts. */
  readonly env?: Readonly<Record<string, string>>;
  /** Its jobs by name. */
  readonly jobs: Readonly<Record<string, Job>>;
}

const DIRECTORY = `${ROOT}.github/workflows/`;

/** Every workflow by its file's name without `.yml`. */
export const WORKFLOWS: ReadonlyMap<string, Workflow> = new Map(
  [...Deno.readDirSync(DIRECTORY)].map(({ name }) => name).sort()
    .map((name) => [name.replace(/\.yml$/, ""), parse(Deno.readTextFileSync(DIRECTORY + name))]),
);

/** Whether the programs are there with which steps ask GitHub. */
export const hasCurlAndJq: boolean = await hasPrograms("curl", "jq");

/** Whether a shell finds all of these programs. */
export async function hasPrograms(...names: readonly string[]): Promise<boolean> {
  const args = ["-c", 'for name; do command -v "$name" >/dev/null || exit 1; done', "bash", ...names];
  return await new Deno.Command("bash", { args }).output().then(({ success }) => success, () => false);
}

/** What a step is run with. */
export interface StepOptions {
  /** Variables that the workflow gives to the step, or GitHub to all of them. */
  readonly env?: Readonly<Record<string, string>>;
  /** Exit codes of the tasks that the step calls, by turns; the tasks themselves are run where undefined. */
  readonly taskCodes?: readonly number[];
  /** Variables that hide what this machine has set. */
  readonly hidden?: Readonly<Record<string, string>>;
}

/** How a step ended. */
export interface StepResult extends CommandResult {
  /** What it has set for later steps. */
  readonly outputs: Readonly<Record<string, string>>;
  /** The arguments of each call of npx. */
  readonly tasks: readonly string[];
  /** The arguments of each call of curl. */
  readonly questions: readonly string[];
}

/** Runs the script of a job's step in bash with GitHub's flags.
 *
 * Errors: Error for a variable that the workflow does not give to it.
 */
export async function runStep(
  [file, job, name]: readonly [file: string, job: string, name: string],
  { env = {}, taskCodes, hidden = {} }: StepOptions = {},
): Promise<StepResult> {
  const workflow = WORKFLOWS.get(file)!;
  const step = workflow.jobs[job].steps.find((step) => step.name === name)!;
  const given = Object.keys({ ...workflow.env, ...workflow.jobs[job].env, ...step.env });
  const lacking = Object.keys(env).filter((name) => !given.includes(name) && !/^GITHUB_(?!TOKEN)/.test(name));
  if (lacking.length > 0) throw new Error(`Step "${name}" is not given ${lacking.join(", ")}`);
  const directory = await Deno.makeTempDir({ prefix: "heretix-step-" });
  try {
    await writeTools(directory, taskCodes);
    const path = `${directory}:${dirname(Deno.execPath())}:${Deno.env.get("PATH")}`;
    const { code, stdout, stderr } = await new Deno.Command("bash", {
      args: ["--noprofile", "--norc", "-eo", "pipefail", "-c", step.run!],
      cwd: ROOT,
      clearEnv: true,
      env: { HOME: Deno.env.get("HOME") ?? "/", ...hidden, ...env, PATH: path, GITHUB_OUTPUT: `${directory}/output` },
      stdin: "null",
      signal: AbortSignal.timeout(120_000),
    }).output();
    const decoder = new TextDecoder();
    const lines = async (name: string) => (await Deno.readTextFile(`${directory}/${name}`)).split("\n").slice(0, -1);
    const outputs = Object.fromEntries((await lines("output")).map((line) => line.split("=")));
    const [tasks, questions] = await Promise.all(["tasks", "questions"].map(lines));
    return { code, stdout: decoder.decode(stdout), stderr: decoder.decode(stderr), outputs, tasks, questions };
  } finally {
    await Deno.remove(directory, { recursive: true });
  }
}

/** Writes an npx that runs this deno, or ends as it is told, and a curl that leaves its arguments behind. */
async function writeTools(directory: string, taskCodes: readonly number[] | undefined): Promise<void> {
  const task = taskCodes
    ? `codes=(${taskCodes.join(" ")}); exit "\${codes[$(wc -l < "${directory}/tasks") - 1]}"`
    : `shift 2; exec "${Deno.execPath()}" "$@"`;
  const tools = {
    npx: `echo "$*" >> "${directory}/tasks"\n[ "$1 $2" = "-y deno@2.9.6" ] || exit 99\n${task}\n`,
    curl: `echo "$*" >> "${directory}/questions"\nPATH=\${PATH#*:} exec curl "$@"\n`,
  };
  for (const [name, text] of Object.entries(tools)) {
    await Deno.writeTextFile(`${directory}/${name}`, `#!/bin/bash\n${text}`, { mode: 0o755 });
  }
  for (const name of ["tasks", "questions", "output"]) await Deno.writeTextFile(`${directory}/${name}`, "");
}
