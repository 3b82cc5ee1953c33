// One correction: model, data and points in; a run out, measured on the corrected file itself.
import { algorithm1, type Correction, type IterationRecord } from "../correct/algorithm.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type { CutSet, Oracle } from "../correct/oracle.ts";
import { candidateTheta } from "../correct/pool.ts";
import { checkDataset, type Dataset, hashDataset } from "../data/dataset.ts";
import { writePoints } from "../data/points.ts";
import type { Model } from "../engine/model.ts";
import { type Network, networkBytes } from "../engine/network.ts";
import { createOracle, type EngineOracle } from "../engine/oracle.ts";
import { openPool, type Pool } from "../engine/pool.ts";
import { demandInputGradient, programOf } from "../engine/programs.ts";
import { refuseUnknown, TemperError } from "../errors.ts";
import { STATE } from "./checkpoint.ts";
import { sha256 } from "./folder.ts";
import { measureFile } from "./measure.ts";
import { openRun } from "./open.ts";
import { type CorrectRequest, correctOptions } from "./options.ts";
import type { InputRecord, PointOrigin, Run, RunBeginning, RunRecord, Timings } from "./record.ts";
import {
  CORRECTED,
  createRun,
  DIRECTIONS,
  FILES,
  hashesOf,
  POINTS,
  type RunParts,
  writeDirections,
  writeRun,
} from "./run.ts";
import { createStopwatch, type Stopwatch } from "./stopwatch.ts";
import { keepRun } from "./unfinished.ts";
import { type Validation, validate } from "./validate.ts";
import { versions } from "./versions.ts";

export interface CorrectCall extends CorrectRequest {
  /** D: what the loss is measured on. */
  readonly data: Dataset;
  /** Dadv: images in pixel units with their true labels. */
  readonly points: Dataset;
  /**
   * The RUN folder: the run is kept there while it goes on, one state an iteration, and written there when
   * it is finished. Without it nothing is written; `save` of the result writes it later.
   */
  readonly folder?: string | undefined;
  /** Takes up the run that stopped in `folder`: the result is that of an uninterrupted one, byte for byte. */
  readonly resume?: boolean | undefined;
  /** Replaces the run in `folder`. */
  readonly force?: boolean | undefined;
  /** Where the points come from, for the record: an attack and how many of its points were taken. */
  readonly origin?: PointOrigin | undefined;
  /** Held-out data: accuracy and negative flips of every candidate of the front. */
  readonly validation?: Dataset | undefined;
  /** Worker processes; default one a core, 0 stays in this process. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
  readonly onIteration?: ((record: IterationRecord) => void) | undefined;
  readonly onContradiction?: ((found: Contradiction) => void) | undefined;
  /** Paths to note in timings.json, such as those of the model and the data. */
  readonly paths?: Readonly<Record<string, string>> | undefined;
}

const known: Readonly<Record<keyof CorrectCall, true>> = {
  data: true,
  points: true,
  recipe: true,
  iterations: true,
  alphas: true,
  weight: true,
  margin: true,
  radius: true,
  lossSlack: true,
  penalty: true,
  loss: true,
  tolerance: true,
  fullPool: true,
  seed: true,
  folder: true,
  resume: true,
  force: true,
  origin: true,
  validation: true,
  threads: true,
  signal: true,
  onProgress: true,
  onIteration: true,
  onContradiction: true,
  paths: true,
};

/** The work behind the Gram matrix, counted. */
interface GramWork {
  entries: number;
  set?: CutSet;
}

/**
 * The oracle with its Gram entries counted, and their time told apart from the solver's that asks for them; and
 * the time of the one loss that is asked for alone.
 */
function timedOracle(oracle: Oracle, clock: Stopwatch, work: GramWork): Oracle {
  return {
    ...oracle,
    loss: (theta) => clock.stage("loss", () => oracle.loss(theta)),
    cutSet: () => {
      const set = oracle.cutSet();
      work.set = set;
      return {
        ...set,
        get count() {
          return set.count;
        },
        gram: (rows, columns) => {
          work.entries += rows.length * columns.length;
          return clock.measure("gram", () => set.gram(rows, columns));
        },
      };
    },
  };
}

function checkPoints(model: Model, { data, points, validation }: CorrectCall): void {
  checkDataset(data, { shape: model.inputShape, labels: model.labels });
  if (points?.count === 0) {
    throw new TemperError(
      "data-mismatch",
      `${points.name}: no points given; there is nothing to correct`,
    );
  }
  checkDataset(points, { shape: model.inputShape, labels: model.labels });
  if (validation !== undefined) {
    checkDataset(validation, { shape: model.inputShape, labels: model.labels });
  }
}

