import { EXIT, TaskError } from "../task/errors.ts";
import { PARAMETER_NAMES } from "./parameters.ts";
import type { NamedQuery } from "./queries.ts";
import { scanSql } from "../sql/scan.ts";

/** What a statement that only reads can start with. */
const READS = ["select", "with", "from", "values", "table", "pivot", "unpivot", "describe", "summarize"];

/** What SHOW TABLES stands for, which can be no part of a SELECT. */
const TABLES = `select table_name as name from information_schema.tables
where table_schema = 'main' and table_catalog <> 'temp' order by name`;

/** The query of somebody's own, `--sql`: one statement that only reads, without its semicolon.
 *
 * Errors: TaskError (exit 2) for no statement, several, or one that does something else.
 */
export function parseOwnQuery(sql: string): NamedQuery {
  const { statements, unterminated } = scanSql(sql);
  if (unterminated) throw refused(`a ${unterminated.what} is not closed; close it`);
  if (statements.length !== 1) throw refused(`it takes one statement, not ${statements.length}; run them one by one`);
  const [{ start, end, words: [first] }] = statements;
  const text = sql.slice(start, end).replace(/;$/, "").trimEnd();
  if (/^show\s+tables$/i.test(text)) return ownQuery(TABLES);
  if (!READS.includes(first) && !text.startsWith("(")) {
    throw refused("it takes a SELECT, DESCRIBE, SUMMARIZE or SHOW TABLES over the views of analytics/catalog.sql");
  }
  return ownQuery(text);
}

function ownQuery(sql: string): NamedQuery {
  return { name: "--sql", description: "", params: PARAMETER_NAMES, sql };
}

function refused(finding: string): TaskError {
  return new TaskError(`Cannot run query "--sql": ${finding}`, EXIT.usage);
}
