import { TaskError } from "../task/errors.ts";
import type { StoreTarget } from "../task/store_target.ts";
import { isMissing, type Refusal } from "./refusal.ts";
import { type Answer, refusalError } from "./request.ts";
import type { PutCondition, PutOutcome } from "./store.ts";

/** The headers of a put's condition. */
export function conditionHeaders(condition: PutCondition | undefined): Record<string, string> {
  if (condition === undefined) return {};
  return condition.kind === "absent" ? { "if-none-match": "*" } : { "if-match": condition.etag };
}

/** Whether a refusal says that the condition does not hold: that nothing is there to be unchanged is a 404 of some. */
export function isUnmet(refusal: Refusal, condition: PutCondition | undefined): boolean {
  if (condition === undefined) return false;
  return refusal.status === 412 || refusal.code === "PreconditionFailed" ||
    (condition.kind === "unchanged" && isMissing(refusal));
}

/** What a put was about. */
export interface PutContext {
  /** Where it went. */
  readonly target: StoreTarget;
  /** In words. */
  readonly purpose: string;
  /** What had to hold. */
  readonly condition: PutCondition | undefined;
}

/** How a put ended.
 *
 * Errors: TaskError for a refusal of another kind.
 */
export function outcomeOf(answer: Answer<unknown> | Refusal, { target, purpose, condition }: PutContext): PutOutcome {
  if (answer.kind === "answered") return { kind: "stored", etag: etagOf(answer, target, purpose) };
  if (isUnmet(answer, condition)) return { kind: "unmet" };
  throw refusalError(target, purpose, answer);
}

/** The ETag of an answer's object. */
export function etagOf({ headers }: Pick<Answer<unknown>, "headers">, target: StoreTarget, purpose: string): string {
  const etag = headers.get("etag");
  if (etag) return etag;
  throw new TaskError(
    `Cannot ${purpose} ${target.label}: its answer has no ETag; look whether S3_ENDPOINT is that of an S3 store`,
  );
}

/** The error of a file that is not the one that was announced. */
export function fileChanged(path: string): TaskError {
  return new TaskError(`Cannot upload "${path}": it is not what it was when it was written; run it again`);
}
