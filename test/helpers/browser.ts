// A real browser for the tests of the page: Debian's Chromium, or what TEMPER_CHROMIUM names.
import { existsSync } from "node:fs";
import { type Browser, chromium, type Page } from "playwright-core";

const paths = [process.env.TEMPER_CHROMIUM, "/usr/bin/chromium", "/usr/bin/chromium-browser"];

/** The browser's path; undefined where there is none, and then the tests that need it are skipped. */
export const chromiumPath = paths.find((path) => path !== undefined && existsSync(path));

/** Without a sandbox of its own, since tests run as root in containers, and without asking the network for updates. */
export const openBrowser = (): Promise<Browser> =>
  chromium.launch({
    executablePath: chromiumPath!,
    args: [
      ...["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"],
      ...["--disable-background-networking", "--disable-component-update", "--disable-sync"],
    ],
  });

/** What a page did that it must not. */
export interface Watched {
  readonly page: Page;
  /** Console errors and uncaught errors. */
  readonly errors: string[];
  /** Addresses that were asked for, the page's own left out. */
  readonly requests: string[];
}

/** Opens an address, or a file by its path, and watches what it does. */
export async function openPage(
  browser: Browser,
  address: string,
  options: Parameters<Browser["newPage"]>[0] = {},
): Promise<Watched> {
  const page = await browser.newPage({ viewport: { width: 1200, height: 900 }, ...options });
  const url = address.startsWith("/") ? `file://${address}` : address;
  const [errors, requests]: [string[], string[]] = [[], []];
  page.on("console", (message) => message.type() === "error" && errors.push(message.text()));
  page.on("pageerror", (error) => errors.push(error.message));
  page.on("request", (request) => request.url() !== url && requests.push(request.url()));
  await page.goto(url);
  return { page, errors, requests };
}
