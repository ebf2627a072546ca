import { EXIT, TaskError } from "../task/errors.ts";
import { describeServerError, isLostSession, serverErrorOf } from "./server_error.ts";
import type { ServerTarget } from "../task/target.ts";

/** What was tried, and on which database. */
export interface Attempt extends Pick<ServerTarget, "label" | "local"> {
  /** As in `Cannot <verb> database`. */
  readonly verb: string;
}

const SQLSTATE = /^[0-9A-Z]{5}$/;

/** The TaskError (exit 1) of an error that a server or a lost session has caused; any other error as it is. */
export function toServerFailure(error: unknown, { verb, label, local }: Attempt): unknown {
  const { code } = serverErrorOf(error);
  if (error instanceof TaskError || !(SQLSTATE.test(code) || isLostSession(code))) return error;
  return new TaskError(
    `Cannot ${verb} database "${label}": ${describeServerError(error, { local })}; correct that and run it again`,
    EXIT.failed,
    { cause: error },
  );
}
