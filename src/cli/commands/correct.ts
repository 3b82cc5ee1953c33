// temper correct: the main job.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { attack } from "../../attack/attack.ts";
import { sample } from "../../attack/sample.ts";
import { checkDataset, type Dataset } from "../../data/dataset.ts";
import type { DataOptions } from "../../data/open.ts";
import { type Model, networkOf } from "../../engine/model.ts";
import { openWorkers, type Workers } from "../../engine/workers.ts";
import { TemperError } from "../../errors.ts";
import { correct } from "../../run/correct.ts";
import { checkFolder, POINTS, RECORD, recordIn } from "../../run/folder/files.ts";
import { lookBefore } from "../../run/look.ts";
import type { PointOrigin } from "../../run/record.ts";
import type { Run } from "../../run/run.ts";
import { type Context, noting } from "../context.ts";
import { correctFlags } from "../correct-flags.ts";
import { type Asked, askedOf, refuseEarly } from "../correct-request.ts";
import { conflictInWords, printRun, succeeded } from "../correction.ts";
import { addFlags, givenIn } from "../flags.ts";
import { growing } from "../growing.ts";
import { growingCandidates, iterationTable } from "../iterations.ts";
import { openDataset, openModelFile } from "../open.ts";
import { watched } from "../watching.ts";

/** Refuses what can be refused at once, before a page is served or anything opened. */
async function run(path: string, asked: Asked, context: Context): Promise<void> {
  refuseEarly(asked);
  const { out, resume, force } = asked;
  const resumes = resume === true && (await recordIn(out));
  if (!resumes) await checkFolder(out, force === true);
  await watched(asked, context, (watching) => correctAndPrint(path, asked, watching));
}

async function correctAndPrint(path: string, asked: Asked, context: Context): Promise<void> {
  const { out } = asked;
  const workers = openWorkers(asked.threads);
  const finished = await correctWith(workers, path, asked, context).finally(workers.close);
  context.progress.stop();
  if (asked.json === true) context.printJson(documentOf(finished));
  else if (finished !== undefined) printRun(finished, out, context);
  else {
    context.print(
      "no point to correct: the attack turned no image; the model is unchanged, nothing written",
    );
  }
  if (finished === undefined || succeeded(finished)) return;
  context.progress.line("nothing improved");
  process.exitCode = 1;
}

/** Opens what is needed and corrects; undefined where there was no point to correct. */
async function correctWith(
  workers: Workers,
  path: string,
  asked: Asked,
  context: Context,
): Promise<Run | undefined> {
  const { progress, signal } = context;
  const model = await openModelFile(path, asked);
  const open = (name: string, how: DataOptions = {}): Promise<Dataset> =>
    openDataset(name, { ...asked, augment: undefined, seed: undefined, ...how }, context, model);
  // --augment is for the data; points and held-out data are what the model will meet, as they are.
  const { augment, seed } = asked;
  const data = await open(asked.data, { augment, seed });
  // One map from names to labels for all of them.
  const same = data.classes === undefined ? {} : { classes: data.classes };
  const validation = asked.validate === undefined ? undefined : await open(asked.validate, same);
  for (const set of [data, ...(validation === undefined ? [] : [validation])]) {
    checkDataset(set, { shape: model.inputShape, labels: model.labels });
  }
  const { out: folder, resume, force, request } = asked;
  const paths = { model: resolve(path), data: data.name };
  const onProgress = progress.update;
  const { anyway } = asked;
  const onNote = noting(context);
  const call = {
    ...{ data, validation, folder, resume, force, anyway },
    ...{ workers, signal, onProgress, onNote },
  };
  try {
    if (request.recipe === "robust") {
      const points = asked.points === undefined ? undefined : await open(asked.points, same);
      const from = asked.sourcesFrom;
      return await correct(model, {
        ...request,
        ...call,
        points,
        sourcesFrom: from === undefined ? undefined : await open(from, { augment, seed, ...same }),
        paths: { ...paths, ...(points && { points: points.name }) },
        onIteration: growingCandidates(context),
      });
    }
    const points = await pointsOf(
      model,
      data,
      { ...asked, workers, open: (name) => open(name, same), onNote },
      context,
    );
    if (points.count === 0) return undefined;
    return await correct(model, {
      ...request,
      ...call,
      points,
      origin: asked.origin,
      paths: { ...paths, points: points.name },
      onContradiction: (found) => progress.line(conflictInWords(found)),
      onIteration: growing(context, iterationTable),
    });
  } finally {
    await model.close();
  }
}

/** The points to correct: from a file, from an attack, or the sources of one. */
async function pointsOf(
  model: Model,
  data: Dataset,
  asked: Omit<Asked, "open"> & {
    readonly workers: Workers;
    readonly open: (name: string) => Promise<Dataset>;
    readonly onNote: (note: string) => void;
  },
  { progress, signal }: Context,
): Promise<Dataset> {
  const { origin, open, workers, onNote, anyway } = asked;
  const reattack = asked.request.recipe !== "robust" && asked.request.reattack === true;
  if (asked.points !== undefined) {
    if (asked.eps !== undefined && !reattack)
      progress.line("note: --points are taken as they are; --eps attacks nothing here");
    return open(asked.points);
  }
  const { worst, random, attack: how } = origin as PointOrigin;
  if (reattack && random !== undefined)
    return sample(data, { limit: random, seed: how.seed, balanced: true });
  // A run that is taken up again has its points already: the attack is not made twice.
  const kept = join(asked.out, POINTS);
  if (asked.resume === true && !reattack && existsSync(kept)) return open(kept);
  // Points of a model that does not know the data are worth no attack.
  await lookBefore(workers, {
    network: networkOf(model),
    data,
    attack: how,
    anyway,
    signal,
    onNote,
  });
  const found = await attack(model, {
    ...how,
    data,
    worst,
    random,
    workers,
    signal,
    onProgress: progress.update,
    onNote,
  });
  for (const note of found.notes) onNote(note);
  return found.points;
}

/** The one document of --json: run.json without its candidates. */
function documentOf(finished: Run | undefined): unknown {
  if (finished === undefined) return { end: "corrected-already", points: 0, out: null };
  const { pool: _, ...record } = finished.record;
  return { ...record, chosen: finished.choice, seconds: finished.timings.seconds };
}

/** A stop on request says how to go on. */
async function runOrStop(path: string, asked: Asked, context: Context): Promise<void> {
  try {
    await run(path, asked, context);
  } catch (error) {
    if (!(error instanceof TemperError) || error.code !== "aborted") throw error;
    const kept = existsSync(join(asked.out, RECORD));
    throw new TemperError(
      "aborted",
      kept
        ? `stopped on request; "${asked.out}" keeps the run so far\nthe same command with --resume continues it`
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
        "and writes a RUN folder: corrected.onnx, points.npz, run.json, timings.json, thetas.npz. " +
        "Points come from a file (--points), or from attacking DATA (--worst, --random, with --eps). " +
        "With --recipe robust no points are needed: thousands of images of DATA are attacked anew in every " +
        "iteration, and the whole network becomes robust; points that are given must be right as well.",
    )
    .argument("<model>", "ONNX file");
  addFlags(command, correctFlags)
    .addHelpText(
      "after",
      "\nExamples:\n" +
        "  temper correct model.onnx --data mnist:train --points points.npz --out RUN\n" +
        "  temper correct model.onnx --data digits:train --worst 10 --eps 0.1 --out RUN\n" +
        "  temper correct model.onnx --data mnist:train --recipe robust --eps 0.1 --out RUN",
    )
    .action(async (path: string) => runOrStop(path, await askedOf(givenIn(command)), context));
}
