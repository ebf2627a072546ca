/** A check that a migration has dropped because rows violate it: the table's comment says so, and it is not there.
 *
 * Table and name are quoted where SQL needs quotes; the condition is what it asks of a row.
 */
export type DroppedCheck = Readonly<Record<"table" | "name" | "condition", string>>;

/** What a table's comment says of its dropped checks. */
export interface CommentedTable extends Pick<DroppedCheck, "table"> {
  /** The comment on it. */
  readonly comment: string;
  /** Names of its constraints, quoted where SQL needs quotes. */
  readonly constraints: readonly string[];
}

const MARK = /^Dropped check: ([a-z_][a-z0-9_]*|"(?:[^"]|"")+") CHECK \((.+)\)$/;

/** The checks that a table's comment calls dropped, one a line, without those that are there again. */
export function parseDroppedChecks({ table, comment, constraints }: CommentedTable): DroppedCheck[] {
  return comment.split("\n").flatMap((line) => {
    const [, name, condition] = MARK.exec(line) ?? [];
    return name === undefined || constraints.includes(name) ? [] : [{ table, name, condition }];
  });
}

/** One line about a dropped check, with the way back. */
export function formatDroppedCheck({ table, name, condition }: DroppedCheck): string {
  return `constraint ${table}.${name}: dropped, because rows violate it; to see them: ` +
    `select * from ${table} where not (${condition}); when they are corrected: ` +
    `alter table ${table} add constraint ${name} CHECK (${condition})`;
}
