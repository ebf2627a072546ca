import assert from "node:assert/strict";
import { dirname, join } from "node:path";
import type { Browser, BrowserContextOptions, Page } from "playwright-core";
import { hasBrowser, openFile, startBrowser } from "./support/browser.ts";
import { ROOT, runCommand } from "./support/command.ts";
import { REPORT_LAKE, writeReportLake } from "./support/report_lake.ts";

/** Where a person finds the pictures. */
const PICTURES = join(ROOT, "data/report-pictures");

const DESKTOP: BrowserContextOptions = { viewport: { width: 1200, height: 900 } };
const DARK: BrowserContextOptions = { ...DESKTOP, colorScheme: "dark" };
const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, deviceScaleFactor: 2 };

/** Width of a printed A4 page between margins of 14 mm, in CSS pixels. */
const PRINTED: BrowserContextOptions = { viewport: { width: 688, height: 1000 } };

/** Texts that can be seen, with the size that they are shown in and the part of them that sticks out of their section. */
const TEXTS = `[...document.querySelectorAll("body *")].flatMap((element) => {
  const own = [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== "");
  const box = element.getBoundingClientRect();
  if (!own || box.width === 0 || element.closest("title, .scroll, pre")) return [];
  const svg = element.closest("svg");
  const scale = svg ? svg.getBoundingClientRect().width / svg.viewBox.baseVal.width : 1;
  const around = (element.closest("section, header, dl") ?? document.body).getBoundingClientRect();
  return [{
    text: element.textContent.trim().slice(0, 40),
    size: parseFloat(getComputedStyle(element).fontSize) * scale,
    out: Math.max(around.left - box.left, box.right - around.right),
  }];
})`;

interface ShownText {
  readonly text: string;
  readonly size: number;
  readonly out: number;
}

/** Opens the page, and tells what `look` makes of it. */
async function seen<T>(
  { browser, path }: { readonly browser: Browser; readonly path: string },
  options: BrowserContextOptions,
  look: (page: Page) => Promise<T>,
): Promise<T> {
  await using opened = await openFile(browser, path, options);
  const found = await look(opened.page);
  assert.deepEqual([opened.messages, opened.requests], [[], []]);
  return found;
}

const openAll = (page: Page) => page.evaluate(`document.querySelectorAll("details").forEach((one) => one.open = true)`);
const overflow = (page: Page) => page.evaluate("document.documentElement.scrollWidth - innerWidth");
const countAll = (page: Page, selectors: readonly string[]) =>
  page.evaluate(`${JSON.stringify(selectors)}.map((selector) => document.querySelectorAll(selector).length)`);

