/** Command of a Python that has these modules: the one that TEST_PYTHON names, or this machine's; undefined where there
 * is none. */
export async function findPython(modules: readonly string[]): Promise<string | undefined> {
  const python = Deno.env.get("TEST_PYTHON") || "python3";
  return await runPython(python, `import ${modules.join(", ")}`).then(() => python, () => undefined);
}

/** Runs a Python script to its end, and gives what it printed.
 *
 * Errors: Error with its last lines when it fails.
 */
export async function runPython(python: string, script: string, ...args: readonly string[]): Promise<string> {
  const { success, stdout, stderr } = await new Deno.Command(python, { args: ["-c", script, ...args] }).output();
  const text = new TextDecoder();
  if (!success) throw new Error(`Python failed: ${text.decode(stderr).slice(-2000)}`);
  return text.decode(stdout);
}
