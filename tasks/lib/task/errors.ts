/** Exit codes of every task. */
export const EXIT = {
  done: 0,
  failed: 1,
  usage: 2,
  refused: 3,
  pending: 4,
  locked: 5,
  interrupted: 130,
} as const;

/** One of the exit codes. */
export type ExitCode = (typeof EXIT)[keyof typeof EXIT];

/** A foreseeable failure: printed as its message, without a stack trace, and ended with its exit code.
 *
 * Message: `Cannot <verb> <kind> "<name>": <what was found>; <what to do>`, never a secret, never a row's value.
 */
export class TaskError extends Error {
  /** Always "TaskError". */
  override readonly name = "TaskError";

  /** The exit code the task ends with. */
  readonly exitCode: ExitCode;

  /** The message as it is printed: only what was passed as several lines is several lines. */
  readonly lines: readonly string[];

  /** A failure with the message that is printed, in one line or several. */
  constructor(message: string | readonly string[], exitCode: ExitCode = EXIT.failed, options?: ErrorOptions) {
    const lines = [message].flat();
    super(lines.join("\n"), options);
    this.lines = lines;
    this.exitCode = exitCode;
  }
}

/** The message of anything thrown, for use inside another message. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
