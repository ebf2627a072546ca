import type { TaskSpec } from "./lib/task/args.ts";
import { runChildTask } from "./lib/task/child.ts";
import { EXIT, TaskError } from "./lib/task/errors.ts";
import { runTask, type TaskContext } from "./lib/task/run.ts";
import { hasBrowser, openFile, startBrowser } from "../tests/support/browser.ts";

/** What a picture in a README may weigh. */
const MAX_BYTES = 200_000;

const OUT = "docs/report.png";
const DEMO = "data/demo";

const SPEC: TaskSpec = {
  name: "report:image",
  summary: `Picture the head of the demo's report in ${OUT}, with Debian's chromium (apt-get install chromium).`,
  flags: {},
};

async function pictureReport({ report, signal }: TaskContext): Promise<void> {
  if (!hasBrowser) {
    throw new TaskError('Cannot start browser "/usr/bin/chromium": it is not there; install it by apt-get', EXIT.usage);
  }
  await runChildTask("demo", [], { env: {}, signal });
  await runChildTask("report", ["--dir", `${DEMO}/exports`, "--out", `${DEMO}/report.html`], { env: {}, signal });
  const picture = await picturePage(await Deno.realPath(`${DEMO}/report.html`));
  if (picture.length > MAX_BYTES) {
    throw new TaskError(`Cannot write picture "${OUT}": it has ${picture.length} bytes; show less of the page`);
  }
  await Deno.writeFile(OUT, picture);
  report.result(`Wrote ${OUT}, ${picture.length} bytes`);
}

/** The page down to the end of its first chart, at the size of a screen. */
async function picturePage(path: string): Promise<Uint8Array> {
  await using browser = await startBrowser();
  await using opened = await openFile(browser, path, { viewport: { width: 892, height: 1200 }, colorScheme: "light" });
  const { page } = opened;
  const end = await page.locator("#prompt_versions").boundingBox();
  const height = Math.ceil(end!.y + end!.height + 20);
  return await page.screenshot({ fullPage: true, clip: { x: 0, y: 0, width: 892, height } });
}

if (import.meta.main) Deno.exitCode = await runTask(SPEC, pictureReport);
