// npm run bench -- page: how quick the page of a run is, of 201 candidates and of 9,001.
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import type { Command } from "commander";
import type { Context } from "../../src/cli/context.ts";
import { writeAtomic } from "../../src/data/write.ts";
import { attack, correct, openData, openModel, TemperError } from "../../src/index.ts";
import { gatherRun } from "../../src/report/gather.ts";
import { reportHtml } from "../../src/report/html.ts";
import { versions } from "../../src/run/versions.ts";
import { chromiumPath, openBrowser } from "../../test/helpers/browser.ts";
import { type BenchFlags, openOutput, withBench, workOf } from "../command.ts";
import { markdownTable } from "../markdown.ts";
import { measurePage, type PageSpeed } from "./measure.ts";

const MODEL = fileURLToPath(new URL("../../models/digits-cnnlight.onnx", import.meta.url));

/** Steps along each of the 20 lines of a run. */
const ALPHAS = [10, 450];

async function run(flags: BenchFlags, context: Context): Promise<void> {
  const publish = await openOutput(flags, "page", context);
  if (chromiumPath === undefined) {
    throw new TemperError(
      "file-missing",
      "no Chromium to open the page in\napt-get install chromium, or name one in TEMPER_CHROMIUM",
    );
  }
  const folder = resolve(flags.out, "page");
  await mkdir(folder, { recursive: true });
  const pages: { readonly path: string; readonly candidates: number }[] = [];
  for (const alphas of ALPHAS) pages.push(await pageOf(alphas, folder, flags, context));
  const browser = await openBrowser();
  const measured: PageSpeed[] = [];
  try {
    for (const { path, candidates } of pages) {
      measured.push(await measurePage(browser, path, candidates));
    }
  } finally {
    await browser.close();
  }
  await publish(join(folder, "page.md"), markdownOf(measured), { pages: measured });
}

/** A run of the built-in digits, the one that lies there where its inputs are the same, and its page. */
async function pageOf(
  alphas: number,
  out: string,
  flags: BenchFlags,
  context: Context,
): Promise<{ readonly path: string; readonly candidates: number }> {
  const { seed, threads, signal, onProgress } = workOf(flags, context);
  const work = { seed, threads, signal, onProgress };
  const model = await openModel(MODEL);
  const data = await openData("digits:train[0:300]");
  const { points } = await attack(model, { ...work, data, eps: 0.1, worst: 10, steps: 10 });
  const folder = join(out, `run-${alphas}`);
  const run = await correct(model, { ...work, data, points, alphas, folder, resume: true });
  await model.close();
  const path = join(out, `report-${alphas}.html`);
  const runs = [await gatherRun(folder, { run })];
  await writeAtomic(path, await reportHtml({ temper: versions().temper, runs }));
  return { path, candidates: run.pool.length };
}

const markdownOf = (pages: readonly PageSpeed[]): string =>
  markdownTable(
    [
      "candidates",
      "file, KB",
      "interactive after, ms",
      "a step of the slider, ms, median",
      "worst of its steps, ms",
    ],
    pages.map(({ candidates, bytes, interactive, step }) => [
      candidates.toLocaleString("en"),
      String(Math.round(bytes / 1000)),
      String(Math.round(interactive)),
      step.median.toFixed(1),
      step.worst.toFixed(1),
    ]),
  );

export function addPage(program: Command, context: Context): void {
  const command = program
    .command("page")
    .summary("how quick the page of a run is in Chromium")
    .description(
      "Corrects the shipped network with 10 and with 450 steps a line, 201 candidates and 9,001, and opens their " +
        "pages in Chromium: how long until they can be used, and what a step of the slider takes.",
    );
  withBench(command, "page")
    .addHelpText("after", "\nExample:\n  npm run bench -- page --into docs/notes/performance.md")
    .action((flags: BenchFlags) => run(flags, context));
}
