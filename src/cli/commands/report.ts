// temper report: a finished run, or several, as a page, as figures, as a table, as a summary for a pull request.
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Command } from "commander";
import { writeAtomic } from "../../data/write.ts";
import { TemperError } from "../../errors.ts";
import { type Kind, text } from "../../options/kinds.ts";
import { chartSvg, svgToPng } from "../../report/chart.ts";
import { csvOf, csvOfRuns } from "../../report/csv.ts";
import type { EvaluationDocument, RunDocument } from "../../report/document.ts";
import { readEvaluation } from "../../report/evaluation.ts";
import { figuresOf, tradeOffFigure } from "../../report/figures.ts";
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

/** Each figure is written as both. */
const figureKinds = ["svg", "png"] as const;

/** What is written where no file is asked for. */
const PAGE = "report.html";

interface Flags extends Partial<Record<Exclude<Output, "md">, string>> {
  /** true: on stdout. */
  readonly md?: string | true;
  readonly figures?: string;
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
  let gathered: Promise<RunDocument[]> | undefined;
  const documents = (): Promise<RunDocument[]> => {
    gathered ??= documentsOf(runs);
    return gathered;
  };
  for (const output of outputs) {
    const file = files[output];
    if (file === undefined) continue;
    await writeAtomic(file, await contentOf(output, runs, { judged, documents }));
  }
  const figures =
    flags.figures === undefined ? [] : await writeFigures(flags.figures, await documents());
  tell(runs, { files, figures, judged, flags }, context);
  if (judged.some(({ met }) => !met)) process.exitCode = 1;
}

/** Where each file goes; all are checked before any work is done for them. */
async function filesOf(
  folders: readonly string[],
  flags: Flags,
): Promise<Partial<Record<Output, string>>> {
  const { figures } = flags;
  const none = figures === undefined && outputs.every((output) => flags[output] === undefined);
  const files: Partial<Record<Output, string>> = none ? { out: PAGE } : {};
  for (const output of outputs) {
    const path = flags[output] ?? files[output];
    if (typeof path !== "string") continue;
    await checkOutput(path, kinds[output]);
    for (const folder of folders) refuseInsideRun(path, folder);
    files[output] = path;
  }
  if (none) await refuseOther(PAGE);
  for (const folder of folders) if (figures !== undefined) refuseInsideRun(figures, folder);
  return files;
}

/** Writes every figure into a folder, as SVG and as PNG. */
async function writeFigures(folder: string, runs: readonly RunDocument[]): Promise<string[]> {
  await mkdir(folder, { recursive: true });
  const paths: string[] = [];
  for (const { name, describe } of figuresOf(runs)) {
    const svg = await chartSvg(describe);
    for (const kind of figureKinds) {
      const path = join(folder, `${name}.${kind}`);
      await writeAtomic(path, kind === "svg" ? svg : await svgToPng(svg));
      paths.push(path);
    }
  }
  return paths;
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
  {
    judged,
    documents,
  }: {
    readonly judged: readonly Judged[];
    /** What pages and figures are made of, which takes more than the summary does. */
    readonly documents: () => Promise<RunDocument[]>;
  },
): Promise<string | Uint8Array> {
  const tradeOff = (): Promise<string> => chartSvg(tradeOffFigure(runs).describe);
  switch (output) {
    case "out":
      return reportHtml({ temper: versions().temper, runs: await documents() });
    case "svg":
      return tradeOff();
    case "png":
      return svgToPng(await tradeOff());
    case "csv":
      return runs.length === 1 ? csvOf(runs[0]) : csvOfRuns(runs);
    case "md":
      return summaryOf(runs, judged);
  }
}

async function documentsOf(runs: readonly OpenedRun[]): Promise<RunDocument[]> {
  const documents: RunDocument[] = [];
  for (const { name, ...opened } of runs) documents.push(await gatherRun(name, opened));
  return documents;
}

/** Says what was written and what is not met. */
function tell(
  runs: readonly FinishedRun[],
  {
    files,
    figures,
    judged,
    flags: { md, json, figures: folder },
  }: {
    readonly files: Partial<Record<Output, string>>;
    readonly figures: readonly string[];
    readonly judged: readonly Judged[];
    readonly flags: Flags;
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
    printJson({ ...written, figures, runs: counted, required: judged });
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
  if (folder !== undefined) say(`${figures.length} files written to ${folder}`);
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
    figures: file(text("<dir>"), "every figure as SVG and PNG, into this folder"),
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
        "\nExamples:\n  temper report RUN\n  temper report RUN OTHER --out both.html --figures figures\n" +
        '  temper report RUN --md summary.md --require "corrected=all, clean>=-0.5"',
    )
    .action((folders: string[], flags: Flags) => run(folders, flags, context));
}
