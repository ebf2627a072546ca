import { isEmptyDatabase, isMarked, markDatabase } from "./mark.ts";
import { EXIT, type ExitCode, TaskError } from "../task/errors.ts";
import { requireLocal } from "./guard.ts";
import { closeConnection, connect, type ConnectOptions, type Sql } from "../postgres/connection.ts";
import { POOLED, sharesSessions } from "../postgres/pooler.ts";
import { serverErrorOf } from "../postgres/server_error.ts";
import { toServerFailure } from "../postgres/server_failure.ts";
import type { ServerTarget } from "../task/target.ts";
import { sha256 } from "../task/digest.ts";

/** Options of what is done to a database that may go. */
export interface ResetOptions extends Pick<ConnectOptions, "waitMs"> {
  /** Ends it while the old database is still there. */
  readonly signal: AbortSignal;
}

/** Whether a server's database may go without being named: it is not there, it is empty, or it is marked.
 *
 * Errors: TaskError (exit 1) when it cannot be looked at.
 */
export async function isExpendable(target: ServerTarget, options: ResetOptions): Promise<boolean> {
  const maintenance = { ...target, database: maintenanceOf(target.database) };
  const isOurs = await withSession(maintenance, options, async (sql) => {
    const found = await sql`select from pg_database where datname = ${target.database}`;
    return found.length === 0 || await isMarked(sql, target.database);
  });
  return isOurs || await withSession(target, options, isEmptyDatabase);
}

/** Replaces a server's database by a new one that `fill` has filled and that bears the mark.
 *
 * The new database is made beside the old one and takes its name when it is complete, in one transaction that moves the
 * old one aside: whenever it is killed, one of them has the name. Other sessions on the old database are ended.
 *
 * Errors: TaskError, exit 1 when the URL's user may not do that, exit 3 behind a pooler, exit 5 while another reset is at
 * work, and whatever `fill` throws; nothing is changed then.
 */
export async function replaceDatabase(
  target: ServerTarget,
  fill: (target: ServerTarget) => Promise<void>,
  options: ResetOptions,
): Promise<void> {
  requireLocal(target, "reset");
  const maintenance = { ...target, database: maintenanceOf(target.database) };
  await withSession(maintenance, options, async (sql) => {
    if (await sharesSessions(sql, maintenance)) {
      // A lock taken through it would stay in one of its sessions, and keep out every later reset.
      const finding = `${POOLED}; put the server's direct endpoint into DATABASE_URL_UNPOOLED`;
      throw resetError(target, finding, EXIT.refused);
    }
    await lockReset(sql, target);
    const owner = await requireRights(sql, target);
    const { fresh, old } = namesBeside(target.database);
    for (const name of [fresh, old]) await dropDatabase(sql, name);
    try {
      await sql.unsafe(`create database ${quote(fresh)} owner ${quote(owner)} template template0`);
      await fill({ ...target, database: fresh });
      await markDatabase(sql, fresh);
      await sql.unsafe(`alter database ${quote(fresh)} allow_connections false`);
      await endSessions(sql, fresh);
      options.signal.throwIfAborted();
      await takeName(sql, target.database);
    } catch (error) {
      // What cannot be dropped now, the next reset drops.
      await dropDatabase(sql, fresh).catch(() => {});
      throw error;
    }
    await dropDatabase(sql, old).catch(() => {});
  });
}

/** How often the old database's sessions are ended before the reset gives up: what has opened them can open new ones. */
const MAX_TRIES = 5;

/** Gives the new database the name of the old one, which is moved aside; both in one transaction, or neither. */
async function takeName(sql: Sql, database: string): Promise<void> {
  const { fresh, old } = namesBeside(database);
  const name = quote(database);
  for (let tries = 1;; tries++) {
    const isThere = await endSessions(sql, database);
    try {
      await sql.unsafe(`${isThere ? `alter database ${name} rename to ${quote(old)};` : ""}
        alter database ${quote(fresh)} rename to ${name}; alter database ${name} allow_connections true`);
      return;
    } catch (error) {
      if (serverErrorOf(error).code !== IN_USE || tries === MAX_TRIES) throw error;
    }
  }
}

const IN_USE = "55006";

/** Opens a session, gives it to `use` and closes it. */
async function withSession<T>(
  target: ServerTarget,
  options: ResetOptions,
  use: (sql: Sql) => Promise<T>,
): Promise<T> {
  const sql = await connect(target, options);
  try {
    return await use(sql);
  } catch (error) {
    throw toServerFailure(error, { verb: "reset", ...target });
  } finally {
    await closeConnection(sql);
  }
}

/** Names of the new database until it is complete, and of the old one from then on; the same each time, so that a killed
 * reset leaves nothing for good. */
function namesBeside(database: string): { readonly fresh: string; readonly old: string } {
  const fresh = `reset_${sha256(database).slice(0, 16)}`;
  return { fresh, old: `${fresh}_old` };
}

/** A database that cannot be the one to be dropped. */
function maintenanceOf(database: string): string {
  return database === "postgres" ? "template1" : "postgres";
}

function resetError({ label }: ServerTarget, finding: string, exitCode?: ExitCode): TaskError {
  return new TaskError(`Cannot reset database "${label}": ${finding}`, exitCode);
}

/** Two resets of one database would drop each other's new database. */
async function lockReset(sql: Sql, target: ServerTarget): Promise<void> {
  const [{ locked }] = await sql`select pg_try_advisory_lock(hashtext(${`reset ${target.database}`})) as locked`;
  if (!locked) throw resetError(target, "another reset of it is at work; wait for it to end", EXIT.locked);
}

/** The owner of the old database, or of the one to be; known to be droppable and creatable by the URL's user. */
async function requireRights(sql: Sql, target: ServerTarget): Promise<string> {
  const [role] = await sql`
    select current_user as name, rolsuper or rolcreatedb as creates from pg_roles where rolname = current_user`;
  const [old] = await sql`
    select pg_get_userbyid(datdba) as owner, pg_has_role(datdba, 'usage') as owned, datistemplate as template
    from pg_database where datname = ${target.database}`;
  const refuse = (finding: string, remedy: string) => {
    throw resetError(target, `${finding}, nothing was changed; ${remedy}`);
  };
  if (old?.template) refuse("it is a template of other databases", "choose another database");
  if (old && !old.owned) refuse(`it belongs to role ${old.owner}`, "put that role into the database URL");
  if (!role.creates) {
    refuse(`role ${role.name} may not create databases`, `run: alter role ${quote(role.name)} createdb`);
  }
  return old?.owner ?? role.name;
}

/** Ends the sessions on a database, a pooler's or a monitor's, which would keep it from another name; tells whether there
 * is such a database. */
async function endSessions(sql: Sql, database: string): Promise<boolean> {
  await sql`
    select pg_terminate_backend(pid, 5000) from pg_stat_activity
    where datname = ${database} and backend_type = 'client backend'`;
  return (await sql`select from pg_database where datname = ${database}`).length > 0;
}

async function dropDatabase(sql: Sql, database: string): Promise<void> {
  await sql.unsafe(`drop database if exists ${quote(database)} with (force)`);
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}
