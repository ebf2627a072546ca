import { type Browser, type BrowserContextOptions, chromium, type Page } from "playwright-core";

/** Where Debian's package puts it. */
const CHROMIUM = "/usr/bin/chromium";

/** Whether there is a browser to test with. */
export const hasBrowser: boolean = await Deno.stat(CHROMIUM).then(() => true, () => false);

/** Nothing but what a page asks for. */
const FLAGS = [
  "--no-sandbox",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  "--no-first-run",
];

/** A page that is open in a browser. */
export interface OpenPage extends AsyncDisposable {
  /** To ask and to picture. */
  readonly page: Page;
  /** Everything that it said on its console, its faults included. */
  readonly messages: readonly string[];
  /** Addresses of everything that it asked for, itself excepted. */
  readonly requests: readonly string[];
}

/** Starts headless Chromium. */
export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: CHROMIUM, args: FLAGS });
}

/** Opens a file in a context of its own. */
export async function openFile(browser: Browser, path: string, options: BrowserContextOptions): Promise<OpenPage> {
  const context = await browser.newContext(options);
  const page = await context.newPage();
  const [messages, requests]: string[][] = [[], []];
  const address = `file://${path}`;
  page.on("console", (message) => messages.push(message.text()));
  page.on("pageerror", (error) => messages.push(error.message));
  page.on("request", (request) => request.url() !== address && requests.push(request.url()));
  await page.goto(address);
  return { page, messages, requests, [Symbol.asyncDispose]: () => context.close() };
}
