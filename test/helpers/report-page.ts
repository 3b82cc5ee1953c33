// The page of a report in a browser, and what of it is looked at.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import type { ReportDocument } from "../../src/report/document.ts";
import { reportHtml } from "../../src/report/html.ts";
import { openPage, type Watched } from "./browser.ts";

const folder = mkdtempSync(join(tmpdir(), "temper-page-"));

/** Writes the page of a report into a file and opens it. */
export async function openReport(
  browser: Browser,
  report: ReportDocument,
  options: Parameters<typeof openPage>[2] = {},
): Promise<Watched> {
  const path = join(folder, "report.html");
  writeFileSync(path, await reportHtml(report));
  return openPage(browser, path, options);
}

/** The candidate that is looked at, by the command that exports it. */
export const lookedAt = async (page: Page): Promise<string> =>
  /--candidate (\S+)/.exec((await page.locator(".card code").textContent()) ?? "")![1];

/**
 * Makes what waits until the reader comes to it, as printing does: after two frames, for charts are drawn once their
 * width is known.
 */
export const makeAll = (page: Page): Promise<unknown> =>
  page.evaluate(`new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))
    .then(() => {
      dispatchEvent(new Event("beforeprint"));
      dispatchEvent(new Event("afterprint"));
    })`);
