// One correction: model, data and points in; a run out, measured on the corrected file itself.
import { algorithm1, type IterationRecord } from "../correct/algorithm.ts";
import type { CutSet, Oracle } from "../correct/oracle.ts";
import { memberTheta } from "../correct/pool.ts";
import { checkDataset, type Dataset, hashDataset } from "../data/dataset.ts";
import { writePoints } from "../data/points.ts";
import type { Model } from "../engine/model.ts";
import { networkBytes } from "../engine/network.ts";
import { createOracle } from "../engine/oracle.ts";
import { openPool } from "../engine/pool.ts";
import { TemperError } from "../errors.ts";
import { RECORD, sha256 } from "./folder.ts";
import { measureFile } from "./measure.ts";
import { type CorrectRequest, correctOptions } from "./options.ts";
import type { Run, RunRecord } from "./record.ts";
import {
  CORRECTED,
  createRun,
  DIRECTIONS,
  hashesOf,
  POINTS,
  TIMINGS,
  writeDirections,
} from "./run.ts";
import { createStopwatch, type Stopwatch } from "./stopwatch.ts";
import { versions } from "./versions.ts";

export interface CorrectCall extends CorrectRequest {
  /** D: what the loss is measured on. */
  readonly data: Dataset;
  /** Dadv: images in pixel units with their true labels. */
  readonly points: Dataset;
  /** Worker processes; default one a core, 0 stays in this process. */
  readonly threads?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
  readonly onIteration?: ((record: IterationRecord) => void) | undefined;
  /** Paths to note in timings.json, such as those of the model and the data. */
  readonly paths?: Readonly<Record<string, string>> | undefined;
}

/** The oracle with the time of its Gram entries, which the solver asks for inside its own, told apart. */
function timedGram(oracle: Oracle, clock: Stopwatch, used: { set?: CutSet }): Oracle {
  return {
    ...oracle,
    cutSet: () => {
      const set = oracle.cutSet();
      used.set = set;
      return {
        ...set,
        get count() {
          return set.count;
        },
        gram: (rows, columns) => clock.measure("gram", () => set.gram(rows, columns)),
      };
    },
  };
}

function checkPoints(model: Model, data: Dataset, points: Dataset): void {
  checkDataset(data, { shape: model.inputShape, labels: model.labels });
  if (points.count === 0) {
    throw new TemperError(
      "data-mismatch",
      `${points.name}: no points given; there is nothing to correct`,
    );
  }
  checkDataset(points, { shape: model.inputShape, labels: model.labels });
}

/**
 * Corrects a classifier: the ONNX model nearest to it that gets the points right while the loss on the
 * data is held close, with the whole trade-off between the two (Algorithm 1).
 *
 * @throws TemperError `bad-option`, `data-mismatch`, `model-unsupported` (an operator without a gradient
 *   rule), `worker-failed`, `aborted`
 */
export async function correct(model: Model, call: CorrectCall): Promise<Run> {
  const options = correctOptions(call);
  const { data, points, signal, onProgress, paths = {} } = call;
  checkPoints(model, data, points);
  const { network } = model;
  const clock = createStopwatch();
  const pool = openPool(call.threads);
  let stage = "";
  const oracle = createOracle({
    network,
    points,
    data,
    pool,
    signal,
    onShard: (done, of) => onProgress?.(stage, done, of),
  });
  try {
    const used: { set?: CutSet } = {};
    const result = await algorithm1(timedGram(oracle, clock, used), {
      ...options,
      signal,
      onIteration: call.onIteration,
      stage: (name, work) => {
        stage = name;
        return clock.stage(name, work);
      },
    });
    await oracle.close();

    const chosen = result.pool[result.choice];
    const theta =
      chosen.iteration === 0
        ? network.theta0
        : memberTheta(
            network.theta0,
            result.anchors[chosen.iteration - 1],
            chosen.step,
            options.alphas,
          );
    const file = networkBytes(network, theta);
    stage = "check";
    const { measured, wrong } = await clock.stage("check", () =>
      measureFile(file, {
        options: network.options,
        points,
        data,
        pool,
        signal,
        margin: options.margin,
      }),
    );
    const first = result.pool[0];
    const record: RunRecord = {
      format: 1,
      versions: versions(),
      options,
      network: network.options,
      inputs: {
        model: { sha256: sha256(network.file), parameters: model.parameterCount },
        data: { sha256: hashDataset(data), count: data.count },
        points: { sha256: hashDataset(points), count: points.count },
      },
      end: result.end,
      ...(result.conflict === undefined ? {} : { conflict: result.conflict }),
      iterations: result.iterations,
      pool: result.pool,
      choice: result.choice,
      before: {
        violation: first.violation!,
        loss: first.loss!,
        corrected: first.corrected,
        points: points.count,
      },
      after: measured,
      distance: chosen.distance,
      wrong,
      files: [RECORD, TIMINGS, CORRECTED, POINTS, DIRECTIONS],
      hashes: hashesOf({
        [CORRECTED]: file,
        [POINTS]: writePoints(points),
        [DIRECTIONS]: writeDirections(network.theta0, result.anchors),
      }),
    };
    return createRun({
      record,
      timings: {
        stages: clock.seconds(),
        seconds: clock.total(),
        processes: pool.size,
        bytesOfCuts: used.set?.bytes() ?? 0,
        date: new Date().toISOString(),
        paths,
      },
      file: network.file,
      parameters: network.parameters,
      points,
      theta0: network.theta0,
      anchors: result.anchors,
    });
  } finally {
    await oracle.close();
    await pool.close();
  }
}
