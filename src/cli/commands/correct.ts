// temper correct: the main job.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { attack } from "../../attack/attack.ts";
import { type AttackName, attackNames, attackOptions } from "../../attack/options.ts";
import type { Contradiction } from "../../correct/elastic.ts";
import { checkDataset, type Dataset } from "../../data/dataset.ts";
import { type LossName, lossNames } from "../../engine/losses.ts";
import type { Model } from "../../engine/model.ts";
import { TemperError } from "../../errors.ts";
import { correct } from "../../run/correct.ts";
import { checkFolder, RECORD } from "../../run/folder.ts";
import { correctOptions, type Recipe, recipes } from "../../run/options.ts";
import type { PointOrigin, Run, RunRecord } from "../../run/record.ts";
import { POINTS } from "../../run/run.ts";
import { measuredHeadings, measuredRow } from "../candidates.ts";
import type { Context } from "../context.ts";
import { iterationHeading, iterationRow } from "../iterations.ts";
import { openDataset, openModelFile } from "../open.ts";
import {
  type AttackFlags,
  attackRequest,
  type CommonFlags,
  type DataFlags,
  type ModelFlags,
  withAttack,
  withAugment,
  withCommon,
  withModel,
  withTrainable,
} from "../options.ts";
import { count, number, oneOf, penalty } from "../parse.ts";
import { percent, table } from "../table.ts";

interface Flags extends CommonFlags, DataFlags, ModelFlags, AttackFlags {
  readonly data: string;
  readonly out: string;
  readonly points?: string;
  readonly worst?: number;
  readonly random?: number;
  readonly attack: AttackName;
  readonly eps?: number;
  readonly recipe: Recipe;
  readonly iterations?: number;
  readonly alphas?: number;
  readonly weight?: number;
  readonly margin?: number;
  readonly radius?: number;
  readonly lossSlack?: number;
  readonly penalty?: number | "inf";
  readonly loss?: LossName;
  readonly tolerance?: number;
  readonly fullPool?: boolean;
  readonly validate?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
}

/** Exactly one source of points, and a radius where they are to be attacked. */
function checkSource({ points, worst, random, eps }: Flags): void {
  const given = [points, worst, random].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new TemperError(
      "bad-option",
      `${given === 0 ? "no points given" : "several sources of points given"}: ` +
        "give one of --points DATA, --worst N, --random N",
    );
  }
  if (points === undefined && eps === undefined) {
    throw new TemperError(
      "bad-option",
      `${worst === undefined ? "--random" : "--worst"} attacks the data and needs --eps, as in --eps 0.1`,
    );
  }
}

async function pointsOf(
  model: Model,
  data: Dataset,
  flags: Flags,
  context: Context,
): Promise<Dataset> {
  // Points are what is to be corrected, as they are: --augment is for the data.
  const { dataDir } = flags;
  if (flags.points !== undefined) return openDataset(flags.points, { dataDir }, context);
  // A run that is taken up again has its points already: the attack is not made twice.
  const kept = join(flags.out, POINTS);
  if (flags.resume === true && existsSync(kept)) {
    return openDataset(kept, { dataDir }, context);
  }
  const found = await attack(model, {
    ...attackRequest(flags, flags.attack, flags.eps!),
    data,
    worst: flags.worst,
    random: flags.random,
    threads: flags.threads,
    signal: context.signal,
    onProgress: (done, of) => context.progress.update(flags.attack, done, of),
  });
  for (const note of found.notes) context.progress.line(`note: ${note}`);
  return found.points;
}

/** What the record says of points that were found by an attack. */
function originOf(flags: Flags): PointOrigin | undefined {
  if (flags.points !== undefined) return undefined;
  const { worst, random } = flags;
  return { attack: attackOptions(attackRequest(flags, flags.attack, flags.eps!)), worst, random };
}

