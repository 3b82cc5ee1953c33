// The page in a real browser: what is chosen, selected and shown on it is what the run says.
import { mkdtempSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { choose } from "../src/correct/choice.ts";
import { idOf } from "../src/report/axes.ts";
import type { ReportDocument } from "../src/report/document.ts";
import { reportHtml } from "../src/report/html.ts";
import { differenceOf, pixelsOf } from "../src/report/page/pixels.ts";
import { faultsOf } from "./helpers/axe.ts";
import { chromiumPath, openBrowser, openPage, type Watched } from "./helpers/browser.ts";
import { plantedReport } from "./helpers/report-document.ts";

const folder = mkdtempSync(join(tmpdir(), "temper-page-"));

/** What the tests take of a canvas; they are checked without the types of a browser. */
interface Canvas {
  getContext(kind: "2d"): {
    getImageData(x: number, y: number, width: number, height: number): { data: Iterable<number> };
  };
}

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

    it("shows the points of the candidate that is looked at: the wrong ones first, filtered, as pictures", async () => {
      const report = plantedReport({});
      const { points, record } = report.runs[0];
      const { page } = await open(report);
      const listed = (): Promise<string[]> =>
        page.locator(".point").evaluateAll((rows) =>
          rows.map((row) => {
            const { dataset, classList } = row as unknown as {
              readonly dataset: Record<string, string>;
              readonly classList: { contains(name: string): boolean };
            };
            return `${dataset.point} ${classList.contains("wrong") ? "wrong" : "right"}`;
          }),
        );
      const expected = (of: number): string[] => {
        const { logits } = points!.answers.find(({ candidate }) => candidate === of)!;
        const right = points!.y.map((y, i) =>
          logits[i].every((v, label) => label === y || v! < logits[i][y]!),
        );
        const words = right.map((is, i) => `${i} ${is ? "right" : "wrong"}`);
        return [...words.filter((_, i) => !right[i]), ...words.filter((_, i) => right[i])];
      };
      const byHand = page.locator(".pick", { hasText: "θ₀" });
      await page.locator("#points").scrollIntoViewIfNeeded();
      await page.locator(".point.drawn").first().waitFor();
      expect(await listed()).toEqual(expected(record.choice));
      await byHand.click();
      await page.evaluate("dispatchEvent(new Event('beforeprint'))");
      expect(await listed()).toEqual(expected(0));
      expect(await listed()).not.toEqual(expected(record.choice));
      await page.locator("#point-which").selectOption("wrong");
      expect(await listed()).toEqual(expected(0).filter((text) => text.endsWith("wrong")));
      await page.locator("#point-which").selectOption("all");
      await page.locator("#point-label").selectOption("1");
      expect(await listed()).toEqual(
        expected(0).filter((text) => points!.y[Number.parseInt(text, 10)] === 1),
      );
      const [source, itself, difference] = await page
        .locator('[data-point="1"] canvas')
        .evaluateAll((canvases) =>
          canvases.map((canvas) => {
            const { width, height } = canvas as unknown as { width: number; height: number };
            const context = (canvas as unknown as Canvas).getContext("2d");
            return Array.from(context.getImageData(0, 0, width, height).data);
          }),
        );
      const pictures = points!.pictures!;
      const shown = (pixels: Float64Array): number[] =>
        Array.from({ length: (4 * pixels.length) / 3 }, (_, i) =>
          i % 4 === 3 ? 255 : Math.round(255 * pixels[3 * Math.floor(i / 4) + (i % 4)]),
        );
      const [before, after] = [pictures.clean!, pictures.pixels].map((set) =>
        pixelsOf(set, pictures, 1),
      );
      expect([source, itself]).toEqual([shown(before), shown(after)]);
      const { gain, pixels } = differenceOf(before, after)!;
      expect(difference).toEqual(shown(pixels));
      expect(await page.locator('[data-point="1"]').textContent()).toContain(`× ${gain}`);
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
      await tabTo(".parallel + details summary");
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

    it("shows markup in names as text", async () => {
      const hostile =
        '</script><img src=x onerror="document.title=1"><!-- \u2028 <script>document.title=1</script>';
      const [run] = plantedReport({
        name: `${hostile}/run`,
        classes: [hostile, "b", "c", "d"],
      }).runs;
      const [interval, clean] = [[0.1, 0.3] as const, { n: 9, loss: 1, accuracy: 0.2 }];
      const attacks = [
        { name: hostile, norm: "linf", eps: 0.1, protocol: hostile, accuracy: 0.2, interval },
      ].map((one) => ({ ...one, turned: 1, warnings: [hostile] }));
      const { page, errors, requests } = await open({
        temper: hostile,
        runs: [
          {
            ...run,
            record: { ...run.record, notes: [hostile] },
            layers: [{ name: hostile, shape: [4] }, run.layers[1]],
            timings: {
              ...run.timings!,
              machine: hostile,
              paths: { model: hostile, data: hostile },
            },
            changed: [[hostile, hostile, hostile]],
            repeat: hostile,
            evaluation: { models: [{ path: hostile, clean: { ...clean, interval }, attacks }] },
          },
        ],
      });
      await page.evaluate("dispatchEvent(new Event('beforeprint'))");
      expect(await page.title()).toContain("<img");
      for (const where of [
        ...["h1", ".notes", ".card code", "#clean-answers", "#clean-labels", "#moved", "#flips"],
        ...[".point", "#point-label", "#run figcaption", "#run td", "footer"],
      ]) {
        const texts = await page.locator(where).allTextContents();
        expect(texts.join("\n"), where).toContain(hostile);
      }
      expect(await page.locator("img").count()).toBe(0);
      expect(await page.locator("script").count()).toBe(2);
      expect([errors, requests]).toEqual([[], []]);
      await page.close();
    });

    it("breaks no rule of axe-core, light, dark and on a phone; of one run and of two", async () => {
      const two = plantedReport({ name: "first" }, { name: "second", iterations: 3, seed: 5 });
      const { page } = await open(two, "axe.html", { colorScheme: "light" });
      await page.evaluate("dispatchEvent(new Event('beforeprint'))");
      expect(await faultsOf(page), "two runs, light").toEqual([]);
      const one = await open(plantedReport({}), "axe.html", { colorScheme: "dark" });
      await one.page.evaluate("dispatchEvent(new Event('beforeprint'))");
      expect(await faultsOf(one.page), "dark").toEqual([]);
      await one.page.setViewportSize({ width: 390, height: 800 });
      await one.page.emulateMedia({ colorScheme: "light" });
      expect(await faultsOf(one.page), "a phone").toEqual([]);
      for (const { page: narrow } of [{ page }, one]) {
        await narrow.setViewportSize({ width: 390, height: 800 });
        expect(await narrow.evaluate("document.documentElement.scrollWidth")).toBeLessThan(391);
        await narrow.close();
      }
    });

    it("on paper is white, whole and no longer than what it shows", async () => {
      const { page } = await open(plantedReport({ iterations: 20 }), "paper.html", {
        colorScheme: "dark",
      });
      await page.emulateMedia({ media: "print", colorScheme: "dark" });
      await page.evaluate("dispatchEvent(new Event('beforeprint'))");
      const style = "getComputedStyle(document.body)";
      expect(await page.evaluate(`[${style}.backgroundColor, ${style}.color]`)).toEqual([
        "rgb(255, 255, 255)",
        "rgb(27, 31, 35)",
      ]);
      expect(await page.locator(".point:not(.drawn)").count()).toBe(0);
      const rows = await page.locator(".rows").boundingBox();
      expect(rows!.height).toBe(30 * (await page.locator(".rows .row").count()));
      const hidden = await page.locator("button:visible, select:visible, input:visible").all();
      expect(await Promise.all(hidden.map((one) => one.getAttribute("class")))).toEqual(
        hidden.map(() => "pick"), // names of candidates
      );
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
