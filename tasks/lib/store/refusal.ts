import { parseXml, textOf } from "./xml.ts";

/** How a store says no. */
export interface Refusal {
  /** Tells it from an answer. */
  readonly kind: "refused";
  /** Status of the answer: 200 for an error that came in the body of a success. */
  readonly status: number;
  /** Code of its error; empty where it has none that can be read. */
  readonly code: string;
  /** The bucket's region, where it says that it was asked for in another. */
  readonly region?: string;
  /** How long it asks to wait. */
  readonly waitMs?: number;
}

/** Why there was no answer, or not all of one. */
export interface Failure {
  /** Tells it from an answer. */
  readonly kind: "failed";
  /** What was found, in words. */
  readonly finding: string;
  /** What to do. */
  readonly remedy: string;
  /** Whether another attempt can end otherwise. */
  readonly passing: boolean;
  /** What was thrown. */
  readonly cause: unknown;
}

/** What an error's document says; an empty code for a document of another kind, or none. */
export function errorIn(document: string): { readonly code: string; readonly region?: string } {
  try {
    const root = parseXml(document);
    if (root.name !== "Error") return { code: "" };
    const region = textOf(root, "Region");
    return { code: textOf(root, "Code") ?? "", ...(region ? { region } : {}) };
  } catch (error) {
    if (error instanceof SyntaxError) return { code: "" };
    throw error;
  }
}

/** Codes of errors that pass, whatever their status; of the bodies that arrive damaged nothing is stored. */
const PASSING = new Set([
  "BadDigest",
  "ConditionalRequestConflict",
  "IncompleteBody",
  "InternalError",
  "OperationAborted",
  "RequestTimeout",
  "ServiceUnavailable",
  "SlowDown",
  "XAmzContentSHA256Mismatch",
]);

/** Whether the same request can be answered otherwise in a moment. */
export function isPassing({ status, code }: Refusal): boolean {
  return status === 408 || status === 429 || (status >= 500 && status !== 501) || PASSING.has(code);
}

/** Whether it says that the object is not there, and nothing else. */
export function isMissing({ status, code }: Refusal): boolean {
  return status === 404 && code === "NoSuchKey";
}

const OTHER_REGION = "set AWS_REGION to the region of the bucket";

const REMEDIES: Readonly<Record<string, string>> = {
  AccessDenied: "let the policy of this access key get, put and list below the prefix",
  AuthorizationHeaderMalformed: OTHER_REGION,
  EntityTooLarge: "export less into a day, or to a store that takes larger objects",
  ExpiredToken: "get new credentials, with their AWS_SESSION_TOKEN",
  IllegalLocationConstraintException: OTHER_REGION,
  InvalidAccessKeyId: "correct AWS_ACCESS_KEY_ID, and AWS_SESSION_TOKEN where it belongs to a session",
  InvalidToken: "correct AWS_SESSION_TOKEN, or unset it for keys that are not a session's",
  NoSuchBucket: "create the bucket, or correct its name",
  NotImplemented: "use a store that takes such requests",
  PermanentRedirect: OTHER_REGION,
  PreconditionFailed: "another program has replaced it meanwhile, run it again",
  RequestTimeTooSkewed: "set this machine's clock",
  SignatureDoesNotMatch: "correct AWS_SECRET_ACCESS_KEY",
  TemporaryRedirect: OTHER_REGION,
};

/** What to do about a refusal. */
export function remedyOf(refusal: Refusal): string {
  const { status, code, region } = refusal;
  if (isPassing(refusal)) return "look whether the store is in order, and run it again";
  const isMoved = status >= 300 && status < 400;
  const remedy = REMEDIES[code] ??
    (isMoved ? OTHER_REGION : [401, 403].includes(status) ? REMEDIES.AccessDenied : undefined);
  if (remedy === OTHER_REGION && region !== undefined) return `set AWS_REGION to ${region}, the region of the bucket`;
  return remedy ?? "look whether S3_ENDPOINT is that of an S3 store, and at what its manual says of this";
}

/** A refusal in words. */
export function formatRefusal({ status, code }: Refusal): string {
  return code === "" ? `${status}` : `${status} ${code}`;
}

/** What a Retry-After header asks for: seconds, or a date. */
export function parseRetryAfter(value: string | null, nowMs: number): number | undefined {
  if (value === null) return undefined;
  const ms = /^\d+$/.test(value) ? 1000 * Number(value) : Date.parse(value) - nowMs;
  return Number.isNaN(ms) ? undefined : Math.max(0, ms);
}

const CHECK_ENDPOINT = "look whether S3_ENDPOINT is right, and the network there";

/** What a thrown error says of the connection. */
export function toFailure(cause: unknown): Failure {
  const text = textsOf(cause).join(": ");
  const failed = (finding: string, remedy = CHECK_ENDPOINT, passing = true): Failure => (
    { kind: "failed", finding, remedy, passing, cause }
  );
  if ((cause as Error)?.name === "TimeoutError") return failed((cause as Error).message);
  if (cause instanceof Deno.errors.NotCapable) {
    return failed("Deno may not connect there", "run it as the task of deno.json", false);
  }
  if (/connection refused/i.test(text)) return failed("the connection is refused");
  if (/dns error|failed to lookup/i.test(text)) return failed("its host has no address");
  if (/certificate|UnknownIssuer/i.test(text)) {
    return failed(
      "its certificate is not trusted",
      "look whether S3_ENDPOINT is right; an authority of your own is named by DENO_CERT in the environment",
      false,
    );
  }
  if (/received corrupt message|InvalidContentType|HandshakeFailure|tls/i.test(text)) {
    return failed("it does not speak TLS as expected", CHECK_ENDPOINT, false);
  }
  return failed("the connection is lost", CHECK_ENDPOINT);
}

function textsOf(error: unknown): string[] {
  return error instanceof Error ? [error.message, ...textsOf(error.cause)] : error === undefined ? [] : [String(error)];
}
