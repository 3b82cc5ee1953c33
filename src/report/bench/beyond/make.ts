// How each row of the study comes to its network: a correction by one of the recipes, or adversarial training.
import { join } from "node:path";
import { evaluate } from "../../../attack/evaluate.ts";
import type { AttackRequest } from "../../../attack/options.ts";
import { sample } from "../../../attack/sample.ts";
import type { CentreRecord } from "../../../correct/moving-centre.ts";
import type { Dataset } from "../../../data/dataset.ts";
import { workOfPasses } from "../../../engine/flops.ts";
import type { Model } from "../../../engine/model.ts";
import { correct } from "../../../run/correct.ts";
import type { Run } from "../../../run/record.ts";
import {
  type RobustOptions,
  type RobustRequest,
  robustOptions,
} from "../../../run/robust-options.ts";
import { norm, subtract } from "../../../tensor/vector.ts";
import { trainAdversarially } from "../../../train/adversarial.ts";
import type { BenchWork } from "../work.ts";
import { trainingWaypoints, type Waypoint, waypointsOfRun } from "./measure.ts";
import type { Change, Row } from "./rows.ts";

/** What every row starts from. */
export interface Start extends Pick<BenchWork, "threads" | "signal" | "onProgress"> {
  readonly model: Model;
  readonly train: Dataset;
  /** Keeps the runs. */
  readonly folder: string;
  /** The recipe, where it is not the default. */
  readonly recipe?: Change | undefined;
  /** Its attack: the ball, and steps where they are not the default. */
  readonly attack: Pick<AttackRequest, "eps" | "epsSpace" | "steps" | "stepSize">;
}

/** What a row has made. */
export interface Made {
  readonly bytes: Uint8Array;
  /** On the training data. */
  readonly loss: number;
  /** ||theta - theta0||_2 */
  readonly distance: number;
  readonly seconds: number;
  /** Iterations or training steps, and why there were no more. */
  readonly steps: number;
  readonly end: string;
  /** On the way there, of a row that is drawn. */
  readonly waypoints: readonly Waypoint[];
}

function requestOf({ recipe, attack }: Start, change: Change, seed: number): RobustRequest {
  const { clip, ...rest } = { ...recipe, ...change };
  return { recipe: "robust", ...rest, attack: { ...attack, clip }, seed };
}

/** A row's options, fully stated. */
export const optionsOf = (start: Start, change: Change, seed: number): RobustOptions =>
  robustOptions(requestOf(start, change, seed), workOfPasses(start.model.network).forward);

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

/** Trains with the attack of the recipe that all rows start from. */
async function train(start: Start, seed: number, given: number): Promise<Made> {
  const { model, threads, signal, onProgress } = start;
  const { waypoints, onStep } = trainingWaypoints();
  const { bytes, theta, seconds, steps } = await trainAdversarially(model, {
    data: start.train,
    attack: optionsOf(start, {}, seed).attack,
    seconds: given,
    seed,
    threads,
    signal,
    onStep: (step) => {
      onStep(step);
      onProgress?.("training", Math.round(1000 * step.done), 1000);
    },
  });
  const trained = await model.withParameters(theta);
  const loss = await lossOn(trained, start);
  await trained.close();
  const distance = norm(subtract(theta, model.network.theta0));
  return { bytes, loss, distance, seconds, steps, end: "time-limit", waypoints };
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
      const points = sample(start.train, { limit: how.sources, seed });
      const { eps, epsSpace } = start.attack;
      const reattack = { attack: { eps, epsSpace } };
      return madeOf(await correct(model, { ...run, points, reattack, onProgress }), []);
    }
    case "adversarial":
      return train(start, seed, how.times * (await seconds()));
  }
}
