// temper correct: the main job.
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Command } from "commander";
import { type AttackCall, attack } from "../../attack/attack.ts";
import { sample } from "../../attack/sample.ts";
import type { Augmentation } from "../../data/augment.ts";
import { type AnyDataset, checkDataset, type Dataset, inMemory } from "../../data/dataset.ts";
import { workOfPasses } from "../../engine/flops.ts";
import { type Model, networkOf } from "../../engine/model.ts";
import type { Workers } from "../../engine/workers.ts";
import { correct } from "../../run/correct.ts";
import { taskOf } from "../../run/fits.ts";
import { checkFolder, POINTS, RECORD } from "../../run/folder/files.ts";
import { lookBefore } from "../../run/look.ts";
import { pointOptions } from "../../run/points/options.ts";
import type { PointOrigin } from "../../run/record.ts";
import type { Run } from "../../run/run.ts";
import { type Context, noting } from "../context.ts";
import { correctFlags } from "../correct-flags.ts";
import { type Asked, askedOf } from "../correct-request.ts";
import { conflictInWords, printRun, succeeded } from "../correction.ts";
import { addFlags, givenIn } from "../flags.ts";
import { foretell } from "../foretold.ts";
import { growing } from "../growing.ts";
import { growingCandidates, iterationTable } from "../iterations.ts";
import { sayHowToGoOn } from "../keeping.ts";
import { openDataset, openLargeDataset, openModelFile } from "../open.ts";
import { addPage } from "../page.ts";
import { watched } from "../watching.ts";
import { workersFor } from "../working.ts";

/** Refuses what can be refused at once, before a page is served or anything opened. */
async function run(path: string, asked: Asked, context: Context): Promise<void> {
  await checkFolder(asked.out, asked);
  await watched(asked, context, (watching) => correctAndPrint(path, asked, watching));
}