/** What the run is of, before anything is computed. */
function beginningOf(model: Model, call: CorrectCall): RunBeginning {
  const { network } = model;
  const { data, points, validation } = call;
  const inputOf = (set: Dataset): InputRecord => ({
    sha256: hashDataset(set),
    count: set.count,
    ...(set.augment === undefined ? {} : { augment: set.augment }),
  });
  return {
    format: 1,
    versions: versions(),
    options: correctOptions(call),
    network: network.options,
    inputs: {
      model: { sha256: sha256(network.file), parameters: model.parameterCount },
      data: inputOf(data),
      points: { ...inputOf(points), ...(call.origin === undefined ? {} : { origin: call.origin }) },
      ...(validation === undefined ? {} : { validation: inputOf(validation) }),
    },
    files: FILES,
  };
}

/** The finished record: what the algorithm found, and what its file does when it is read again. */
function finishRecord(
  beginning: RunBeginning,
  found: Correction,
  file: Uint8Array,
  measured: Awaited<ReturnType<typeof measureFile>>,
  {
    network,
    points,
    validation,
  }: {
    readonly network: Network;
    readonly points: Dataset;
    readonly validation: Validation | undefined;
  },
): RunRecord {
  const { pool, choice, anchors, end, contradictions, iterations } = found;
  const { violation, loss, corrected } = pool[0];
  return {
    ...beginning,
    end,
    contradictions,
    iterations,
    pool,
    choice,
    before: { violation: violation!, loss: loss!, corrected, points: points.count },
    after: measured.measured,
    distance: pool[choice].distance,
    ...(validation === undefined ? {} : { validation }),
    wrong: measured.wrong,
    hashes: hashesOf({
      [CORRECTED]: file,
      [POINTS]: writePoints(points),
      [DIRECTIONS]: writeDirections(network.theta0, anchors),
    }),
  };
}

function validated(
  { pool: candidates, anchors }: Correction,
  { signal, onProgress, alphas }: Pick<CorrectCall, "signal" | "onProgress"> & { alphas: number },
  data: Dataset,
  network: Network,
  pool: Pool,
): Promise<Validation> {
  return validate(
    candidates.filter(({ front }) => front),
    {
      network,
      data,
      pool,
      alphas,
      anchors,
      signal,
      onProgress: (done, of) => onProgress?.("validate", done, of),
    },
  );
}

/**
 * Corrects a classifier: the ONNX model nearest to it that gets the points right while the loss on the
 * data is held close, with the whole trade-off between the two (Algorithm 1).
 *
 * @throws TemperError `bad-option`, `data-mismatch`, `model-unsupported` (an operator without a gradient
 *   rule), `file-exists` and `run-unreadable` (of `folder`), `worker-failed`, `aborted`
 */
export async function correct(model: Model, call: CorrectCall): Promise<Run> {
  const {
    data,
    points,
    signal,
    onProgress,
    paths = {},
    folder,
    resume = false,
    force = false,
  } = call;
  refuseUnknown(call, known, "correct");
  checkPoints(model, call);
  const beginning = beginningOf(model, call);
  const { options } = beginning;
  const { network } = model;
  programOf(network, "cuts"); // an operator without a rule is refused before anything is written
  if (options.radius > 0) demandInputGradient(network, "radius");
  const keeper =
    folder === undefined
      ? undefined
      : await keepRun(folder, { ...beginning, files: [...FILES, STATE] }, points, {
          resume,
          force,
        });
  if (keeper?.finished === true) return openRun(folder!);
  const clock = createStopwatch(keeper?.timings);
  const pool = openPool(call.threads);
  let oracle: EngineOracle | undefined;
  try {
    let stage = "";
    oracle = createOracle({
      network,
      points,
      data,
      loss: options.loss,
      pool,
      signal,
      onShard: (done, of) => onProgress?.(stage, done, of),
    });
    const work: GramWork = { entries: keeper?.timings?.gramEntries ?? 0 };
    const timings = (): Timings => ({
      ...clock.times(),
      processes: pool.size,
      gramEntries: work.entries,
      bytesOfCuts: work.set?.bytes() ?? 0,
      date: new Date().toISOString(),
      paths,
    });
    const found = await algorithm1(timedOracle(oracle, clock, work), {
      ...options,
      penalty: options.penalty === "inf" ? Infinity : options.penalty,
      signal,
      state: keeper?.state,
      onState: keeper && ((state) => keeper.keep(state, timings())),
      onIteration: (record) => {
        clock.lap();
        call.onIteration?.(record);
      },
      onContradiction: call.onContradiction,
      stage: (name, run) => {
        stage = name;
        return clock.stage(name, run);
      },
    });
    await oracle.close();

    const { theta0 } = network;
    const theta = candidateTheta(found.pool[found.choice], theta0, found.anchors, options.alphas);
    const file = networkBytes(network, theta);
    stage = "check";
    const measure = {
      options: network.options,
      points,
      data,
      pool,
      signal,
      margin: options.margin,
      loss: options.loss,
    };
    const measured = await clock.stage("check", () => measureFile(file, measure));
    const held = call.validation;
    const validation =
      held &&
      (await clock.stage("validate", () =>
        validated(found, { ...call, alphas: options.alphas }, held, network, pool),
      ));
    const parts: RunParts = {
      record: finishRecord(beginning, found, file, measured, { network, points, validation }),
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
    await oracle?.close();
    await pool.close();
  }
}
