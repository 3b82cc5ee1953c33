// The page in a real browser: what it shows is what its document holds, to every reader, on screen and on paper.
import type { Browser } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { idOf } from "../src/report/axes.ts";
import type { ReportDocument } from "../src/report/document.ts";
import { differenceOf, pixelsOf } from "../src/report/page/pixels.ts";
import { faultsOf } from "./helpers/axe.ts";
import { chromiumPath, openBrowser, type Watched } from "./helpers/browser.ts";
import { itLong } from "./helpers/long.ts";
import { plantedReport } from "./helpers/report-document.ts";
import { lookedAt, makeAll, openReport } from "./helpers/report-page.ts";

/** What the tests take of a canvas; they are checked without the types of a browser. */
interface Canvas {
  getContext(kind: "2d"): {
    getImageData(x: number, y: number, width: number, height: number): { data: Iterable<number> };
  };
}

describe.skipIf(chromiumPath === undefined)(
  "what the page shows (needs Chromium: apt-get install chromium)",
  () => {
    let browser: Browser;
    beforeAll(async () => {
      browser = await openBrowser();
    });
    afterAll(() => browser?.close());
    const open = (report: ReportDocument, options = {}): Promise<Watched> =>
      openReport(browser, report, options);

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
      await makeAll(page);
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
      await makeAll(page);
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

    it("shows the numbers of points that are no images, under the names of their columns", async () => {
      const [run] = plantedReport({}).runs;
      const { pictures: _, ...points } = run.points!;
      const values = points.y.map((_, i) => [i, 2 * i, 0.5]);
      const shown = async (columns?: string[]): Promise<string[]> => {
        const table = { ...points, shape: [3], values, ...(columns && { columns }) };
        const { page } = await open({ temper: "0", runs: [{ ...run, points: table }] });
        await makeAll(page);
        const cells = page.locator('[data-point="2"] .looks :is(th, td)');
        const texts = await cells.allTextContents();
        await page.close();
        return texts;
      };
      expect(await shown()).toEqual(["x0", "x1", "x2", "2", "4", "0.5"]);
      expect(await shown(["a", "<b>", "c"])).toEqual(["a", "<b>", "c", "2", "4", "0.5"]);
    });

    itLong(
      "breaks no rule of axe-core, light, dark and on a phone; of one run and of two",
      async () => {
        const two = plantedReport({ name: "first" }, { name: "second", iterations: 3, seed: 5 });
        const { page } = await open(two, { colorScheme: "light" });
        await makeAll(page);
        expect(await faultsOf(page), "two runs, light").toEqual([]);
        const one = await open(plantedReport({}), { colorScheme: "dark" });
        await makeAll(one.page);
        expect(await faultsOf(one.page), "dark").toEqual([]);
        await one.page.setViewportSize({ width: 390, height: 800 });
        await one.page.emulateMedia({ colorScheme: "light" });
        expect(await faultsOf(one.page), "a phone").toEqual([]);
        for (const { page: narrow } of [{ page }, one]) {
          await narrow.setViewportSize({ width: 390, height: 800 });
          expect(await narrow.evaluate("document.documentElement.scrollWidth")).toBeLessThan(391);
          await narrow.close();
        }
      },
    );

    it("before the first iteration shows the points, and claims nothing of them", async () => {
      const [{ record, points, timings: _, ...run }] = plantedReport({}).runs;
      const { format, versions, options, network, inputs, files } = record;
      const beginning = { format, versions, options, network, inputs, files };
      const { page, errors } = await open({
        temper: "0",
        runs: [
          {
            ...run,
            record: { ...beginning, iterations: [], pool: [], choice: 0 },
            points: { ...points!, answers: [] },
            steps: [],
          },
        ],
      });
      await makeAll(page);
      expect(errors).toEqual([]);
      expect(await page.locator(".point canvas").count()).toBe(3 * points!.count);
      expect(await page.locator("#points").textContent()).toContain("not known yet");
      expect(await page.locator(".verdict").allTextContents()).toEqual(points!.y.map(() => ""));
      expect(await faultsOf(page)).toEqual([]);
      expect(errors).toEqual([]);
      await page.close();
    });

    it("on paper is white, whole and no longer than what it shows", async () => {
      const { page } = await open(plantedReport({ iterations: 20 }), {
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
      const { page, errors } = await open(report);
      expect(await page.locator("#compare").textContent()).toContain("iterations");
      expect(await page.locator("#trade-off").textContent()).not.toContain("cannot be compared");
      await page.locator("header select").selectOption({ label: "second" });
      const { pool, choice } = report.runs[1].record;
      expect(await lookedAt(page)).toBe(idOf(pool[choice]));
      expect(errors).toEqual([]);
      await page.close();
    });
  },
);
