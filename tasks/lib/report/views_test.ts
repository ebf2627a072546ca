import assert from "node:assert/strict";
import { viewAllowance } from "./allowance.ts";
import type { Answer } from "./answer.ts";
import { viewBrier } from "./brier.ts";
import { viewCache } from "./cache.ts";
import { viewCalibration } from "./calibration.ts";
import { viewClaims } from "./claims.ts";
import { viewCosts } from "./costs.ts";
import { viewFreshness } from "./freshness.ts";
import { viewGates } from "./gates.ts";
import { viewPlaces } from "./places.ts";
import { SECTIONS } from "./sections.ts";
import { viewVersions } from "./versions.ts";
import { viewVolume } from "./volume.ts";
import { viewWeb, viewWebShare } from "./web.ts";
import { viewWidths } from "./widths.ts";

/** An answer with these columns and rows, each one text: values apart by "|", NULL is "-". */
function answer(head: string, ...lines: readonly string[]): Answer {
  const columns = head.split("|");
  const rows = lines.map((line) => line.split("|").map((value) => (value === "-" ? null : value)));
  return { name: "q", description: "", sql: "", result: { columns, types: columns.map(() => "VARCHAR"), rows } };
}

Deno.test("viewVersions() counts a change that its range keeps from 0, in the direction that is better", () => {
  const { title, panels } = viewVersions(answer(
    "env|model|older|newer|measure|claims|change|change_se",
    "a|m1|v1|v2|ci_width|20|-0.05|0.01",
    "a|m2|v1|v2|ci_width|20|-0.05|0.03",
    "b|m2|v1|v2|ci_width|20|-0.07|0.01",
    "a|m3|v1|v2|ci_width|20|0.05|0.01",
    "a|m4|v1|v2|ci_width|1|-0.5|-",
    "a|m1|v1|v2|stability|20|0.05|0.01",
    "a|m5|v1|v2|-|0|-|-",
  ));
  assert.equal(title, "v2 narrows intervals in 2 of 5 comparisons, worse in 1; is more stable in 1 of 1 comparison");
  assert.deepEqual(panels.map(({ title }) => title), ["Interval width", "Stability"]);
});

Deno.test("viewVersions() says so where no claim was asked twice", () => {
  const { title, panels } = viewVersions(answer("env|model|newer|measure|claims|change|change_se", "a|m|v2|-|0|-|-"));
  assert.deepEqual([title, panels], ["No claim was asked under two prompt versions of one model", []]);
});

Deno.test("viewBrier() weights prompt versions and modes by their runs", () => {
  const { title, panels, legend } = viewBrier(answer(
    "model|prompt_version|mode|runs|brier|brier_se",
    "m1|v1|baseline|30|0.3|0.01",
    "m1|v2|web|10|0.1|0.01",
    "m2|v2|web|5|0.2|-",
  ));
  assert.equal(title, "m2 is closest to the truth with a Brier score of 0.200, m1 farthest with 0.250");
  assert.deepEqual(panels.map(({ title }) => title), ["baseline", "web"]);
  assert.deepEqual(legend!.map(({ name }) => name), ["v2", "v1"]);
});

Deno.test("viewCalibration() tells the mean distance from the truth in points", () => {
  const { title } = viewCalibration(answer(
    "model|prompt_version|bin_from|runs|mean_p|share_true",
    "m1|v1|0.1|30|0.1|0.2",
    "m1|v1|0.9|10|0.9|0.6",
    "m2|v1|0.5|9|0.5|0.45",
  ));
  assert.equal(title, "m2 is calibrated best, off by 5 points on average; m1 worst, by 15 points");
});

Deno.test("viewWidths() compares the models of the last 7 days, weighted by their runs", () => {
  const { title } = viewWidths(answer(
    "dt|model|runs|median_width",
    "2025-05-01|m1|99|0.9",
    "2025-05-08|m1|30|0.1",
    "2025-05-14|m1|10|0.3",
    "2025-05-14|m2|40|0.25",
  ));
  assert.equal(title, "Intervals of the last 7 days are 0.200 wide, from 0.150 (m1) to 0.250 (m2)");
});

Deno.test("viewVolume() names the envs with an alert in the last 7 days", () => {
  const { title, panels } = viewVolume(answer(
    "env|dt|rows|usual|alert",
    "a|2025-05-01|100|-|flat",
    "a|2025-05-08|10|-|-",
    "a|2025-05-09|30|-|-",
    "b|2025-05-09|0|9|no rows for 1 day",
  ));
  assert.equal(title, "a had 20 rows a day over the last 2 days; b fell flat");
  assert.deepEqual(panels.map(({ title }) => title), ["a", "b"]);
});