Deno.test({ name: "the report is sound in a browser", ignore: !hasBrowser }, async (t) => {
  await using lake = await writeReportLake();
  const path = join(ROOT, `data/report-browser-${crypto.randomUUID()}/report.html`);
  await using browser = await startBrowser();
  await Deno.mkdir(PICTURES, { recursive: true });
  try {
    const { code, stderr } = await runCommand("report", ["--dir", lake.directory, "--out", path]);
    assert.equal(code, 0, stderr);
    const made = { browser, path };

    for (const [name, options] of Object.entries({ desktop: DESKTOP, dark: DARK, phone: PHONE })) {
      await t.step(`${name}: it asks for nothing, says nothing and fits the width`, async () => {
        const wide = await seen(made, options, async (page) => {
          await page.screenshot({ path: join(PICTURES, `${name}.png`), fullPage: true });
          await openAll(page);
          return await overflow(page);
        });
        assert.equal(wide, 0);
      });
      await t.step(`${name}: no text is smaller than 11 px or sticks out of its section`, async () => {
        const texts = await seen(made, options, (page) => page.evaluate(TEXTS)) as ShownText[];
        assert.ok(texts.length > 200);
        assert.deepEqual(texts.filter(({ size, out }) => size < 11 || out > 0.5), []);
      });
    }

    await t.step("each chart has the marks that its rows make", async () => {
      const { models, days, claims } = REPORT_LAKE;
      const found = await seen(made, DESKTOP, (page) =>
        countAll(page, [
          "#prompt_versions .wide .dot > *",
          "#brier .wide .dot > *",
          "#widths .wide .line path",
          "#days .wide .rect rect",
          "#freshness .wide .dot > *",
          "#costs .panel",
          "#claim_models .wide .dot > *",
          "#allowance svg",
        ]));
      const weeks = Math.ceil(days / 7);
      assert.deepEqual(found, [4 * models, 2 * models, models, weeks, 1, 6, models * Math.min(claims, 10), 0]);
    });

    await t.step("every chart is an image with a name, and has its rows and its query below", async () => {
      const [plots, named, sections, queries] = await seen(made, DESKTOP, (page) =>
        countAll(page, [
          "svg.plot",
          "svg.plot[role=img][aria-label]:not([aria-label=''])",
          "section:has(figure)",
          "section:has(figure):has(details table):has(details pre)",
        ])) as number[];
      assert.ok(plots > 20);
      assert.deepEqual([named, queries], [plots, sections]);
    });

    await t.step("phone: tiles stand two across, and the narrow drawings are shown", async () => {
      const [tops, shown] = await seen(made, PHONE, (page) =>
        page.evaluate(`[
          [...document.querySelectorAll(".tiles div")].map((tile) => tile.getBoundingClientRect().top),
          [...document.querySelectorAll("svg.plot")].filter((plot) => plot.getBoundingClientRect().width > 0)
            .every((plot) => plot.closest(".narrow")),
        ]`)) as [number[], boolean];
      assert.equal(new Set(tops).size, tops.length / 2);
      assert.equal(shown, true);
    });

    await t.step("light and dark are two sets of colours", async () => {
      const colours = (page: Page) =>
        page.evaluate(`["body", "section", "h3", "#days .wide rect"].map((selector) => {
          const { backgroundColor, color, fill } = getComputedStyle(document.querySelector(selector));
          return selector.endsWith("rect") ? fill : selector === "h3" ? color : backgroundColor;
        })`) as Promise<string[]>;
      const [light, dark] = [await seen(made, DESKTOP, colours), await seen(made, DARK, colours)];
      assert.deepEqual(light.filter((colour, index) => colour === dark[index]), []);
    });

    await t.step("print: nothing is cut, and a heading stays with its chart", async () => {
      const found = await seen(made, PRINTED, async (page) => {
        await openAll(page);
        await page.emulateMedia({ media: "print" });
        const kept = await page.evaluate(`["figure", "figcaption", "tr"].map((selector) =>
          getComputedStyle(document.querySelector(selector)).breakInside)`);
        const cut = await page.evaluate(`[...document.querySelectorAll(".scroll, pre, td")].filter((one) =>
          one.scrollWidth > one.clientWidth + 1 || one.scrollHeight > one.clientHeight + 1).length`);
        return { kept, cut, over: await overflow(page) };
      });
      assert.deepEqual(found, { kept: ["avoid", "avoid", "avoid"], cut: 0, over: 0 });
    });

    await t.step("print: it becomes a PDF of pages", async () => {
      const pdf = await seen(
        made,
        DESKTOP,
        (page) => page.pdf({ path: join(PICTURES, "print.pdf"), format: "A4", printBackground: true }),
      );
      const pages = new TextDecoder("latin1").decode(pdf).match(/\/Type\s*\/Page\b(?!s)/g) ?? [];
      assert.ok(pages.length >= 3 && pages.length <= 20, `${pages.length} pages`);
    });

    await t.step("long, right-to-left and unbroken texts stay in their cells", async () => {
      const out = await seen(made, DESKTOP, async (page) => {
        await openAll(page);
        return await page.evaluate(`[...document.querySelectorAll("td bdi")].filter((text) => {
          const [inner, cell] = [text.getBoundingClientRect(), text.parentElement.getBoundingClientRect()];
          return inner.left < cell.left - 0.5 || inner.right > cell.right + 0.5 || inner.height > 200 || inner.width > 330;
        }).length`);
      });
      assert.equal(out, 0);
    });

    await t.step("its policy stops a script, a style and an image that are put into it", async () => {
      await using opened = await openFile(browser, path, DESKTOP);
      await opened.page.evaluate(`document.body.insertAdjacentHTML("beforeend",
        "<img src='http://127.0.0.1:9/x'><p style='color: red' onclick='1'>x</p>")`);
      await opened.page.evaluate(
        `document.body.append(Object.assign(document.createElement("script"), { text: "1" }))`,
      );
      const stopped = ["img-src", "style-src", "script-src"].filter((part) =>
        opened.messages.some((message) => message.includes(part))
      );
      assert.deepEqual(stopped, ["img-src", "style-src", "script-src"], opened.messages.join("\n"));
    });
  } finally {
    await Deno.remove(dirname(path), { recursive: true });
  }
});
