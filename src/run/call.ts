// What `correct` is called with: the options of each recipe, and the data, points and callbacks they share.

import type { Contradiction } from "../correct/elastic.ts";
import type { CentreRecord, IterationRecord } from "../correct/records.ts";
import { type AnyDataset, checkDataset, type Dataset } from "../data/dataset.ts";
import type { Model } from "../engine/model.ts";
import { checkThreads, type Workers } from "../engine/workers.ts";
import { demand, refuseUnknown, TemperError } from "../errors.ts";
import { bytes } from "../options/kinds.ts";
import { namesIn, partOf, type Request, type Table, wordOf } from "../options/table.ts";
import type { Progress } from "../progress.ts";
import { type PointRequest, pointTable } from "./points/options.ts";
import type { PointOrigin } from "./record.ts";
import { type RobustRequest, robustTable } from "./robust/options.ts";

/** What every recipe takes beside its options. */
export interface CommonCall {
  /** D: what the loss is measured on. */
  readonly data: AnyDataset;
  /**
   * The RUN folder: the run is kept there while it goes on, one state an iteration, and written there when
   * it is finished. Without it nothing is written; `save` of the result writes it later.
   */
  readonly folder?: string | undefined;
  /** Takes up the run that stopped in `folder`: the result is that of an uninterrupted one, byte for byte. */
  readonly resume?: boolean | undefined;
  /** Replaces the run in `folder`. */
  readonly force?: boolean | undefined;
  /**
   * Goes on where the model is no better on the data than chance, which is refused otherwise: its labels or its
   * pixels are then not what the model was trained on; and where the run seems not to fit into memory. Default false.
   */
  readonly anyway?: boolean | undefined;
  /** Where the points come from, for the record: an attack and how many of its points were taken. */
  readonly origin?: PointOrigin | undefined;
  /** Held-out data: accuracy and negative flips of every candidate of the front. */
  readonly validation?: AnyDataset | undefined;
  /** Worker processes, 0 to 256; default one a core, or one on another device; 0 stays in this process. */
  readonly threads?: number | undefined;
  /** Workers that are open already, for several calls; they stay open. Then `threads` is not asked. */
  readonly workers?: Workers | undefined;
  /**
   * Bytes that all processes together may take: where the cuts would not fit into them, those of large convolutions are
   * kept in parts (`remake`), and cuts that have been idle for long are given up. Two runs with which that happens are
   * the same only if they have the same memory. Default 60 % of what is free.
   */
  readonly memory?: number | undefined;
  /** Stops the work: the call then throws `aborted`. */
  readonly signal?: AbortSignal | undefined;
  /** Told how far each stage of the work is. */
  readonly onProgress?: Progress | undefined;
  /** Told before the work begins of what must be said of the model and the data: the `notes` of the record. */
  readonly onNote?: ((note: string) => void) | undefined;
  /** Paths to note in timings.json, such as those of the model and the data. */
  readonly paths?: Readonly<Record<string, string>> | undefined;
}

/** A call of the recipes standard and paper. */
export type PointCall = PointRequest &
  CommonCall & {
    /** Dadv: images in pixel units with their true labels. With `reattack` the sources: their clean images. */
    readonly points: Dataset;
    /** Told of each iteration when it is done. */
    readonly onIteration?: ((record: IterationRecord) => void) | undefined;
    /** Told of cuts that exclude each other. */
    readonly onContradiction?: ((found: Contradiction) => void) | undefined;
  };

/** A call of the recipe robust. */
export type RobustCall = RobustRequest &
  CommonCall & {
    /** Images that must be right, each cut by itself in every iteration. */
    readonly points?: Dataset | undefined;
    /** The images to attack in place of those of `data`. */
    readonly sourcesFrom?: Dataset | undefined;
    /** Told of each iteration when it is done. */
    readonly onIteration?: ((record: CentreRecord) => void) | undefined;
  };

/** A call of `correct`; `recipe` tells which. */
export type CorrectCall = PointCall | RobustCall;

export const isRobustCall = (call: CorrectCall): call is RobustCall => call.recipe === "robust";

/** Everything of a call that is no option of a recipe. */
const beside: Readonly<Record<string, true>> = {
  data: true,
  points: true,
  sourcesFrom: true,
  folder: true,
  resume: true,
  force: true,
  anyway: true,
  origin: true,
  validation: true,
  threads: true,
  memory: true,
  workers: true,
  signal: true,
  onProgress: true,
  onNote: true,
  onIteration: true,
  onContradiction: true,
  paths: true,
} satisfies Record<Exclude<keyof PointCall | keyof RobustCall, OptionName>, true>;

type OptionName = keyof PointRequest | keyof RobustRequest;

/**
 * The options of a recipe in a call.
 *
 * @throws TemperError `bad-option` for an option that does not exist, or belongs to another recipe
 */
export function requestIn<O extends object, F, A>(
  table: Table<O, F>,
  call: CorrectCall & { readonly attack?: A },
): Request<O> & { readonly attack: A } {
  refuseOtherRecipe(call);
  refuseUnknown(call, { ...beside, ...namesIn(table), attack: true }, "correct");
  return { ...partOf(table, call), attack: call.attack as A };
}

/** An option of another recipe would be ignored in silence. */
export function refuseOtherRecipe(call: { readonly recipe?: string | undefined }): void {
  const robust = call.recipe === "robust";
  const [own, other] = robust ? [robustTable, pointTable] : [pointTable, robustTable];
  const foreign = Object.entries(call).find(
    ([name, value]) =>
      value !== undefined && Object.hasOwn(other, name) && !Object.hasOwn(own, name),
  );
  if (foreign === undefined) return;
  const advice = robust ? "leave it out" : "give --recipe robust, or leave it out";
  throw new TemperError(
    "bad-option",
    `--${wordOf(foreign[0])} does not belong to the recipe ${call.recipe ?? "standard"}; ${advice}`,
  );
}

/**
 * Checks the data sets of a call against the model.
 *
 * @throws TemperError `data-mismatch` where one does not fit, or no point is given; `bad-option` of `threads`
 */
export function checkInputs(model: Model, call: CorrectCall): void {
  const expected = { shape: model.inputShape, labels: model.labels };
  checkThreads(call.threads);
  const { memory = 1 } = call;
  demand(bytes.holds(memory), "memory", memory, bytes.expected);
  checkDataset(call.data, expected);
  if (call.points?.count === 0) {
    throw new TemperError(
      "data-mismatch",
      `${call.points.name}: no points given; there is nothing to correct`,
    );
  }
  const robust = isRobustCall(call);
  if (!robust || call.points !== undefined) checkDataset(call.points!, expected);
  if (robust && call.sourcesFrom !== undefined) checkDataset(call.sourcesFrom, expected);
  if (call.validation !== undefined) checkDataset(call.validation, expected);
}