Deno.test("viewFreshness() names the env that is farthest behind", () => {
  const { title } = viewFreshness(answer(
    "lane|env|last_row|days_behind|gap_days",
    "prod|production|2025-05-09 12:34:56.7+00|0|0",
    "prod|staging|2025-05-07 01:00:00+00|2|1",
    "prod|dev|2025-05-08 01:00:00+00|1|1",
  ));
  assert.equal(title, "The newest row is of 2025-05-09 12:34 UTC; staging in lane prod is 2 days behind");
});

Deno.test("viewCosts() puts providers behind the fifth together", () => {
  const lines = [9, 8, 7, 6, 5, 4, 3].map((cost, index) => `2025-05-01|p${index}|${cost}`);
  const { title, panels } = viewCosts(answer("dt|provider|cost_usd", ...lines, "2025-05-01|p9|-"));
  assert.equal(title, "The last 7 days cost $42.00, 21 % of it for p0");
  assert.deepEqual(panels.map(({ title }) => title), [
    "p0, $9.00",
    "p1, $8.00",
    "p2, $7.00",
    "p3, $6.00",
    "p4, $5.00",
    "2 others, $7.00",
  ]);
});

Deno.test("viewCache() weights days by their rows", () => {
  const { title } = viewCache(answer(
    "dt|env|rows|mean_hit_rate",
    "2025-05-01|a|100|1",
    "2025-05-14|a|75|0",
    "2025-05-14|b|25|0.8",
  ));
  assert.equal(title, "20 % of the samples of the last 7 days came from the cache, 60 % of all");
});

Deno.test("viewGates() weights months by the runs that were rated", () => {
  const { title } = viewGates(answer(
    "month|prompt_version|runs|without_gates|compliance_pass|stability_pass|precision_pass",
    "2025-04|v2|50|40|0.5|0.9|1",
    "2025-05|v2|30|0|0.9|0.9|1",
    "2025-05|v1|20|20|-|-|-",
  ));
  assert.equal(title, "v2 passes compliance in 80 % of its rated runs, its weakest gate; 60 % of all runs lack a gate");
});

Deno.test("viewAllowance() speaks of the newest month", () => {
  const { title } = viewAllowance(answer(
    "month|plan|users|used|allowed|near|full|over",
    "2025-04|core|9|900|900|0|9|0",
    "2025-05|core|2|30|200|1|0|0",
    "2025-05|trial|3|10|10|0|2|1",
  ));
  assert.equal(title, "In 2025-05 19 % of the allowance was used; 1 user is over it, 3 at it or near");
});

Deno.test("viewClaims() names the ends of the largest spread", () => {
  const { title, legend } = viewClaims(answer(
    "claim|prompt_version|spread|model|p",
    "Water|v1|0.5|m1|0.9",
    "Water|v1|0.5|m3|0.6",
    "Water|v1|0.5|m2|0.4",
    "Fire|v1|0.1|m2|0.4",
  ));
  assert.equal(title, "Models lie up to 0.50 apart: on “Water” m1 says 0.90, m2 0.40");
  assert.deepEqual(legend!.map(({ name }) => name), ["m2", "m1", "m3"]);
});

Deno.test("viewWeb() compares the models that the web moves", () => {
  const lines = ["m1|10|0.4", "m2|20|0.7", "m3|0|-"];
  const { title } = viewWeb(answer("model|resolved_moved|towards_truth", ...lines));
  assert.equal(title, "The web moves m2 towards the truth in 70 % of runs, m1 in 40 %");
});

Deno.test("viewWebShare() adds up the envs of the newest month", () => {
  const lines = ["2025-04|a|9|9|9", "2025-05|a|60|10|5", "2025-05|b|40|30|5"];
  const { title } = viewWebShare(answer("month|env|runs|web_runs|resolved", ...lines));
  assert.equal(title, "In 2025-05 40 % of the runs were web-informed, 25 % of them resolved");
});

Deno.test("viewPlaces() counts where the envs disagree", () => {
  const lines = ["a|m|v|0.1|0.9|true", "b|m|v|0.5|0.5|false"];
  const { title } = viewPlaces(answer("claim|model|prompt_version|local_p|production_p|disagree", ...lines));
  assert.equal(
    title,
    "Local research and production lie farther apart than their intervals are wide in 1 of 2 comparisons",
  );
});

Deno.test("every view takes rows of NULLs, and says nothing of numbers that are not there", () => {
  for (const { query, view } of SECTIONS) {
    const { title, note } = view(answer("dt|month|model|env|claims|runs", "-|-|-|-|-|-"));
    assert.doesNotMatch(title + note, /NaN|undefined|Infinity|Invalid/, query);
  }
});
