import assert from "node:assert/strict";
import { lockFile } from "../tasks/lib/task/file_lock.ts";
import { commandOf, ROOT } from "./support/command.ts";
import { createTestDatabase } from "./support/database.ts";
import { createChecksDatabase, createExportDirectory, insertCheck } from "./support/export.ts";
import { CTRL_C, hasTerminal, runInTerminal, type TerminalOptions } from "./support/terminal.ts";

/** Each set of permissions that a task of deno.json has, once. */
const PERMISSIONS = [
  ...new Set(
    Object.entries(JSON.parse(Deno.readTextFileSync(`${ROOT}deno.json`)).tasks as Record<string, { command: string }>)
      .filter(([, { command }]) => command.startsWith("deno run"))
      .map(([name]) => commandOf(name).flags.filter((flag) => /^-P|^-A|^--allow-/.test(flag)).join(" ")),
  ),
];

const TALK = "tests/support/terminal_task.ts";

/** A test that is left out where there is no pseudo terminal. */
function terminalTest(name: string, fn: () => Promise<void>): void {
  Deno.test({ name, ignore: !hasTerminal, fn });
}

const runTask = (name: string, args: readonly string[], options: TerminalOptions) => {
  const { flags, script } = commandOf(name);
  return runInTerminal(["run", ...flags, script, ...args], options);
};

/** Both ways to end a task that waits, at work. */
const INTERRUPTS: Readonly<Record<string, TerminalOptions>> = {
  "Ctrl-C": { typed: [["Waiting for ", CTRL_C]] },
  SIGTERM: { onShown: ["Waiting for ", (pid) => Deno.kill(pid, "SIGTERM")] },
};

