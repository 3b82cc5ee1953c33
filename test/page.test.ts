// The page in a real browser: what is chosen and selected on it is what the run says.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { choose } from "../src/correct/choice.ts";
import { idOf } from "../src/report/axes.ts";
import type { ReportDocument } from "../src/report/document.ts";
import { chromiumPath, openBrowser, type Watched } from "./helpers/browser.ts";
import { plantedReport } from "./helpers/report-document.ts";
import { lookedAt, openReport } from "./helpers/report-page.ts";

describe.skipIf(chromiumPath === undefined)(
  "choosing on the page (needs Chromium: apt-get install chromium)",
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser?.close());
    const open = (report: ReportDocument, options = {}): Promise<Watched> =>
      openReport(browser, report, options);

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
      const counted = await page.locator(".candidates .controls p").textContent();
      expect(counted).toMatch(new RegExp(`^${inside.length} of ${pool.length} `));
      const ids = new Set(inside.map((c) => (c.iteration === 0 ? "θ₀" : idOf(c))));
      expect(shown.filter((id) => !ids.has(id))).toEqual([]);
      await page.getByRole("button", { name: "Show all again" }).click();
      expect(await page.locator(".candidates .controls p").textContent()).toMatch(
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

    it("loses no click though the table scrolls as it begins", async () => {
      const { page } = await open(plantedReport({ iterations: 20 }));
      const row = page.locator(".candidates .pick").nth(5);
      const id = await row.textContent();
      await row.hover();
      await page.mouse.down();
      await page.locator(".view").evaluate(
        (view) =>
          new Promise((done) => {
            view.addEventListener("scroll", () => setTimeout(done), { once: true });
            (view as unknown as { scrollTop: number }).scrollTop += 5;
          }),
      );
      await page.mouse.up();
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
      expect(await page.locator(".candidates .controls p").textContent()).toMatch(
        new RegExp(`^${left} of`),
      );
      await page.close();
    });

    it("can be used with the keyboard alone", async () => {
      const report = plantedReport({});
      const { pool } = report.runs[0].record;
      const { page, errors } = await open(report);
      /** Goes on from where the focus is until it is at an element that matches. */
      const tabTo = async (selector: string): Promise<void> => {
        for (let presses = 0; presses < 60; presses++) {
          await page.keyboard.press("Tab");
          const [is, seen] = (await page.evaluate(
            `[document.activeElement.matches(${JSON.stringify(selector)}),
              getComputedStyle(document.activeElement).outlineStyle !== "none"]`,
          )) as [boolean, boolean];
          expect(seen, `the focus is seen before ${selector}`).toBe(true);
          if (is) return;
        }
        throw new Error(`no Tab leads to ${selector}`);
      };
      const counted = (): Promise<string | null> =>
        page.locator(".candidates .controls p").textContent();
      await tabTo('input[type="checkbox"]'); // log
      await page.keyboard.press("Tab");
      await page.keyboard.press("Space"); // dominated
      const front = pool.filter((c) => c.front || c.lossAtLeast !== undefined || c.iteration === 0);
      expect(await counted()).toMatch(new RegExp(`^${front.length} of`));
      await page.keyboard.press("Space");
      await tabTo(".overlay");
      await page.keyboard.press("ArrowRight");
      await tabTo("#weight");
      await page.keyboard.press("End");
      const { tolerance } = report.runs[0].record.options;
      expect(await lookedAt(page)).toBe(idOf(pool[choose(pool, { weight: 1, tolerance })]));
      await tabTo("details summary");
      await tabTo(".scroll:has(.parallel) + details summary");
      await page.keyboard.press("Enter");
      await tabTo('[data-axis="violation"][data-end="most"]');
      await page.keyboard.type("20");
      await page.keyboard.press("Enter");
      const inside = pool.filter(({ violation }) => violation! <= 20);
      expect(await counted()).toMatch(new RegExp(`^${inside.length} of`));
      await tabTo(".view");
      await tabTo(".pick");
      const id = await page.locator(".pick:focus").textContent();
      await page.keyboard.press("Enter");
      expect(await lookedAt(page)).toBe(id);
      await tabTo("#point-which");
      await page.keyboard.press("ArrowDown");
      expect(await page.locator("#point-which").inputValue()).toBe("wrong");
      await tabTo("#run summary");
      await page.keyboard.press("Enter");
      await tabTo("#run .scroll"); // a long table scrolls by keys
      expect(errors).toEqual([]);
      await page.close();
    });

    it("has the accuracy under attack on an axis, of the candidates that were evaluated", async () => {
      const report = plantedReport({});
      const [run] = report.runs;
      const { pool, choice } = run.record;
      const other = pool.find((c, i) => c.front && c.iteration > 0 && i !== choice)!;
      const clean = { n: 100, loss: 1, accuracy: 0.9, interval: [0.8, 0.95] as const };
      const model = (path: string, accuracy: number) => ({
        ...{ path, clean },
        attacks: [0.2 + accuracy, accuracy].map((share, k) => ({
          ...{ name: ["fgsm", "pgd"][k], norm: "linf", eps: 0.1, protocol: "honest" },
          ...{ accuracy: share, interval: [0, 1] as const, turned: 0, warnings: [] },
        })),
      });
      const models = [
        model(`a/candidate-${idOf(other).replace(":", "-")}.onnx`, 0.4),
        model("model.onnx", 0.1),
        model("RUN/corrected.onnx", 0.5),
      ];
      const { page } = await open({ ...report, runs: [{ ...run, evaluation: { models } }] });
      const label = "accuracy under pgd, linf 0.1";
      await page.getByLabel("horizontal axis").selectOption({ label });
      const at = async (id: string): Promise<string> => {
        await page.locator(".pick", { hasText: new RegExp(`^${id}$`) }).click();
        return (await page.locator(".facts").textContent())!.split(label)[1];
      };
      expect(await at(idOf(other))).toMatch(/^40\.00%/);
      expect(await at(idOf(pool[choice]))).toMatch(/^50\.00%/);
      const dots = page.locator('.plane > svg [aria-label="dot"] > *, .plane > figure circle');
      expect(await dots.count()).toBe(3);
      await page.close();
    });
  },
);
