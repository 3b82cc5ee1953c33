// A page that follows its run, in a real browser: through the whole run, a stop, a lost connection, its end.
import { readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Browser, Page } from "playwright-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writePoints } from "../src/data/points.ts";
import { attack, openData, openModel, openRun } from "../src/index.ts";
import { idOf } from "../src/report/axes.ts";
import { serveRun } from "../src/report/serve.ts";
import { lookAtState } from "../src/run/folder/state.ts";
import { faultsOf } from "./helpers/axe.ts";
import { chromiumPath, openBrowser, openPage, type Watched } from "./helpers/browser.ts";
import { newFolder, type Ran, temper } from "./helpers/command.ts";
import { cableTo } from "./helpers/live-page.ts";
import { itLong } from "./helpers/long.ts";
import { makeAll } from "./helpers/report-page.ts";

const MODEL = resolve("models/digits-cnnlight.onnx");
/** Iterations of a run that is stopped long before its end. */
const LONG = 300;

/** A command whose page is served. */
interface Serving {
  readonly address: string;
  readonly ended: Promise<Ran>;
}

/** Runs a command until it says where its page is. */
function serving(args: readonly string[], cwd: string): Promise<Serving> {
  return new Promise((done, fail) => {
    const ended = temper(args, {
      cwd,
      onStderr: (text) => {
        const address = /^page: (.+)$/m.exec(text)?.[1];
        if (address !== undefined) done({ address, ended });
      },
    });
    ended.then(({ stderr }) => fail(new Error(stderr)), fail);
  });
}

/** What the line about the run says. */
const said = async (page: Page): Promise<string> => (await page.locator(".live").textContent())!;

const iterationOn = async (page: Page): Promise<number> =>
  Number(/iteration (\d+) of/.exec(await said(page))?.[1] ?? 0);

async function until(what: () => Promise<boolean>): Promise<void> {
  const end = Date.now() + 20_000;
  while (!(await what())) {
    if (Date.now() > end) throw new Error("it has not come");
    await new Promise((done) => setTimeout(done, 30));
  }
}

/** Every section with all that is in it; what waits to come into view is made first. */
async function contentOf(page: Page): Promise<string> {
  await makeAll(page);
  return page.locator("main header, main section").evaluateAll(
    (sections) =>
      sections
        .map((section) => (section as unknown as { readonly innerHTML: string }).innerHTML)
        .join("\n")
        .replace(/plot-[0-9a-f]+/g, "plot"), // Plot draws names by chance
  );
}

/** The first place where two texts differ, for eyes; a whole page is too much for them. */
function differenceOf(a: string, b: string): readonly [string, string] | undefined {
  if (a === b) return undefined;
  const at = Array.from({ length: a.length }, (_, i) => i).find((i) => a[i] !== b[i]) ?? a.length;
  return [a.slice(at - 80, at + 80), b.slice(at - 80, at + 80)];
}

describe.skipIf(chromiumPath === undefined)(
  "a live page (needs Chromium: apt-get install chromium)",
  () => {
    const cwd = newFolder();
    const words = (iterations: number, images: number, out: string): string[] => [
      ...["correct", MODEL, "--data", `digits:train[0:${images}]`, "--points", "points.npz"],
      ...["--iterations", String(iterations), "--alphas", "3", "--threads", "1"],
      ...["--out", out, "--watch"],
    ];
    let browser: Browser;
    let own: Watched;
    beforeAll(async () => {
      const model = await openModel(MODEL);
      const data = await openData("digits:train[0:300]");
      const found = await attack(model, { data, eps: 0.1, worst: 4, steps: 5, threads: 0 });
      await model.close();
      writeFileSync(join(cwd, "points.npz"), writePoints(found.points));
      browser = await openBrowser();
    });
    afterAll(() => browser?.close());
    const origins = ({ requests }: Watched): string[] => [
      ...new Set(requests.map((url) => new URL(url).origin)),
    ];

    itLong(
      "follows its run through a lost connection and a reload, and stops it as Ctrl-C does",
      async () => {
        const { address, ended } = await serving(words(LONG, 4000, "STOPPED"), cwd);
        const cable = await cableTo(address);
        own = await openPage(browser, cable.address);
        const { page } = own;
        await until(async () => (await iterationOn(page)) > 0);
        const from = await iterationOn(page);
        cable.cut();
        await page.getByText("Connection lost, trying again.").waitFor();
        cable.mend();
        await page.getByText("Running.").waitFor();
        await until(async () => (await iterationOn(page)) > from);
        await page.reload();
        expect(await iterationOn(page)).toBeGreaterThan(from);
        await page.getByRole("button", { name: "Stop the run" }).click();
        await page.getByRole("button", { name: "Stop it" }).click();
        const { code, stderr } = await ended;
        expect(code, stderr).toBe(1);
        await page.getByText("The run was stopped.").waitFor();
        expect(await said(page)).toContain("--resume goes on with it");
        const state = await lookAtState(join(cwd, "STOPPED"));
        expect(state?.iterations).toHaveLength(await iterationOn(page));
        cable.close();
        // Of a connection that is lost the browser itself says a word.
        expect(own.errors.filter((error) => !error.includes("ERR_"))).toEqual([]);
        expect(origins(own)).toEqual([new URL(cable.address).origin]);
        await makeAll(page); // so that nothing is drawn while the rules are asked
        expect(await faultsOf(page)).toEqual([]);
        await page.close();
      },
    );

    it("follows a run to its end, and then is as its file", async () => {
      const { address, ended } = await serving(words(6, 400, "RUN"), cwd);
      own = await openPage(browser, address);
      const { page } = own;
      const { code, stderr } = await ended;
      expect(code, stderr).toBe(0);
      await page.getByText("The run has finished.").waitFor();
      expect([own.errors, origins(own)]).toEqual([[], [new URL(address).origin]]);
      const report = await temper(["report", "RUN", "--out", "file.html"], { cwd });
      expect(report.code, report.stderr).toBe(0);
      const file = await openPage(browser, join(cwd, "file.html"));
      expect(differenceOf(await contentOf(page), await contentOf(file.page))).toBeUndefined();
      await page.close();
      await file.page.close();
    });

    itLong(
      "of a finished run chooses what select chooses, and stays when its server is gone",
      async () => {
        const server = await serveRun(join(cwd, "RUN"));
        own = await openPage(browser, server.address);
        const { page } = own;
        await page.getByText("The run has finished.").waitFor();
        const before = await contentOf(page);
        await page.reload();
        await page.getByText("The run has finished.").waitFor();
        expect(differenceOf(await contentOf(page), before)).toBeUndefined();
        const run = await openRun(join(cwd, "RUN"));
        for (let n = 1; n <= 20; n++) {
          await page.locator("#weight").fill(String(n / 20));
          const id = idOf(run.select(n / 20));
          expect(await page.locator(".card code").textContent(), id).toContain(
            `--candidate ${id} `,
          );
        }
        await page.locator("#weight").fill(String(run.record.options.weight));
        const [download] = await Promise.all([
          page.waitForEvent("download"),
          page.getByRole("link", { name: "Download its ONNX file" }).click(),
        ]);
        expect(readFileSync(await download.path())).toEqual(
          readFileSync(join(cwd, "RUN/corrected.onnx")),
        );
        await server.close("followed");
        await page.getByText("needs no server").waitFor();
        expect(own.errors).toEqual([]);
        await page.close();
      },
    );
  },
);
