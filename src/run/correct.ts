// One correction: model, data and points in; a run out, measured on the corrected file itself.
import type { AttackOptions } from "../attack/options.ts";
import { partsOf, usesGradients } from "../attack/parts.ts";
import { checkUnits } from "../attack/units.ts";
import { candidateTheta } from "../correct/candidates.ts";
import { type Dataset, hashDataset } from "../data/dataset.ts";
import { writePoints } from "../data/points.ts";
import { workOfPasses } from "../engine/flops.ts";
import type { Model } from "../engine/model.ts";
import { type Network, networkBytes } from "../engine/network.ts";
import { demandInputGradient, demandTheta, programOf } from "../engine/programs.ts";
import { checkThreads, openWorkers, type Workers } from "../engine/workers.ts";
import { demand, refuseUnknown } from "../errors.ts";
import {
  type CorrectCall,
  checkInputs,
  isRobust,
  known,
  knownRobust,
  type RobustCall,
} from "./call.ts";
import { algorithmState, centreState, STATE, type StateFormat } from "./checkpoint.ts";
import { noWork } from "./cut-meter.ts";
import { splitOf } from "./draws.ts";
import { sha256 } from "./folder.ts";
import { machine } from "./machine.ts";
import { openRun } from "./open.ts";
import { correctOptions } from "./options.ts";
import { pointRecipe } from "./point-recipe.ts";
import type { Proof } from "./proof.ts";
import { cleanOf } from "./reattack.ts";
import type { Found, Kept, MeasuredFile, Recipe, RecipeContext } from "./recipe.ts";
import type { InputRecord, Measured, Run, RunBeginning, RunRecord, Timings } from "./record.ts";
import { robustOptions } from "./robust-options.ts";
import { robustRecipe } from "./robust-recipe.ts";
import {
  CORRECTED,
  createRun,
  DIRECTIONS,
  filesOf,
  hashesOf,
  layoutOf,
  POINTS,
  type RunParts,
  writeDirections,
  writeRun,
} from "./run.ts";
import { createStopwatch } from "./stopwatch.ts";
import { keepRun } from "./unfinished.ts";
import { type Validation, validate } from "./validate.ts";
import { versions } from "./versions.ts";

/** What the run is of, before anything is computed. */
function beginningOf(
  model: Model,
  call: CorrectCall | RobustCall,
  options: RunBeginning["options"],
): RunBeginning {
  const { network } = model;
  const { data, points, validation, origin } = call;
  const sources = isRobust(call) ? call.sourcesFrom : undefined;
  const reattacks = options.recipe !== "robust" && options.reattack !== null;
  const inputOf = (set: Dataset): InputRecord => ({
    sha256: hashDataset(set),
    count: set.count,
    ...(set.augment === undefined ? {} : { augment: set.augment }),
  });
  return {
    format: 1,
    versions: versions(),
    options,
    network: network.options,
    inputs: {
      model: { sha256: sha256(network.file), parameters: model.parameterCount },
      data: inputOf(data),
      ...(points === undefined
        ? {}
        : {
            points: {
              ...inputOf(reattacks ? cleanOf(points) : points),
              ...(origin === undefined ? {} : { origin }),
            },
          }),
      ...(sources === undefined ? {} : { sources: inputOf(sources) }),
      ...(validation === undefined ? {} : { validation: inputOf(validation) }),
    },
    files: filesOf(points),
  };
}

/** The finished record: what the algorithm found, and what its file does when it is read again. */
function finishRecord(
  beginning: RunBeginning,
  { pool, choice, anchors, end, contradictions, iterations }: Found,
  at: {
    readonly file: Uint8Array;
    readonly before: Measured;
    readonly measured: MeasuredFile;
    readonly proof: Proof | undefined;
    readonly network: Network;
    readonly points: Dataset | undefined;
    readonly validation: Validation | undefined;
  },
): RunRecord {
  const { file, before, measured, proof, network, points, validation } = at;
  return {
    ...beginning,
    end,
    contradictions,
    iterations,
    pool,
    choice,
    before,
    after: measured.measured,
    distance: pool[choice].distance,
    ...(proof && { proof }),
    ...(validation === undefined ? {} : { validation }),
    wrong: measured.wrong,
    hashes: hashesOf({
      [CORRECTED]: file,
      ...(points === undefined ? {} : { [POINTS]: writePoints(points) }),
      [DIRECTIONS]: writeDirections(network.theta0, anchors),
    }),
  };
}

function validated(
  { pool: candidates, anchors }: Found,
  { network, workers, signal, onProgress }: RecipeContext,
  options: RunBeginning["options"],
  data: Dataset,
): Promise<Validation> {
  return validate(
    candidates.filter(({ front }) => front),
    {
      network,
      data,
      workers,
      layout: layoutOf(options),
      anchors,
      signal,
      onProgress: (done, of) => onProgress?.("validate", done, of),
    },
  );
}

