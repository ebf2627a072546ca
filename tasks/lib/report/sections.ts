import type { Answer } from "./answer.ts";
import { viewAllowance } from "./allowance.ts";
import { viewBrier } from "./brier.ts";
import { viewCache } from "./cache.ts";
import { viewCalibration } from "./calibration.ts";
import { viewClaims } from "./claims.ts";
import { viewCosts } from "./costs.ts";
import { viewFreshness } from "./freshness.ts";
import { viewGates } from "./gates.ts";
import { viewVersions } from "./versions.ts";
import type { View } from "./view.ts";
import { viewVolume } from "./volume.ts";
import { viewPlaces } from "./places.ts";
import { viewWeb, viewWebShare } from "./web.ts";
import { viewWidths } from "./widths.ts";

/** One part of the page. */
export interface Section {
  /** The named query that it shows. */
  readonly query: string;
  /** What it is about, above the finding. */
  readonly subject: string;
  /** What is drawn and said. */
  readonly view: (answer: Answer) => View;
  /** The dataset that the query asks about, where a lake can lack it. */
  readonly dataset?: string;
}

/** The page's parts, in the order in which they are read. */
export const SECTIONS: readonly Section[] = [
  { query: "prompt_versions", subject: "Newest prompt version", view: viewVersions },
  { query: "brier", subject: "Brier score", view: viewBrier },
  { query: "calibration", subject: "Calibration", view: viewCalibration },
  { query: "widths", subject: "Interval width", view: viewWidths },
  { query: "days", subject: "Volume", view: viewVolume },
  { query: "freshness", subject: "Freshness", view: viewFreshness },
  { query: "costs", subject: "Cost", view: viewCosts },
  { query: "cache_hits", subject: "Cache", view: viewCache },
  { query: "gates", subject: "Gates", view: viewGates },
  { query: "allowance", subject: "Usage against allowance", view: viewAllowance, dataset: "usage_ledger" },
  { query: "claim_models", subject: "Models on one claim", view: viewClaims },
  { query: "bias_gap", subject: "What the web changes", view: viewWeb },
  { query: "web_share", subject: "Web-informed runs", view: viewWebShare },
  { query: "local_production", subject: "Local research and production", view: viewPlaces },
];