function endInWords({ end, iterations }: RunRecord): string | undefined {
  const last = iterations.at(-1);
  switch (end) {
    case "iterations":
      return undefined;
    case "corrected-already":
      return "no point to correct: the model already gets all of them right; it is unchanged";
    case "repeated-anchor":
      return `ended in iteration ${last?.iteration}: its parameters repeat those of iteration ${last?.anchor?.repeats}`;
    case "not-finite":
      return `ended after iteration ${last?.iteration}: its loss or gradients are not finite`;
    case "contradiction":
      return `ended in iteration ${last?.iteration}: no parameters near the model's own meet its cuts`;
  }
}

const conflictInWords = ({ iteration, rows, points, loss, penalty }: Contradiction): string =>
  `iteration ${iteration}: its ${rows} cuts contradict each other ` +
  `(points ${points.join(", ")}${loss ? ", the loss" : ""})` +
  (penalty === null ? "" : `; from here on they are elastic, at ${penalty.toPrecision(3)} a unit`);

/** A run is a success when it lowers the violation, or had nothing to do. */
const succeeded = ({ record, before, after }: Run): boolean =>
  record.end === "corrected-already" || after.violation < before.violation;

function validationInWords({ record, choice }: Run): string | undefined {
  const { validation } = record;
  const chosen = validation?.front.find(
    ({ iteration, step }) => iteration === choice.iteration && step === choice.step,
  );
  if (validation === undefined || chosen === undefined) return undefined;
  return (
    `held-out accuracy ${percent(validation.before)} before, ${percent(chosen.accuracy)} after; ` +
    `${chosen.negativeFlips} of ${validation.count} images were right and are now wrong`
  );
}

function printRun(run: Run, folder: string, context: Context): void {
  const { record, before, after, front, timings } = run;
  const note = endInWords(record);
  if (note !== undefined) context.print(note);
  context.print(
    table(measuredHeadings, [measuredRow("before", before), measuredRow("after", after)]),
  );
  const held = validationInWords(run);
  if (held !== undefined) context.print(held);
  if (record.wrong.length > 0) context.print(`still wrong: point ${record.wrong.join(", ")}`);
  context.print(
    `${front.length} of ${record.pool.length} candidates on the efficient front; ` +
      `"temper select ${folder} --weight 0.2" chooses again`,
  );
  context.print(
    `distance ${record.distance.toPrecision(4)}, ${timings.seconds.toFixed(1)} s, written to ${folder}`,
  );
}

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  checkSource(flags);
  const options = correctOptions(flags);
  if (flags.resume === true && flags.force === true) {
    throw new TemperError(
      "bad-option",
      "--resume continues a run and --force replaces it; give one of them",
    );
  }
  if (flags.resume !== true) await checkFolder(flags.out, flags.force === true);
  const model = await openModelFile(path, flags);
  const data = await openDataset(flags.data, flags, context);
  const validation =
    flags.validate === undefined ? undefined : await openDataset(flags.validate, flags, context);
  for (const set of [data, ...(validation === undefined ? [] : [validation])]) {
    checkDataset(set, { shape: model.inputShape, labels: model.labels });
  }
  const points = await pointsOf(model, data, flags, context);
  if (points.count === 0) {
    await model.close();
    context.progress.stop();
    if (flags.json === true) context.printJson({ end: "corrected-already", points: 0, out: null });
    else
      context.print(
        "no point to correct: the attack turned no image; the model is unchanged, nothing written",
      );
    return;
  }
  let headed = false;
  const finished = await correct(model, {
    ...options,
    data,
    points,
    validation,
    origin: originOf(flags),
    threads: flags.threads,
    signal: context.signal,
    folder: flags.out,
    resume: flags.resume,
    force: flags.force,
    paths: { model: resolve(path), data: data.name, points: points.name },
    onProgress: (stage, done, of) => context.progress.update(stage, done, of),
    onContradiction: (found) => context.progress.line(conflictInWords(found)),
    onIteration: (record) => {
      if (!headed) context.progress.line(iterationHeading());
      headed = true;
      context.progress.line(iterationRow(record));
    },
  });
  await model.close();
  context.progress.stop();
  if (flags.json === true) {
    const { pool: _, ...record } = finished.record;
    context.printJson({ ...record, chosen: finished.choice, seconds: finished.timings.seconds });
  } else {
    printRun(finished, flags.out, context);
  }
  if (!succeeded(finished)) {
    context.progress.line("nothing improved");
    process.exitCode = 1;
  }
}