/** What the shell does around a recipe. */
interface Job<S> {
  readonly call: CorrectCall | RobustCall;
  readonly beginning: RunBeginning;
  readonly format: StateFormat<S>;
  readonly recipe: (context: RecipeContext, kept: Kept<S>) => Recipe;
}

async function runJob<S extends { readonly iterations: readonly unknown[] }>(
  { network }: Model,
  { call, beginning, format, recipe: open }: Job<S>,
): Promise<Run> {
  const { signal, onProgress, paths = {}, folder, resume = false, force = false } = call;
  const { options } = beginning;
  const keeper =
    folder === undefined
      ? undefined
      : await keepRun<S>(
          folder,
          { ...beginning, files: [...beginning.files, STATE] },
          { points: call.points, format, resume, force },
        );
  if (keeper?.finished === true) return openRun(folder!);
  const clock = createStopwatch(keeper?.timings);
  const workers: Workers = openWorkers(call.threads);
  let recipe: Recipe | undefined;
  try {
    const context: RecipeContext = { network, workers, clock, signal, onProgress };
    const timings = (): Timings => ({
      ...clock.times(),
      machine: machine(),
      processes: workers.size,
      ...(recipe?.work() ?? noWork),
      date: new Date().toISOString(),
      paths,
    });
    recipe = open(context, {
      state: keeper?.state,
      onState: keeper && ((state) => keeper.keep(state, timings())),
      work: keeper?.timings,
    });
    const found = await recipe.find();
    const points = recipe.points();

    const { theta0 } = network;
    const chosen = found.pool[found.choice];
    const theta = candidateTheta(chosen, theta0, found.anchors, layoutOf(options));
    const file = networkBytes(network, theta);
    const { measure } = recipe;
    const measured = await clock.stage("check", () => measure(file));
    const held = call.validation;
    const validation =
      held && (await clock.stage("validate", () => validated(found, context, options, held)));
    const before = recipe.before(found);
    const proof = recipe.proof?.(found, measured);
    const at = { file, before, measured, proof, network, points, validation };
    const parts: RunParts = {
      record: finishRecord(beginning, found, at),
      timings: timings(),
      file: network.file,
      parameters: network.parameters,
      points,
      theta0: network.theta0,
      anchors: found.anchors,
    };
    if (folder !== undefined) {
      await writeRun(folder, parts);
      await keeper?.drop();
    }
    return createRun(parts);
  } finally {
    await recipe?.close();
    await workers.close();
  }
}

/** Refuses what the model cannot be attacked with, and a model with nothing to move, before anything is written. */
function checkWork(
  { network, labels }: Model,
  attack: AttackOptions | undefined,
  what: string,
): void {
  demandTheta(network);
  if (attack === undefined) return;
  partsOf(attack, labels);
  checkUnits(attack, network.options.std);
  if (usesGradients(attack)) demandInputGradient(network, what);
}

/**
 * Corrects a classifier, and keeps the whole trade-off to choose from. The recipes standard and paper give the
 * ONNX model nearest to it that gets the points right while the loss on the data is held close (Algorithm 1);
 * the recipe robust one that withstands an attack on the data (aggregate cuts with a moving centre).
 *
 * @throws TemperError `bad-option`, `data-mismatch`, `model-unsupported` (an operator without a gradient
 *   rule), `file-exists` and `run-unreadable` (of `folder`), `worker-failed`, `aborted`
 */
export async function correct(model: Model, call: CorrectCall | RobustCall): Promise<Run> {
  const { network } = model;
  refuseUnknown(call, isRobust(call) ? knownRobust : known, "correct");
  checkThreads(call.threads);
  const { data, points } = call;
  if (isRobust(call)) {
    const options = robustOptions(call, workOfPasses(network).forward);
    checkInputs(model, call);
    checkWork(model, options.attack, "recipe robust");
    const moves = network.theta0.some((v) => v !== 0);
    const expected =
      "weights that are not all 0: a step of the recipe robust is a share of their length";
    demand(moves, "trainable", network.options.trainable ?? "all", expected);
    const beginning = beginningOf(model, call, options);
    programOf(network, "theta-of-logits"); // an operator without a rule is refused before anything is written
    const { sourcesFrom: sources, onIteration } = call;
    const split = splitOf(data, sources ?? data, options);
    return runJob(model, {
      call,
      beginning,
      format: centreState,
      recipe: (context, kept) =>
        robustRecipe({
          ...context,
          options,
          data,
          points,
          sources,
          split,
          ...kept,
          onIteration,
        }),
    });
  }
  checkInputs(model, call);
  const options = correctOptions(call, call.points.count);
  checkWork(model, options.reattack?.attack, "reattack");
  const beginning = beginningOf(model, call, options);
  programOf(network, "cuts"); // likewise
  if (options.radius > 0) demandInputGradient(network, "radius");
  const { onIteration, onContradiction } = call;
  return runJob(model, {
    call,
    beginning,
    format: algorithmState,
    recipe: (context, kept) =>
      pointRecipe({
        ...context,
        options,
        data,
        points: call.points,
        ...kept,
        onIteration,
        onContradiction,
      }),
  });
}
