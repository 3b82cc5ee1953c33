// temper report: a finished run, or several, as a page, as figures, as a table, as a summary for a pull request.
import { readFile } from "node:fs/promises";
import type { Command } from "commander";
import { writeAtomic } from "../../data/write.ts";
import { TemperError } from "../../errors.ts";
import { type Kind, text } from "../../options/kinds.ts";
import { chartSvg, svgToPng } from "../../report/chart.ts";
import { csvOf, csvOfRuns } from "../../report/csv.ts";
import type { EvaluationDocument, RunDocument } from "../../report/document.ts";
import { readEvaluation } from "../../report/evaluation.ts";
import { gatherRun } from "../../report/gather.ts";
import { GENERATOR, reportHtml } from "../../report/html.ts";
import { summaryOf } from "../../report/markdown.ts";
import {
  type FinishedRun,
  type Judged,
  judge,
  parseRequirements,
  requirable,
} from "../../report/require.ts";
import { tradeOff } from "../../report/trade-off.ts";
import { openRun } from "../../run/folder/open.ts";
import type { Run } from "../../run/run.ts";
import { versions } from "../../run/versions.ts";
import type { Context } from "../context.ts";
import { addFlags } from "../flags.ts";
import { checkOutput, refuseInsideRun } from "../open.ts";
import { workFlags } from "../shared-flags.ts";

/** The files that can be asked for, by their flags. */
const kinds = { out: ".html", svg: ".svg", png: ".png", csv: ".csv", md: ".md" } as const;
type Output = keyof typeof kinds;
const outputs = Object.keys(kinds) as Output[];

/** What is written where no file is asked for. */
const PAGE = "report.html";

interface Flags extends Partial<Record<Exclude<Output, "md">, string>> {
  /** true: on stdout. */
  readonly md?: string | true;
  readonly evaluation?: string;
  readonly require?: string;
  readonly json?: boolean;
}

async function run(folders: readonly string[], flags: Flags, context: Context): Promise<void> {
  const { md, json, evaluation: path } = flags;
  if (md === true && json === true) {
    throw new TemperError(
      "bad-option",
      "--md and --json both print on stdout; give --md FILE, as in --md summary.md",
    );
  }
  const requirements = flags.require === undefined ? [] : parseRequirements(flags.require);
  const files = await filesOf(folders, flags);
  const evaluation = path === undefined ? undefined : await readEvaluation(path);
  const runs = await runsIn(folders, evaluation);
  const judged = runs.flatMap((one) => judge(one, requirements));
  for (const output of outputs) {
    const file = files[output];
    if (file !== undefined) await writeAtomic(file, await contentOf(output, runs, judged));
  }
  tell(runs, { files, judged, md, json }, context);
  if (judged.some(({ met }) => !met)) process.exitCode = 1;
}

/** Where each file goes; all are checked before any work is done for them. */
async function filesOf(
  folders: readonly string[],
  flags: Flags,
): Promise<Partial<Record<Output, string>>> {
  const none = outputs.every((output) => flags[output] === undefined);
  const files: Partial<Record<Output, string>> = none ? { out: PAGE } : {};
  for (const output of outputs) {
    const path = flags[output] ?? files[output];
    if (typeof path !== "string") continue;
    await checkOutput(path, kinds[output]);
    for (const folder of folders) refuseInsideRun(path, folder);
    files[output] = path;
  }
  if (none) await refuseOther(PAGE);
  return files;
}

/** A file that is named is replaced; one that only has the usual name is replaced where it is a page of ours. */
async function refuseOther(path: string): Promise<void> {
  const there = await readFile(path, "utf8").catch(() => undefined);
  if (there === undefined || there.includes(GENERATOR)) return;
  throw new TemperError(
    "file-exists",
    `"${path}" exists and is no page of Temper\ngive --out FILE, which replaces what is there`,
  );
}

/** A run that was opened once, for all that is written of it. */
type OpenedRun = FinishedRun & { readonly run: Run };

/** What is known of each run without its pictures. */
async function runsIn(
  folders: readonly string[],
  evaluation: EvaluationDocument | undefined,
): Promise<OpenedRun[]> {
  const runs: OpenedRun[] = [];
  for (const name of folders) {
    const run = await openRun(name);
    const { record, timings } = run;
    runs.push({ name, run, record, timings, ...(evaluation && { evaluation }) });
  }
  return runs;
}