/** A stop on request says how to go on. */
async function runOrStop(path: string, flags: Flags, context: Context): Promise<void> {
  try {
    await run(path, flags, context);
  } catch (error) {
    if (!(error instanceof TemperError) || error.code !== "aborted") throw error;
    const kept = existsSync(join(flags.out, RECORD));
    throw new TemperError(
      "aborted",
      kept
        ? `stopped on request; "${flags.out}" keeps the run so far\nthe same command with --resume continues it`
        : "stopped on request, before the first iteration; nothing was written",
    );
  }
}

export function addCorrect(program: Command, context: Context): void {
  const command = program
    .command("correct")
    .summary("correct a model on given points: the main job")
    .description(
      "Finds the model nearest to MODEL that gets the points right while the loss on DATA is held close, " +
        "and writes a RUN folder: corrected.onnx, points.npz, run.json, timings.json, directions.npz. " +
        "Points come from a file (--points), or from attacking DATA (--worst, --random, with --eps).",
    )
    .argument("<model>", "ONNX file")
    .requiredOption(
      "--data <data>",
      "training data, on which the loss is held: mnist:train, file.npz, ...",
    )
    .option(
      "--points <data>",
      "the inputs to get right, with their true labels: points.npz of temper attack",
    )
    .option(
      "--worst <n>",
      "attack DATA and take the n worst points, n / labels of each label",
      count(),
    )
    .option("--random <n>", "attack DATA and take n broken points in a seeded order", count())
    .requiredOption("--out <run>", "folder to write")
    .option(
      "--resume",
      "continue the run that stopped in the folder, with the result of an uninterrupted one",
    )
    .option("--force", "replace the run that is in the folder")
    .option(
      "--recipe <name>",
      "standard: margin 0.1. paper: margin 0, as in the paper's tables",
      oneOf(recipes),
      "standard",
    )
    .option("--iterations <n>", "rounds of cuts (default: 20)", count())
    .option("--alphas <n>", "points looked at along each direction (default: 10)", count())
    .option(
      "--weight <w>",
      "0 chooses the lowest violation, 1 the lowest loss (default: 0)",
      number({ min: 0, max: 1 }),
    )
    .option("--margin <m>", "ask for f_l + m <= f_y (default: 0.1; paper: 0)", number({ min: 0 }))
    .option(
      "--radius <rho>",
      "robust cuts (18): ask every cut in the ball of this radius in pixels (default: 0)",
      number({ min: 0 }),
    )
    .option(
      "--loss-slack <delta>",
      "let the training loss rise by this much (default: 0)",
      number({ min: 0 }),
    )
    .option(
      "--penalty <c>",
      "elastic cuts: the price of a unit of violation, or inf: hard until they contradict each other (default: inf)",
      penalty,
    )
    .option(
      "--loss <name>",
      "the training loss: cross-entropy or brier (default: cross-entropy)",
      oneOf(lossNames),
    )
    .option(
      "--tolerance <t>",
      "a violation below this share of the first counts as zero when choosing (default: 1e-4)",
      number({ min: 0, max: 1 }),
    )
    .option(
      "--validate <data>",
      "held-out data: accuracy, and images right before and wrong after, of every candidate of the front",
    )
    .option(
      "--full-pool",
      "evaluate the loss of every candidate to the end; the front and the choice are the same without",
    )
    .option("--attack <name>", "with --worst or --random: fgsm or pgd", oneOf(attackNames), "pgd")
    .option("--eps <radius>", "with --worst or --random: radius of the ball", number({ min: 0 }));
  withTrainable(withModel(withAttack(withAugment(withCommon(command)))))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  temper correct model.onnx --data mnist:train --points points.npz --out RUN\n" +
        "  temper correct model.onnx --data digits:train --worst 10 --eps 0.1 --out RUN",
    )
    .action((path: string, flags: Flags) => runOrStop(path, flags, context));
}
