// How each row of the study comes to its network: a correction by one of the recipes, or adversarial training.

import { join } from "node:path";
import { workOfPasses } from "../../src/engine/flops.ts";
import { networkOf } from "../../src/engine/model.ts";
import {
  type AttackRequest,
  type CentreRecord,
  correct,
  type Dataset,
  evaluate,
  type Model,
  type RobustOptions,
  type RobustRequest,
  type Run,
  sample,
  trainAdversarially,
} from "../../src/index.ts";
import { robustOptions } from "../../src/run/robust/options.ts";
import { norm, subtract } from "../../src/tensor/vector.ts";
import type { BenchWork } from "../work.ts";
import { trainingWaypoints, type Waypoint, waypointsOfRun } from "./measure.ts";
import type { Change, Row } from "./rows.ts";
import type { Training } from "./trainings.ts";

/** What every row starts from. */
export interface Start extends Pick<BenchWork, "threads" | "signal" | "onProgress"> {
  readonly model: Model;
  readonly train: Dataset;
  /** The folder keeps the runs. */
  readonly folder: string;
  /** The options of the recipe that are not the defaults. */
  readonly recipe?: Change | undefined;
  /** The ball in which the recipe attacks, and the steps where they are not the defaults. */
  readonly attack: Pick<AttackRequest, "eps" | "epsSpace" | "steps" | "stepSize">;
}

/** What a row has made. */
export interface Made {
  readonly bytes: Uint8Array;
  /** The loss on the training data. */
  readonly loss: number;
  /** ||theta - theta0||_2 */
  readonly distance: number;
  readonly seconds: number;
  /** How many iterations or training steps there were, and why there were no more. */
  readonly steps: number;
  readonly end: string;
  /** Networks on the way there, where the row is drawn. */
  readonly waypoints: readonly Waypoint[];
}

function requestOf({ recipe, attack }: Start, change: Change, seed: number): RobustRequest {
  const { clip, ...rest } = { ...recipe, ...change };
  return { recipe: "robust", ...rest, attack: { ...attack, clip }, seed };
}

/** All options of a row, defaults included. */
export const optionsOf = (start: Start, change: Change, seed: number): RobustOptions =>
  robustOptions(requestOf(start, change, seed), {
    flops: workOfPasses(networkOf(start.model)).forward,
    points: 0,
    labels: start.model.labels,
  });

const madeOf = (run: Run, waypoints: readonly Waypoint[]): Made => ({
  bytes: run.bytes(run.choice),
  loss: run.after.loss,
  distance: run.record.distance,
  seconds: run.timings.seconds,
  steps: run.record.iterations.length,
  end: run.record.end,
  waypoints,
});

export const lossOn = async (
  model: Model,
  { train, threads, signal }: Pick<Start, "train" | "threads" | "signal">,
): Promise<number> => (await evaluate(model, { data: train, threads, signal })).clean.loss;

/** Trains in the ball of the recipe that all rows start from, and by its attack where nothing else is stated. */
async function train(
  start: Start,
  seed: number,
  { seconds: given, training, drawn }: TrainingRow,
): Promise<Made> {
  const { model, threads, signal, onProgress } = start;
  const { waypoints, onStep } = trainingWaypoints();
  const { attack } = optionsOf(start, {}, seed);
  const own = training && { steps: training.steps, stepSize: training.length * attack.eps };
  const { bytes, theta, seconds, steps } = await trainAdversarially(model, {
    data: start.train,
    ...training?.options,
    attack: { ...attack, ...own },
    seconds: given,
    seed,
    threads,
    signal,
    onStep: (step) => {
      if (drawn) onStep(step);
      onProgress?.("training", Math.round(1000 * step.done), 1000);
    },
  });
  const trained = await model.withParameters(theta);
  const loss = await lossOn(trained, start);
  await trained.close();
  const distance = norm(subtract(theta, networkOf(model).theta0));
  return { bytes, loss, distance, seconds, steps, end: "time-limit", waypoints };
}

interface TrainingRow {
  readonly seconds: number;
  readonly training: Training | undefined;
  readonly drawn: boolean;
}

/** @param seconds of the row `fresh` of this seed, asked where the row needs them */
export async function makeRow(
  { name, how, drawn }: Row,
  seed: number,
  start: Start,
  seconds: () => Promise<number>,
): Promise<Made> {
  const { model, threads, signal, onProgress } = start;
  const folder = join(start.folder, `${name}-${seed}`);
  const run = { data: start.train, folder, resume: true, seed, threads, signal } as const;
  switch (how.kind) {
    case "robust": {
      const request = requestOf(start, how.change, seed);
      const { iterations } = optionsOf(start, how.change, seed);
      const onIteration = ({ iteration }: CentreRecord): void =>
        onProgress?.("iterations", iteration, iterations);
      const corrected = await correct(model, { ...request, ...run, onIteration });
      return madeOf(corrected, drawn ? waypointsOfRun(corrected) : []);
    }
    case "reattack": {
      const points = sample(start.train, { limit: how.sources, seed, balanced: true });
      const { eps, epsSpace } = start.attack;
      const call = { ...run, points, reattack: true, attack: { eps, epsSpace }, onProgress };
      return madeOf(await correct(model, call), []);
    }
    case "adversarial": {
      const { times, training } = how;
      return train(start, seed, { seconds: times * (await seconds()), training, drawn });
    }
  }
}
