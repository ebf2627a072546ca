import type { SqlScan } from "../sql/scan.ts";
import { placeOf } from "../sql/position.ts";

/** Line 1 of a file that runs outside of a transaction. */
export const NO_TRANSACTION = "-- migrate: no-transaction";

const TRANSACTION_WORDS = ["begin", "commit", "end", "rollback", "abort", "savepoint", "release"];

/** Comments that want to be the directive, in this spelling or another tool's. */
const DIRECTIVE_LIKE =
  /^--\W*(migrate\s*[:=]|(\w+\W+){0,2}(no|not|non|disable|without)[-_ ]*(\w+[-_ ]*)?(transactions?|tx)\W*$)/i;

/** Everything in a migration's text that the runner refuses, in the order of the text: each as `line:column: what to do`. */
export function findBrokenRules(text: string, scan: SqlScan): readonly string[] {
  const found: { offset: number; problem: string }[] = [];
  const add = (offset: number, problem: string) => found.push({ offset, problem });
  if (scan.statements.length === 0) add(0, "it holds no statement; write one or remove the file");
  if (scan.unterminated) add(scan.unterminated.start, `${QUOTES[scan.unterminated.what]} begins here and never ends`);
  for (const offset of scan.backslashes) add(offset, "psql commands do not run here; write SQL");
  addDirectiveProblems(text, scan, add);
  for (const { start, words } of scan.statements) {
    if (isTransactionControl(words)) {
      add(start, `"${words[0]}" would end or nest the runner's own transaction; remove it`);
    }
    if (words[0] === "copy" && / from stdin\b/.test(words.join(" "))) {
      add(start, "COPY FROM STDIN has no input here; write INSERT");
    }
  }
  return found.sort((a, b) => a.offset - b.offset).map(({ offset, problem }) => {
    const { line, column } = placeOf(text, offset);
    return `${line}:${column}: ${problem}`;
  });
}

const QUOTES: Readonly<Record<string, string>> = {
  block: "a comment",
  dollar: "a dollar quote",
  escaped: "a string",
  quoted: "a quoted name",
  string: "a string",
};

function addDirectiveProblems(text: string, scan: SqlScan, add: (offset: number, problem: string) => void): void {
  for (const comment of scan.lineComments) {
    const isDirective = comment.start === 0 && comment.text.trimEnd() === NO_TRANSACTION;
    if (isDirective || !DIRECTIVE_LIKE.test(comment.text)) continue;
    add(comment.start, `this looks like a directive; the only one is "${NO_TRANSACTION}", as line 1`);
  }
  const [, second] = scan.statements;
  if (!second || !isNoTransaction(text)) return;
  add(second.start, "a file without a transaction holds one statement; move the others to their own files");
}

function isTransactionControl(words: readonly string[]): boolean {
  if (words[0] === "prepare" || words[0] === "start") return words[1] === "transaction";
  return TRANSACTION_WORDS.includes(words[0]);
}

/** Whether a migration's text asks to run outside of a transaction. */
export function isNoTransaction(text: string): boolean {
  return text.split("\n", 1)[0].trimEnd() === NO_TRANSACTION;
}

/** A version as file names write it. */
export function formatVersion(version: number): string {
  return String(version).padStart(4, "0");
}
