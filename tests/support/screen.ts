import { UnicodeGraphemesAddon } from "@xterm/addon-unicode-graphemes";
import { Unicode11Addon } from "@xterm/addon-unicode11";
import headless from "@xterm/headless";

/** One line of a terminal. */
export interface ScreenLine {
  /** What stands in its cells; a character two cells wide is followed by an empty one. */
  readonly cells: readonly string[];
  /** Whether it is the rest of a line that was too long. */
  readonly isWrapped: boolean;
}

/** What a terminal of that width shows of a task's output, as xterm.js draws it: character by character, as most terminals
 * do, or by graphemes, as newer ones do. */
export async function drawScreen(
  output: string,
  columns: number,
  { by = "11" }: { readonly by?: "11" | "15-graphemes" } = {},
): Promise<ScreenLine[]> {
  const terminal = new headless.Terminal({ cols: columns, rows: 1000, allowProposedApi: true, convertEol: true });
  for (const addon of [new Unicode11Addon(), new UnicodeGraphemesAddon()]) terminal.loadAddon(addon);
  terminal.unicode.activeVersion = by;
  await new Promise<void>((resolve) => terminal.write(output, resolve));
  const { active } = terminal.buffer;
  const lines = Array.from({ length: active.cursorY }, (_, y) => {
    const line = active.getLine(y)!;
    return {
      cells: Array.from({ length: columns }, (_, x) => line.getCell(x)!.getChars()),
      isWrapped: line.isWrapped,
    };
  });
  terminal.dispose();
  return lines;
}
