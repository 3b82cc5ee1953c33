// What `correct` is called with: the options of each recipe, and the data, points and callbacks they share.
import type { IterationRecord } from "../correct/algorithm.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type { CentreRecord } from "../correct/moving-centre.ts";
import { checkDataset, type Dataset } from "../data/dataset.ts";
import type { Model } from "../engine/model.ts";
import { TemperError } from "../errors.ts";
import type { CorrectRequest } from "./options.ts";
import type { PointOrigin } from "./record.ts";
import type { RobustRequest } from "./robust-options.ts";

/** What every recipe takes. */
export interface CommonCall {
  /** D: what the loss is measured on. */
  readonly data: Dataset;
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
  /** Paths to note in timings.json, such as those of the model and the data. */
  readonly paths?: Readonly<Record<string, string>> | undefined;
}

/** A call of the recipes standard and paper. */
export interface CorrectCall extends CorrectRequest, CommonCall {
  /** Dadv: images in pixel units with their true labels. With `reattack`, the sources: their clean images. */
  readonly points: Dataset;
  readonly onIteration?: ((record: IterationRecord) => void) | undefined;
  readonly onContradiction?: ((found: Contradiction) => void) | undefined;
}

/** A call of the recipe robust. */
export type RobustCall = RobustRequest &
  CommonCall & {
    /** Images that must be right, each cut by itself in every iteration. */
    readonly points?: Dataset | undefined;
    /** The images to attack in place of those of `data`. */
    readonly sourcesFrom?: Dataset | undefined;
    readonly onIteration?: ((record: CentreRecord) => void) | undefined;
  };

const common: Readonly<Record<Exclude<keyof CommonCall, "data">, true>> = {
  folder: true,
  resume: true,
  force: true,
  origin: true,
  validation: true,
  threads: true,
  signal: true,
  onProgress: true,
  paths: true,
};

export const known: Readonly<Record<keyof CorrectCall, true>> = {
  data: true,
  points: true,
  recipe: true,
  ...common,
  iterations: true,
  alphas: true,
  weight: true,
  margin: true,
  radius: true,
  lossSlack: true,
  penalty: true,
  cuts: true,
  rivals: true,
  loss: true,
  solver: true,
  freeShare: true,
  blockSteps: true,
  tolerance: true,
  fullPool: true,
  reattack: true,
  seed: true,
  onIteration: true,
  onContradiction: true,
};

export const knownRobust: Readonly<Record<keyof RobustCall, true>> = {
  data: true,
  points: true,
  recipe: true,
  sourcesFrom: true,
  ...common,
  iterations: true,
  every: true,
  patience: true,
  timeLimit: true,
  sources: true,
  random: true,
  groups: true,
  keep: true,
  share: true,
  lossShare: true,
  lossSample: true,
  stepCap: true,
  margin: true,
  lossSlack: true,
  loss: true,
  judged: true,
  weight: true,
  tolerance: true,
  seed: true,
  attack: true,
  onIteration: true,
};

export const isRobust = (call: CorrectCall | RobustCall): call is RobustCall =>
  call.recipe === "robust";

/** @throws TemperError `data-mismatch` where a data set does not fit the model, or no point is given */
export function checkInputs(model: Model, call: CorrectCall | RobustCall): void {
  const expected = { shape: model.inputShape, labels: model.labels };
  const robust = isRobust(call);
  checkDataset(call.data, expected);
  if (call.points?.count === 0) {
    throw new TemperError(
      "data-mismatch",
      `${call.points.name}: no points given; there is nothing to correct`,
    );
  }
  if (!robust || call.points !== undefined) checkDataset(call.points!, expected);
  if (robust && call.sourcesFrom !== undefined) checkDataset(call.sourcesFrom, expected);
  if (call.validation !== undefined) checkDataset(call.validation, expected);
}
