import assert from "node:assert/strict";
import { COLOURS, OTHER, STYLES } from "./palette.ts";

type Triple = readonly [number, number, number];

/** What each kind of sight makes of linear red, green and blue; Machado, Oliveira and Fernandes 2009, severity 1. */
const SIGHTS: Readonly<Record<string, readonly [Triple, Triple, Triple]>> = {
  ordinary: [[1, 0, 0], [0, 1, 0], [0, 0, 1]],
  protan: [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
  deutan: [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.01182, 0.04294, 0.968881]],
  tritan: [[1.255528, -0.076749, -0.178779], [-0.078411, 0.930809, 0.147602], [0.004733, 0.691367, 0.3039]],
};

/** The backgrounds of report.css. */
const CARDS = { light: "#ffffff", dark: "#191c21" } as const;

/** Where OKLab's distances tell two colours apart at a glance; 0.02 is what can just be noticed. */
const MIN_DISTANCE = 0.1;

/** What WCAG asks of graphical objects. */
const MIN_CONTRAST = 3;

function toLinear(hex: string): Triple {
  const channel = (at: number) => {
    const value = parseInt(hex.slice(at, at + 2), 16) / 255;
    return value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  };
  return [channel(1), channel(3), channel(5)];
}

function times(rows: readonly Triple[], [a, b, c]: Triple): Triple {
  return rows.map(([x, y, z]) => x * a + y * b + z * c) as unknown as Triple;
}

/** A colour in OKLab as a kind of sight has it. */
function seenAs(hex: string, sight: string): Triple {
  const clamped = times(SIGHTS[sight], toLinear(hex)).map((value) => Math.min(1, Math.max(0, value)));
  const cones = times([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
  ], clamped as unknown as Triple).map(Math.cbrt);
  return times([
    [0.2104542553, 0.793617785, -0.0040720468],
    [1.9779984951, -2.428592205, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.808675766],
  ], cones as unknown as Triple);
}

function contrast(a: string, b: string): number {
  const [x, y] = [a, b].map((hex) => times([[0.2126, 0.7152, 0.0722]], toLinear(hex))[0] + 0.05);
  return Math.max(x, y) / Math.min(x, y);
}

const close = (colours: readonly string[], sight: string) =>
  colours.flatMap((one, index) =>
    colours.slice(0, index).filter((other) => {
      const [a, b] = [seenAs(one, sight), seenAs(other, sight)];
      return Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2]) < MIN_DISTANCE;
    }).map((other) => `${one} and ${other}`)
  );

for (const theme of ["light", "dark"] as const) {
  for (const sight of Object.keys(SIGHTS)) {
    Deno.test(`COLOURS can be told apart on ${theme} cards by ${sight} sight`, () => {
      assert.deepEqual(close(COLOURS[theme], sight), []);
    });
  }

  Deno.test(`COLOURS stand out from ${theme} cards`, () => {
    assert.deepEqual(COLOURS[theme].filter((colour) => contrast(colour, CARDS[theme]) < MIN_CONTRAST), []);
  });

  Deno.test(`report.css has the ${theme} card that COLOURS are checked on`, () => {
    const css = Deno.readTextFileSync(new URL("../../../analytics/report.css", import.meta.url));
    const [, light, dark] = /--card: light-dark\((#\w+), (#\w+)\);/.exec(css)!;
    assert.equal({ light, dark }[theme], CARDS[theme]);
  });
}

Deno.test("the check of colours finds red and green that are one to protan sight", () => {
  assert.deepEqual(close(["#a03c00", "#556b00"], "ordinary"), []);
  assert.deepEqual(close(["#a03c00", "#556b00"], "deutan"), ["#556b00 and #a03c00"]);
});

Deno.test("STYLES differ in mark and dashes too, and there is one for each colour", () => {
  const all = [...STYLES, OTHER];
  assert.equal(new Set(all.map(({ symbol }) => symbol)).size, all.length);
  assert.equal(new Set(all.map(({ dash }) => dash)).size, all.length);
  assert.deepEqual(STYLES.map(({ colour }) => colour), COLOURS.light.map((_, index) => `var(--c${index})`));
  assert.equal(COLOURS.dark.length, COLOURS.light.length);
});
