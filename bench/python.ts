import { createHash } from "node:crypto";
import { fileURLToPath } from "node:url";

const BENCH = new URL("./", import.meta.url);

/** A Python with the packages of requirements.txt, or why there is none. */
export type Python = { readonly program: string } | { readonly missing: string };

/** Makes a virtual environment with the peers' packages below data/bench, where there is none yet for these versions. */
export async function preparePython(signal: AbortSignal): Promise<Python> {
  const requirements = fileURLToPath(new URL("requirements.txt", BENCH));
  const digest = createHash("sha256").update(await Deno.readFile(requirements)).digest("hex").slice(0, 12);
  const home = fileURLToPath(new URL(`../data/bench/python-${digest}`, BENCH));
  const [program, mark] = [`${home}/bin/python`, `${home}/complete`];
  if (await Deno.stat(mark).then(() => true, () => false)) return { program };
  const missing = await findFailure("python3", ["-m", "venv", "--clear", home], signal) ??
    await findFailure(program, [...INSTALL, "-r", requirements], signal);
  if (missing !== undefined) return { missing };
  await Deno.writeTextFile(mark, "");
  return { program };
}

/** Built packages alone, and no long wait where PyPI cannot be reached. */
const INSTALL = "-m pip install -q --disable-pip-version-check --only-binary :all: --retries 1 --timeout 15".split(" ");

/** The last line of what a command says as it fails; undefined where it does not. */
async function findFailure(program: string, args: readonly string[], signal: AbortSignal): Promise<string | undefined> {
  try {
    const { success, stderr } = await new Deno.Command(program, { args: [...args], stdout: "null", signal }).output();
    signal.throwIfAborted();
    return success ? undefined : new TextDecoder().decode(stderr).trim().split("\n").at(-1) || `${program} failed`;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return `there is no ${program}`;
    throw error;
  }
}
