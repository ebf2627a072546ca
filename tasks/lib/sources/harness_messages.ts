import type { Day } from "../dataset/day.ts";
import type { DayRange } from "../dataset/source.ts";
import type { Spooled } from "./harness_spool.ts";

/** What is copied of a harness database, and where to. */
export interface CopyRequest {
  /** The harness database, as it is named in errors. */
  readonly path: string;
  /** Path of the copy: an empty file of the exporter's own. */
  readonly scratch: string;
  readonly range: DayRange;
  /** The one run whose rows are copied, without keys; all of them where undefined. */
  readonly run?: string;
}

/** Tells the days whose rows are wanted, given the keys of all. */
export type PickDays = (keys: ReadonlyMap<Day, string>) => Promise<ReadonlySet<Day>>;

/** What the copying thread is told: first what to copy; the days, when it has asked for them. */
export type HarnessRequest =
  | { readonly kind: "copy"; readonly request: CopyRequest; readonly asksDays: boolean }
  | { readonly kind: "days"; readonly days: ReadonlySet<Day> };

/** What the copying thread answers: the keys it found, where it asks for days; and once how it ended. */
export type HarnessReply =
  | { readonly kind: "keys"; readonly keys: ReadonlyMap<Day, string> }
  | { readonly kind: "copied"; readonly keys: ReadonlyMap<Day, string> }
  | { readonly kind: "failed"; readonly message: string };

/** What a converting thread answers. */
export type SpoolReply =
  | { readonly kind: "spooled"; readonly spooled: Spooled }
  | { readonly kind: "failed"; readonly message: string };
