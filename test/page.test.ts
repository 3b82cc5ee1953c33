// The page in a real browser: what is chosen, selected and shown on it is what the run says.
import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { choose } from "../src/correct/choice.ts";
import { idOf } from "../src/report/axes.ts";
import type { ReportDocument } from "../src/report/document.ts";
import { reportHtml } from "../src/report/html.ts";
import { chromiumPath, openBrowser, openPage, type Watched } from "./helpers/browser.ts";
import { plantedReport } from "./helpers/report-document.ts";

const axe = createRequire(import.meta.url).resolve("axe-core/axe.min.js");
const folder = mkdtempSync(join(tmpdir(), "temper-page-"));

/** The candidate that is looked at, by the command that exports it. */
const lookedAt = async (page: Page): Promise<string> =>
  /--candidate (\S+)/.exec((await page.locator(".card code").textContent()) ?? "")![1];

describe.skipIf(chromiumPath === undefined)(
  "the page (needs Chromium: apt-get install chromium)",
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser?.close());

    const open = async (
      report: ReportDocument,
      name = "report.html",
      options = {},
    ): Promise<Watched> => {
      const path = join(folder, name);
      writeFileSync(path, await reportHtml(report));
      return openPage(browser, path, options);
    };

    it("chooses by the slider what select chooses, without an error or a request", async () => {
      const report = plantedReport({ iterations: 20 });
      const { pool, options } = report.runs[0].record;
      const { page, errors, requests } = await open(report);
      const seen = new Set<string>();
      for (let n = 0; n <= 20; n++) {
        const weight = n / 20;
        await page.locator("#weight").fill(String(weight));
        const expected = idOf(pool[choose(pool, { weight, tolerance: options.tolerance })]);
        expect(await lookedAt(page), `weight ${weight}`).toBe(expected);
        seen.add(expected);
      }
      expect(seen.size).toBeGreaterThan(3);
      expect([errors, requests]).toEqual([[], []]);
      await page.close();
    });

    it("selects by a rectangle, and table and count follow", async () => {
      const report = plantedReport({});
      const { pool } = report.runs[0].record;
      const { page } = await open(report);
      const box = (await page.locator(".overlay").boundingBox())!;
      await page.mouse.move(box.x + 60, box.y + 30);
      await page.mouse.down();
      await page.mouse.move(box.x + box.width / 2, box.y + box.height - 40, { steps: 4 });
      await page.mouse.up();
      const shown = await page.locator(".candidates .row:not(.head) .pick").allTextContents();
      const range = async (axis: string): Promise<[number, number]> =>
        (await page
          .locator(`[data-axis="${axis}"]`)
          .evaluateAll((inputs) =>
            inputs.map((input) => Number((input as unknown as { value: string }).value)),
          )) as [number, number];
      const [[left, right], [low, high]] = [await range("violation"), await range("loss")];
      const inside = pool.filter(({ violation, loss, lossAtLeast }) => {
        const [x, y] = [violation!, loss ?? lossAtLeast!];
        return x >= left && x <= right && y >= low && y <= high;
      });
      expect(inside.length).toBeGreaterThan(3);
      expect(inside.length).toBeLessThan(pool.length);
      const counted = await page.locator(".candidates p").textContent();
      expect(counted).toMatch(new RegExp(`^${inside.length} of ${pool.length} `));
      const ids = new Set(inside.map((c) => (c.iteration === 0 ? "θ₀" : idOf(c))));
      expect(shown.filter((id) => !ids.has(id))).toEqual([]);
      await page.getByRole("button", { name: "Show all again" }).click();
      expect(await page.locator(".candidates p").textContent()).toMatch(
        new RegExp(`^${pool.length} of`),
      );
      await page.close();
    });

    it("picks a candidate by a click, by the table and by the keyboard", async () => {
      const report = plantedReport({});
      const { pool, choice } = report.runs[0].record;
      const { page } = await open(report);
      const front = pool
        .filter((c) => c.front)
        .toSorted((a, b) => a.violation! - b.violation!)
        .map(idOf);
      const at = front.indexOf(idOf(pool[choice]));
      await page.locator(".overlay").focus();
      await page.keyboard.press("ArrowRight");
      expect(await lookedAt(page)).toBe(front[Math.min(front.length - 1, at + 1)]);
      await page.keyboard.press("ArrowRight");
      await page.keyboard.press("ArrowLeft");
      expect(await lookedAt(page)).toBe(front[Math.min(front.length - 1, at + 1)]);
      const row = page.locator(".candidates .pick").nth(3);
      const id = await row.textContent();
      await row.focus();
      await page.keyboard.press("Enter");
      expect(await lookedAt(page)).toBe(id);
      await page.waitForTimeout(300); // the ring is on its way
      const plane = page.locator(".overlay");
      const [ring, box] = [await page.locator(".ring").boundingBox(), await plane.boundingBox()];
      const position = {
        x: ring!.x + ring!.width / 2 - box!.x,
        y: ring!.y + ring!.height / 2 - box!.y,
      };
      await page.locator("#weight").fill("1");
      await plane.click({ position });
      expect(await lookedAt(page)).toBe(id);
      await page.close();
    });

    it("leaves out what a toggle leaves out", async () => {
      const report = plantedReport({});
      const { pool } = report.runs[0].record;
      const { page } = await open(report);
      await page.getByLabel("dominated").uncheck();
      await page.getByLabel("bounds").uncheck();
      const left = pool.filter((c) => c.front || c.iteration === 0).length;
      expect(await page.locator(".candidates p").textContent()).toMatch(new RegExp(`^${left} of`));
      await page.close();
    });

    it("shows markup in names as text", async () => {
      const hostile =
        '</script><img src=x onerror="document.title=1"><!-- \u2028 <script>document.title=1</script>';
      const classes = [hostile, "b", "c", "d"];
      const report = plantedReport({ name: `${hostile}/run`, classes });
      const { page, errors, requests } = await open(report);
      expect(await page.title()).toContain("<img");
      expect(await page.locator("h1").textContent()).toContain(hostile.replace("\u2028", "\u2028"));
      expect(await page.locator("img").count()).toBe(0);
      expect([errors, requests]).toEqual([[], []]);
      await page.close();
    });

    it.each(["light", "dark"] as const)(
      "is accessible by axe-core's rules, %s",
      async (colorScheme) => {
        const { page } = await open(plantedReport({}), "axe.html", {
          colorScheme,
          bypassCSP: true,
        });
        await page.addScriptTag({ path: axe });
        const { violations } = (await page.evaluate("axe.run()")) as {
          violations: { id: string; nodes: { html: string }[] }[];
        };
        expect(
          violations.map(({ id, nodes }) => [id, ...nodes.slice(0, 3).map(({ html }) => html)]),
        ).toEqual([]);
        await page.close();
      },
    );

    it("needs no sideways scrolling at a phone's width", async () => {
      const { page } = await open(plantedReport({}), "phone.html", {
        viewport: { width: 390, height: 800 },
      });
      expect(await page.evaluate("document.documentElement.scrollWidth")).toBeLessThanOrEqual(390);
      await page.close();
    });

    it("lays several runs on one plane, and says what differs", async () => {
      const report = plantedReport({ name: "first" }, { name: "second", iterations: 3, seed: 5 });
      const { page, errors } = await open(report, "two.html");
      expect(await page.locator("#compare").textContent()).toContain("iterations");
      await page.locator("header select").selectOption({ label: "second" });
      const { pool, choice } = report.runs[1].record;
      expect(await lookedAt(page)).toBe(idOf(pool[choice]));
      expect(errors).toEqual([]);
      await page.close();
    });
  },
);