async function correctAndPrint(path: string, asked: Asked, context: Context): Promise<void> {
  const { out } = asked;
  const workers = await workersFor(asked, context);
  const finished = await correctWith(workers, path, asked, context).finally(workers.close);
  const adds = finished !== undefined && asked.report !== false;
  const page = adds ? await addPage(finished, out, context) : undefined;
  context.progress.stop();
  if (asked.json === true) context.printJson({ ...documentOf(finished), report: page ?? null });
  else if (finished !== undefined) {
    printRun(finished, out, context);
    if (page !== undefined) context.print(`look at it: ${page}`);
  } else {
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
  const { request, origin, augment, out: folder, resume, force, anyway, memory } = asked;
  const model = await openModelFile(path, asked);
  const data = await openLargeDataset(asked.data, asked, context, model);
  // All sets are read by one map from names to labels. Points and held-out data are what the model will meet, and
  // --augment leaves them as they are.
  const how = { ...asked, ...(data.classes && { classes: data.classes }) };
  const open = (name: string, changed?: Augmentation): Promise<Dataset> =>
    openDataset(name, { ...how, augment: changed }, context, model);
  const validation = asked.validate === undefined ? undefined : await open(asked.validate);
  for (const set of validation === undefined ? [data] : [data, validation]) {
    checkDataset(set, { shape: model.inputShape, labels: model.labels });
  }
  const call = {
    ...{ data, validation, folder, resume, force, anyway, memory, workers, signal },
    ...{ onProgress: progress.update, onNote: noting(context) },
  };
  const pathsWith = (points: Dataset | undefined, sources?: Dataset) => ({
    ...{ model: resolve(path), data: data.name },
    ...(points && { points: points.name }),
    ...(sources && { sources: sources.name }),
    ...(validation && { validation: validation.name }),
  });
  try {
    if (request.recipe === "robust") {
      const points = asked.points === undefined ? undefined : await open(asked.points);
      const from = asked.sourcesFrom;
      const sourcesFrom = from === undefined ? undefined : await open(from, augment);
      const onIteration = growingCandidates(context, request);
      const paths = pathsWith(points, sourcesFrom);
      return await correct(model, { ...request, ...call, points, sourcesFrom, paths, onIteration });
    }
    const tell = (count: number): Promise<void> =>
      foretellPoints(model, asked, { ...call, points: count, say: progress.line });
    // An attack is work too: what would not fit is refused before it, by the number of points that it is to find.
    if (origin !== undefined) await tell(origin.worst ?? origin.random!);
    const points = await pointsOf(model, asked, { ...call, open, line: progress.line });
    if (points.count === 0) return undefined;
    if (origin === undefined) await tell(points.count);
    return await correct(model, {
      ...request,
      ...call,
      points,
      origin,
      paths: pathsWith(points),
      onContradiction: (found) => progress.line(conflictInWords(found)),
      onIteration: growing(context, iterationTable(request.certifyRadius !== undefined)),
    });
  } finally {
    await model.close();
  }
}

/** Says what a correction of so many points will need; of one that goes on after a stop nobody knows what is left. */
async function foretellPoints(
  model: Model,
  { request, resume, anyway = false }: Asked,
  call: Parameters<typeof taskOf>[1] & {
    readonly workers: Workers;
    readonly say: (line: string) => void;
  },
): Promise<void> {
  if (request.recipe === "robust" || request.reattack === true || resume === true) return;
  // How fast other machines are is not known; what this one must hold is looked at when the work begins.
  if (call.workers.apart) return;
  const network = networkOf(model);
  const { forward: flops } = workOfPasses(network);
  const facts = { flops, points: call.points, labels: model.labels };
  const options = pointOptions(request, facts);
  const task = taskOf(network, { ...call, threads: call.workers.size }, options);
  await foretell(call.workers, network, task, { anyway, say: call.say });
}

/** The points to correct: from a file, from an attack, or the sources of one. */
async function pointsOf(
  model: Model,
  { request, origin, points, eps, out, resume }: Asked,
  call: Pick<AttackCall, "signal" | "onProgress"> & {
    readonly data: AnyDataset;
    readonly workers: Workers;
    readonly anyway: boolean | undefined;
    readonly open: (name: string) => Promise<Dataset>;
    readonly onNote: (note: string) => void;
    readonly line: (text: string) => void;
  },
): Promise<Dataset> {
  const { data, workers, open, signal, onProgress, onNote } = call;
  const reattack = request.recipe !== "robust" && request.reattack === true;
  if (points !== undefined) {
    if (eps !== undefined && !reattack) {
      call.line("note: --points are taken as they are; --eps attacks nothing here");
    }
    return open(points);
  }
  const { worst, random, attack: how } = origin as PointOrigin;
  if (reattack && random !== undefined) {
    return inMemory(sample(data, { limit: random, seed: how.seed, balanced: true }));
  }
  // A run that is taken up again has its points already: the attack is not made twice.
  const kept = join(out, POINTS);
  if (resume === true && !reattack && existsSync(kept)) return open(kept);
  // Points of a model that does not know the data are worth no attack.
  await lookBefore(workers, { ...call, network: networkOf(model), attack: how });
  const by = { workers, signal, onProgress, onNote };
  const found = await attack(model, { ...how, ...by, data, worst, random });
  for (const note of found.notes) onNote(note);
  return found.points;
}

/** The one document of --json: run.json without its candidates. */
function documentOf(finished: Run | undefined): object {
  if (finished === undefined) return { end: "corrected-already", points: 0, out: null };
  const { pool: _, ...record } = finished.record;
  return { ...record, chosen: finished.choice, seconds: finished.timings.seconds };
}

export function addCorrect(program: Command, context: Context): void {
  const command = program
    .command("correct")
    .summary("correct a model on given points: the main job")
    .description(
      "Finds the model nearest to MODEL that gets the points right while the loss on DATA is held close, " +
        "and writes a RUN folder: corrected.onnx, report.html, points.npz, run.json, timings.json, thetas.npz. " +
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
    .action(async (path: string) => {
      const asked = await askedOf(givenIn(command));
      const record = join(asked.out, RECORD);
      return sayHowToGoOn(record, () => run(path, asked, context), asked.out);
    });
}