async function contentOf(
  output: Output,
  runs: readonly OpenedRun[],
  judged: readonly Judged[],
): Promise<string | Uint8Array> {
  switch (output) {
    case "out":
      return pageOf(runs);
    case "svg":
      return figureOf(runs);
    case "png":
      return svgToPng(await figureOf(runs));
    case "csv":
      return runs.length === 1 ? csvOf(runs[0]) : csvOfRuns(runs);
    case "md":
      return summaryOf(runs, judged);
  }
}

async function pageOf(runs: readonly OpenedRun[]): Promise<string> {
  const documents: RunDocument[] = [];
  for (const { name, ...opened } of runs) documents.push(await gatherRun(name, opened));
  return reportHtml({ temper: versions().temper, runs: documents });
}

/** The trade-off; several runs lie in one plane. */
const figureOf = (runs: readonly FinishedRun[]): Promise<string> =>
  chartSvg((plot) =>
    tradeOff(
      plot,
      runs.map(({ name, record: { pool, choice } }) => ({ name, pool, choice })),
    ),
  );

/** Says what was written and what is not met. */
function tell(
  runs: readonly FinishedRun[],
  {
    files,
    judged,
    md,
    json,
  }: {
    readonly md: Flags["md"] | undefined;
    readonly json: boolean | undefined;
    readonly files: Partial<Record<Output, string>>;
    readonly judged: readonly Judged[];
  },
  { print, printJson, progress }: Context,
): void {
  const counted = runs.map(({ name, record: { pool } }) => ({
    run: name,
    candidates: pool.length,
    front: pool.filter(({ front }) => front).length,
  }));
  for (const { run, text, met, said } of judged) {
    if (!met) progress.line(`not met by ${run}: ${text}: ${said}`);
  }
  if (json === true) {
    const written = Object.fromEntries(outputs.map((output) => [output, files[output] ?? null]));
    printJson({ ...written, runs: counted, required: judged });
    return;
  }
  // With the summary on stdout all else is said beside it.
  const say = md === true ? progress.line : print;
  if (md === true) print(summaryOf(runs, judged).trimEnd());
  const named = runs.length > 1;
  for (const { run, candidates, front } of counted) {
    say(`${named ? `${run}: ` : ""}${candidates} candidates, ${front} on the efficient front`);
  }
  const met = judged.filter((one) => one.met);
  for (const { run, text, said } of met) say(`met${named ? ` by ${run}` : ""}: ${text}: ${said}`);
  for (const output of outputs) {
    const file = files[output];
    if (file !== undefined) say(`written to ${file}`);
  }
}

/** A file, or nothing, which is stdout. */
const fileOrStdout: Kind<string> = {
  placeholder: "[file]",
  expected: "a name that ends in .md, or nothing behind it: RUN stands before --md",
  holds: (value) => typeof value === "string" && value.endsWith(kinds.md),
  read: (given) => given,
};

export function addReport(program: Command, context: Context): void {
  const command = program
    .command("report")
    .summary("look at a finished run: a page, figures, a summary for CI")
    .description(
      "Makes one HTML file of a RUN, or of several on one plane: the trade-off to choose on, before and after, the " +
        "points, the run. It opens from disk and asks no network for anything. Without a file option it is " +
        `${PAGE}; with some, only these are written. RUN itself never changes.`,
    )
    .argument("<run...>", "folders written by temper correct");
  const file = (kind: Kind<string>, help: string) => ({
    ...{ kind, help },
    group: "What comes out",
    everyday: true,
  });
  const { json, config } = workFlags;
  addFlags(command, {
    evaluation: {
      ...file(text("<file>"), "accuracy under attack: what temper evaluate --json printed"),
      group: "What goes in",
    },
    out: file(text("<file>"), `the page (default: ${PAGE}, where no other file is asked for)`),
    svg: file(text("<file>"), "the trade-off as SVG"),
    png: file(text("<file>"), "the trade-off as PNG"),
    csv: file(text("<file>"), "every candidate, one row each"),
    md: file(fileOrStdout, "a summary of twenty lines for a pull request (default: on stdout)"),
    require: {
      ...file(
        text("<list>"),
        'end with 1 unless all of these are met, as "corrected=all, clean>=-0.5"',
      ),
    },
    json: { ...json, everyday: true },
    config,
  })
    .addHelpText(
      "after",
      `\nWhat --require understands, separated by commas and in quotes:\n  ${requirable.join("\n  ")}\n` +
        "\nExamples:\n  temper report RUN\n  temper report RUN OTHER --out both.html --png both.png\n" +
        '  temper report RUN --md summary.md --require "corrected=all, clean>=-0.5"',
    )
    .action((folders: string[], flags: Flags) => run(folders, flags, context));
}
