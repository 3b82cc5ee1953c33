// temper correct: the main job.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { attack } from "../../attack/attack.ts";
import { type AttackName, attackNames, attackOptions } from "../../attack/options.ts";
import { sample } from "../../attack/sample.ts";
import { checkDataset, type Dataset } from "../../data/dataset.ts";
import type { DataOptions } from "../../data/open.ts";
import { workOfPasses } from "../../engine/flops.ts";
import { type LossName, lossNames } from "../../engine/losses.ts";
import type { Model } from "../../engine/model.ts";
import { TemperError } from "../../errors.ts";
import type { RobustCall } from "../../run/call.ts";
import { correct } from "../../run/correct.ts";
import { checkFolder, RECORD, recordIn } from "../../run/folder.ts";
import { type CorrectRequest, correctOptions, type Recipe, recipes } from "../../run/options.ts";
import type { PointOrigin, Run } from "../../run/record.ts";
import { type RobustRequest, robustOptions } from "../../run/robust-options.ts";
import { POINTS } from "../../run/run.ts";
import type { Context } from "../context.ts";
import { conflictInWords, printRun, succeeded } from "../correction.ts";
import { growing } from "../growing.ts";
import { iterationTable } from "../iterations.ts";
import { openDataset, openModelFile } from "../open.ts";
import {
  ATTACK_WORDS,
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
import { count, number, oneOf } from "../parse.ts";
import { growingCandidates, type RobustFlags, refuseOtherRecipe, withRobust } from "../robust.ts";
import { type SubproblemFlags, withSubproblem } from "../subproblem.ts";

interface Flags
  extends CommonFlags,
    DataFlags,
    ModelFlags,
    AttackFlags,
    RobustFlags,
    SubproblemFlags {
  readonly data: string;
  readonly out: string;
  readonly points?: string;
  readonly worst?: number;
  readonly random?: number;
  readonly attack: AttackName;
  readonly eps?: number;
  readonly recipe: Recipe | "robust";
  readonly iterations?: number;
  readonly alphas?: number;
  readonly weight?: number;
  readonly margin?: number;
  readonly loss?: LossName;
  readonly tolerance?: number;
  readonly fullPool?: boolean;
  readonly reattack?: boolean;
  readonly pointsPerSource?: number;
  readonly reach?: number;
  readonly validate?: string;
  readonly force?: boolean;
  readonly resume?: boolean;
}

/** Exactly one source of points, and a radius where they are to be attacked. */
function checkSource({ points, worst, random, eps, reattack, ...flags }: Flags): void {
  const given = [points, worst, random].filter((value) => value !== undefined).length;
  if (given !== 1) {
    throw new TemperError(
      "bad-option",
      `${given === 0 ? "no points given" : "several sources of points given"}: ` +
        "give one of --points DATA, --worst N, --random N",
    );
  }
  for (const [word, value] of [
    ["--points-per-source", flags.pointsPerSource],
    ["--reach", flags.reach],
  ]) {
    if (value !== undefined && reattack !== true)
      throw new TemperError("bad-option", `${word} needs --reattack`);
  }
  if ((points === undefined || reattack === true) && eps === undefined) {
    const word = reattack === true ? "--reattack" : worst === undefined ? "--random" : "--worst";
    throw new TemperError(
      "bad-option",
      `${word} attacks the data and needs --eps, as in --eps 0.1`,
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
  if (flags.points !== undefined) {
    if (flags.eps !== undefined && flags.reattack !== true)
      context.progress.line("note: --points are taken as they are; --eps attacks nothing here");
    return openDataset(flags.points, { dataDir }, context);
  }
  // A run that is taken up again has its points already: the attack is not made twice.
  const { reattack, random: limit, seed } = flags;
  if (reattack === true && limit !== undefined) return sample(data, { limit, seed });
  const kept = join(flags.out, POINTS);
  if (flags.resume === true && reattack !== true && existsSync(kept)) {
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

/** Opens what both kinds of recipe need; refuses before anything is computed. */
async function openInputs(
  path: string,
  flags: Flags,
  context: Context,
): Promise<{ model: Model; data: Dataset; validation: Dataset | undefined }> {
  if (flags.resume === true && flags.force === true) {
    throw new TemperError(
      "bad-option",
      "--resume continues a run and --force replaces it; give one of them",
    );
  }
  refuseOtherRecipe(flags.recipe, flags);
  const resumes = flags.resume === true && (await recordIn(flags.out));
  if (!resumes) await checkFolder(flags.out, flags.force === true);
  const model = await openModelFile(path, flags);
  const data = await openDataset(flags.data, flags, context);
  // Held-out data are what the model will meet, as they are: --augment is for the data.
  const { validate, dataDir } = flags;
  const validation =
    validate === undefined ? undefined : await openDataset(validate, { dataDir }, context);
  for (const set of [data, ...(validation === undefined ? [] : [validation])]) {
    checkDataset(set, { shape: model.inputShape, labels: model.labels });
  }
  return { model, data, validation };
}

/** What every recipe is called with. */
const shared = (path: string, flags: Flags, { signal, progress }: Context, data: Dataset) => ({
  data,
  threads: flags.threads,
  signal,
  folder: flags.out,
  resume: flags.resume,
  force: flags.force,
  paths: { model: resolve(path), data: data.name },
  onProgress: (stage: string, done: number, of: number) => progress.update(stage, done, of),
});

async function runRobust(path: string, flags: Flags, context: Context): Promise<Run> {
  const request: RobustRequest = {
    ...flags,
    recipe: "robust",
    attack: attackRequest(flags, flags.attack, flags.eps!),
  };
  const asked = flags.eps === undefined ? { ...request, attack: undefined! } : request;
  robustOptions(asked); // refuses a wrong option before anything is read
  const { model, data, validation } = await openInputs(path, flags, context);
  const options = robustOptions(asked, workOfPasses(model.network).forward);
  const open = (name: string | undefined, how: DataOptions): Promise<Dataset> | undefined =>
    name === undefined ? undefined : openDataset(name, how, context);
  const points = await open(flags.points, { dataDir: flags.dataDir });
  const sourcesFrom = await open(flags.sourcesFrom, flags);
  const show = growingCandidates(context);
  const { alphas: _, ...stated } = options;
  const call = shared(path, flags, context, data);
  const robust: RobustCall = {
    ...stated,
    ...call,
    validation,
    points,
    sourcesFrom,
    paths: { ...call.paths, ...(points === undefined ? {} : { points: points.name }) },
    onProgress: () => {},
    onIteration: (record) => {
      context.progress.update("robust", record.iteration, options.iterations);
      show(record);
    },
  };
  const finished = await correct(model, robust);
  await model.close();
  return finished;
}

/** undefined: there was no point to correct. */
async function runPoints(path: string, flags: Flags, context: Context): Promise<Run | undefined> {
  checkSource(flags);
  const { recipe, reattack, pointsPerSource, reach, ...rest } = flags;
  const asked: CorrectRequest = {
    ...rest,
    recipe: recipe as Recipe,
    reattack:
      reattack === true
        ? { attack: attackRequest(flags, flags.attack, flags.eps!), pointsPerSource, reach }
        : null,
  };
  correctOptions(asked); // refuses before anything is opened
  const { model, data, validation } = await openInputs(path, flags, context);
  const points = await pointsOf(model, data, flags, context);
  if (points.count === 0) {
    await model.close();
    return undefined;
  }
  const call = shared(path, flags, context, data);
  const options = correctOptions(asked, points.count);
  const finished = await correct(model, {
    ...options,
    reattack: asked.reattack,
    ...call,
    points,
    validation,
    origin: originOf(flags),
    paths: { ...call.paths, points: points.name },
    onContradiction: (found) => context.progress.line(conflictInWords(found)),
    onIteration: growing(context, iterationTable),
  });
  await model.close();
  return finished;
}

async function run(path: string, flags: Flags, context: Context): Promise<void> {
  const runRecipe = flags.recipe === "robust" ? runRobust : runPoints;
  const finished = await runRecipe(path, flags, context);
  context.progress.stop();
  if (finished === undefined) {
    if (flags.json === true) context.printJson({ end: "corrected-already", points: 0, out: null });
    else
      context.print(
        "no point to correct: the attack turned no image; the model is unchanged, nothing written",
      );
    return;
  }
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
        "Points come from a file (--points), or from attacking DATA (--worst, --random, with --eps). " +
        "With --recipe robust no points are needed: thousands of images of DATA are attacked anew in every " +
        "iteration, and the whole network becomes robust; points that are given must be right as well.",
    )
    .argument("<model>", "ONNX file")
    .requiredOption(
      "--data <data>",
      "training data, on which the loss is held: mnist:train, file.npz, a folder of images, ...",
    )
    .option(
      "--points <data>",
      "the inputs to get right, with their true labels: points.npz of temper attack, or any data",
    )
    .option(
      "--worst <n>",
      "attack DATA and take the n worst points, n / labels of each label",
      count(),
    )
    .option(
      "--random <n>",
      "attack DATA and take n broken points in a seeded order; robust: attack n images again and again",
      count(),
    )
    .option(
      "--reattack",
      "few inputs, robustly: attack the sources of the points again at every trial point, and add what " +
        "still falls (with --eps; --random takes the first n images, broken or not)",
    )
    .option(
      "--points-per-source <n>",
      "with --reattack: most points of one source (default: 30)",
      count(),
    )
    .option(
      "--reach <factor>",
      "with --reattack: attack in balls so many times as large as --eps (default: 1.2)",
      number({ min: 1 }),
    )
    .requiredOption("--out <run>", "folder to write")
    .option(
      "--resume",
      "continue the run that stopped in the folder, with the result of an uninterrupted one",
    )
    .option("--force", "replace the run that is in the folder")
    .option(
      "--recipe <name>",
      "standard: a must-fix list of points. robust: against an attack in general, no points needed. " +
        "paper: as in the paper's tables, margin 0",
      oneOf([...recipes, "robust" as const]),
      "standard",
    )
    .option(
      "--iterations <n>",
      "rounds of cuts (default: 20; --reattack: 40, of 200 sources 20; robust: 280, of a large network 120)",
      count(),
    )
    .option("--alphas <n>", "points looked at along each direction (default: 10)", count())
    .option(
      "--weight <w>",
      "0 chooses the lowest violation, 1 the lowest loss (default: 0)",
      number({ min: 0, max: 1 }),
    )
    .option(
      "--margin <m>",
      "ask for f_l + m <= f_y (default: 0.1; paper: 0; robust: 1, a large network 0.5; --reattack: 6)",
      number({ min: 0 }),
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
    .option(
      "--attack <name>",
      `the attack that finds points: ${ATTACK_WORDS}; robust: of 5 steps of eps / 2, not clipped, unless said`,
      oneOf(attackNames),
      "pgd",
    )
    .option("--eps <radius>", "radius of the attack's ball", number({ min: 0 }));
  withTrainable(withModel(withAttack(withRobust(withAugment(withCommon(withSubproblem(command)))))))
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  temper correct model.onnx --data mnist:train --points points.npz --out RUN\n" +
        "  temper correct model.onnx --data digits:train --worst 10 --eps 0.1 --out RUN\n" +
        "  temper correct model.onnx --data mnist:train --recipe robust --eps 0.1 --out RUN",
    )
    .action((path: string, flags: Flags) => runOrStop(path, flags, context));
}