for (const permissions of PERMISSIONS) {
  const talk = (
    ...args: readonly string[]
  ) => ["run", "-q", "--no-prompt", "--config=deno.json", ...permissions.split(" "), TALK, ...args];

  terminalTest(`a task with ${permissions} speaks and asks on a terminal, in colour`, async () => {
    const { code, screen } = await runInTerminal(talk(), { typed: [["a question? [y/N] ", "y\n"]] });
    assert.equal(
      screen,
      "a note\r\n␛[33mWarning: a warning␛[39m\r\n\r␛[K1 of 2 rows\r␛[K2 of 2 rows\r␛[K" +
        "a question? [y/N] y\r\nanswer true\r\n␛[31man error␛[39m\r\n",
    );
    assert.equal(code, 3);
  });

  terminalTest(`a task with ${permissions} speaks and asks on a terminal, without colour under NO_COLOR`, async () => {
    const { code, screen } = await runInTerminal(talk(), {
      env: { NO_COLOR: "1" },
      typed: [["a question? [y/N] ", "n\n"]],
    });
    assert.doesNotMatch(screen, /␛\[\d/);
    assert.match(screen, /^a note\r\nWarning: a warning\r\n[^]*answer false\r\nan error\r\n$/);
    assert.equal(code, 3);
  });

  for (const NO_COLOR of ["", "1"]) {
    const how = NO_COLOR ? "without colour under NO_COLOR" : "in colour";
    const [on, off] = NO_COLOR ? ["", ""] : ["␛[31m", "␛[39m"];
    const interrupted = `${on}Interrupted talk; nothing half done is visible${off}\r\n`;

    terminalTest(`a task with ${permissions} ends with 130 on Ctrl-C at work, ${how}`, async () => {
      const typed = [["2 of 2 rows", CTRL_C]] as const;
      const { code, screen } = await runInTerminal(talk("--wait"), { env: { NO_COLOR }, typed });
      assert.ok(screen.endsWith(`\r␛[K${interrupted}`), screen);
      assert.equal(code, 130);
    });

    terminalTest(`a task with ${permissions} ends with 130 on Ctrl-C at a question, ${how}`, async () => {
      const typed = [["a question? [y/N] ", CTRL_C]] as const;
      const { code, screen } = await runInTerminal(talk(), { env: { NO_COLOR }, typed });
      assert.ok(screen.endsWith(`a question? [y/N] ^C\r\n${interrupted}`), screen);
      assert.equal(code, 130);
    });
  }
}

terminalTest(
  "db:reset on a terminal asks for the database's name, and leaves it as it is on yes, Ctrl-C and the end of input",
  async () => {
    await using database = await createTestDatabase();
    await database.sql.unsafe("create table old (id int)");
    const answer = async (keys: string) => {
      const env = { DATABASE_URL: database.url };
      const { code, screen } = await runTask("db:reset", [], { env, typed: [[" to go on: ", keys]] });
      const [{ there }] = await database.sql`select to_regclass('old') is not null as there`;
      return [code, there, /NotCapable/.test(screen)];
    };
    assert.deepEqual(await answer("y\n"), [3, true, false]);
    assert.deepEqual(await answer("\n"), [3, true, false]);
    assert.deepEqual(await answer("\x04"), [3, true, false]);
    assert.deepEqual(await answer(CTRL_C), [130, true, false]);
  },
);

/** How the hostile text of the talking task reads. */
const WRITTEN_OUT = "a\\u001b[31m\\u009b2J\\u202eb\\n\\rc\\u007f";

const talkFreely = (flag: string, options?: TerminalOptions) =>
  runInTerminal(["run", "-q", "--no-prompt", TALK, flag], options);

terminalTest("a second Ctrl-C ends a task that does not heed the first", async () => {
  const { code, screen } = await talkFreely("--deaf", { typed: [["2 of 2 rows", CTRL_C], ["never mind", CTRL_C]] });
  assert.match(screen, /never mind\r\n\^C$/);
  assert.equal(code, 130);
});

terminalTest("a task prints nothing that a terminal would obey, in no kind of line", async () => {
  const text = WRITTEN_OUT;
  const { screen } = await talkFreely("--hostile", { typed: [[`${text} [y/N] `, "n\n"]] });
  assert.deepEqual(screen.split("\r\n"), [
    text,
    text,
    `␛[33mWarning: ${text}␛[39m`,
    `\r␛[K${text}\r␛[K${text}`,
    text,
    "{",
    `  "${text}": "${text}"`,
    "}",
    `${text} [y/N] n`,
    `␛[31m${text}`,
    `  ${text}␛[39m`,
    "",
  ]);
});

for (const flag of ["--bug", "--stray"]) {
  terminalTest(`a bug keeps the lines of its stack trace, and no control character: ${flag}`, async () => {
    const { code, screen } = await talkFreely(flag, { env: { NO_COLOR: "1" } });
    assert.match(screen, /^Error: a\\u001b\[31m\\u009b2J\\u202eb\r\n\\rc\\u007f\r\n {4}at talk \(file:/);
    assert.doesNotMatch(screen.replaceAll("\r\n", ""), /[\p{Cc}␛]/u);
    assert.equal(code, 1);
  });
}

terminalTest("names from a database are written out, in warnings and in results", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  const name = '"x\x1b[2J\u009b\n"';
  await database.sql.unsafe(`alter table checks add column ${name} int; ${insertCheck("a")}; create table ${name} ()`);
  const env = { DATABASE_URL: database.url, EXPORT_DIR: directory.path, NO_COLOR: "1" };
  const exported = await runTask("export", [], { env });
  assert.match(exported.screen, /^Warning: Column "x\\u001b\[2J\\u009b\\n" of checks is not exported; /);
  const checked = await runTask("db:check", [], { env });
  assert.match(checked.screen, /^ +x\\u001b\[2J\\u009b\\n 0\r$/m);
});

terminalTest("the settings' error and --help keep their lines", async () => {
  const { screen } = await runTask("migrate", ["--env", "x\n\x1b"], { env: { NO_COLOR: "1" } });
  assert.match(screen, /^Cannot use the settings:\r\n {2}--env takes .*, not "x\\n\\u001b"\r\n$/);
  const help = await runTask("migrate", ["--help"], {});
  assert.match(
    help.screen,
    /^Apply the pending migrations of sql\/migrations\.\r\n\r\nUsage: .*\r\n\r\n {2}--env ENV /,
  );
});

terminalTest("db:reset on a terminal goes on when the database's name is typed", async () => {
  await using database = await createTestDatabase();
  await database.sql.unsafe("create table old (id int)");
  const env = { DATABASE_URL: database.url };
  const { code, screen } = await runTask("db:reset", [], { env, typed: [[" to go on: ", `${database.name}\n`]] });
  assert.equal(code, 0, screen);
  assert.match(screen, /\nReset postgres@\S+: \d+ migrations applied\r\n$/);
});

terminalTest("db:reset on a terminal asks before it makes the embedded database anew", async () => {
  const directory = `data/test-${crypto.randomUUID()}`;
  const env = { EMBEDDED_DIR: directory, NO_COLOR: "1" };
  const { code, screen } = await runTask("db:reset", [], { env, typed: [["all its rows? [y/N] ", "n\n"]] });
  assert.deepEqual([code, screen.endsWith(`Left embedded database in ${directory} as it is\r\n`)], [3, true]);
  await assert.rejects(Deno.stat(`${ROOT}${directory}`), Deno.errors.NotFound);
});

terminalTest("export on a terminal warns and does its work", async () => {
  await using database = await createChecksDatabase();
  await using directory = await createExportDirectory();
  await database.sql.unsafe(`alter table checks add column extra int; ${insertCheck("a")}`);
  const env = { DATABASE_URL: database.url, EXPORT_DIR: directory.path };
  const { code, screen } = await runTask("export", ["checks"], { env });
  assert.match(screen, /^␛\[33mWarning: Column "extra" of checks is not exported; .*␛\[39m\r\n/);
  assert.match(screen, /(\n|␛\[K)Exported 1 row in 1 file .*\r\n$/);
  assert.equal(code, 0);
});

for (const [how, options] of Object.entries(INTERRUPTS)) {
  terminalTest(`${how} ends an export on a terminal that waits for its lane with 130`, async () => {
    await using directory = await createExportDirectory();
    await Deno.mkdir(`${directory.path}/local`);
    using _lock = await lockFile(`${directory.path}/local/.lock`, { what: "the lane" });
    const env = { EXPORT_DIR: directory.path };
    const { code, screen } = await runTask("export", [], { env, ...options });
    assert.match(screen, /^Waiting for lane local, which process \d+ holds\r\n(\^C)?␛\[31mInterrupted export; /);
    assert.equal(code, 130);
  });
}
