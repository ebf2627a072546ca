import assert from "node:assert/strict";
import { calibration, dotRows, type GroupedValues, legend, lines, shareRows, stackedBars } from "./charts.ts";

const VALUES: GroupedValues = {
  groups: ["2025-09-01", "<b>"],
  series: [{ name: "gpt & co", values: [0.25, null] }, { name: "grok", values: [0.5, 1] }],
};
const DRAWN = [
  stackedBars("bars", VALUES),
  lines("lines", VALUES, 1),
  dotRows("dots", VALUES),
  shareRows("shares", VALUES),
  calibration("calibration", [{ series: 0, predicted: 0.7, actual: 0.5, runs: 3 }]),
];

Deno.test("every chart is one labelled image without numbers that cannot be drawn", () => {
  for (const svg of DRAWN) {
    assert.match(
      svg,
      /^<svg viewBox="0 0 \d+ \d+[^"]*" style="max-width:\d+px" role="img" aria-label="\w+">.*<\/svg>$/s,
    );
    assert.doesNotMatch(svg, /NaN|Infinity|undefined|null/);
  }
});

Deno.test("a chart escapes its labels", () => {
  for (const svg of DRAWN.slice(0, 4)) assert.doesNotMatch(svg, /<b>|gpt & co/);
  assert.equal(legend(["<i>"]), '<ul class="legend"><li><i class="s0"></i>&#60;i&#62;</li></ul>');
});

Deno.test("charts of nothing and of zeros can be drawn", () => {
  const empty: GroupedValues = { groups: [], series: [] };
  const zeros: GroupedValues = { groups: ["a"], series: [{ name: "s", values: [0] }] };
  for (const values of [empty, zeros]) {
    for (const svg of [stackedBars("x", values), lines("x", values, 1), dotRows("x", values), shareRows("x", values)]) {
      assert.doesNotMatch(svg, /NaN|Infinity/);
    }
  }
});

Deno.test("stackedBars() stacks the series of a group and names each value", () => {
  const svg = stackedBars("bars", VALUES);
  assert.equal(svg.match(/<rect /g)?.length, 3);
  assert.match(svg, /<title>2025-09-01 · grok: 0.5<\/title>/);
});
