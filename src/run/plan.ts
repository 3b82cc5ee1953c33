// What the shell of a correction (correct.ts) asks of a recipe, whichever algorithm it runs.

import type { AnyDataset, Dataset, ImageSource } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import type { Workers } from "../engine/workers.ts";
import type { Progress } from "../progress.ts";
import type { Certificate } from "./certificate.ts";
import type { CutWork } from "./cut-meter.ts";
import type { StateFormat } from "./folder/state.ts";
import type { Proof } from "./points/proof.ts";
import type { Families, Family, Found, Measured, RunBeginning } from "./record.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** A recipe whose options are resolved and whose inputs are checked; nothing is computed yet. */
export interface Plan<F extends Family, S> {
  readonly options: Families[F]["options"];
  /** What is noted of its own inputs, beside the model and the data. */
  readonly inputs: Pick<RunBeginning["inputs"], "points" | "sources">;
  readonly state: StateFormat<S>;
  start(context: JobContext<S>): Job<F> | Promise<Job<F>>;
}

/** What every job runs with. */
export interface JobContext<S> {
  readonly network: Network;
  readonly workers: Workers;
  readonly clock: Stopwatch;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: Progress | undefined;
  /** Where an earlier run of the same beginning stopped. */
  readonly state: S | undefined;
  /** Work that was counted up to there. */
  readonly work: CutWork | undefined;
  /** Keeps the state of this run. */
  readonly onState: ((state: S) => Promise<void>) | undefined;
}

/** A correction at work. */
export interface Job<F extends Family> {
  /** Runs the algorithm; `anchors` are the thetas that candidates are rebuilt from. */
  find(): Promise<Found<F> & { readonly anchors: readonly Float32Array[] }>;
  /**
   * Measures a model that was read from its saved files.
   *
   * @param loss what was measured of it: L(theta; D)
   */
  measure(saved: Network, loss: number): Promise<MeasuredFile>;
  /** What stands for the network and a data set when the network is asked about it at some theta. */
  asked(data: AnyDataset): Promise<Asked>;
  /** Whether the choice is proven to be the nearest; undefined where no choice could be. */
  proof?(found: Found<F>, measured: MeasuredFile): Proof | undefined;
  /** The points that had to be right. */
  points(): Dataset | undefined;
  /** Work counted exactly. */
  work(): CutWork;
  close(): Promise<void>;
}

/** A network, and the images that it is asked about. */
export interface Asked {
  readonly network: Network;
  readonly data: ImageSource;
}

/** A model measured, and which of the points that must be right are wrong. */
export interface MeasuredFile {
  readonly measured: Measured;
  readonly wrong: readonly number[];
  /** Of the points, [points x labels]. */
  readonly logits: Float64Array;
  /** What is proven of it, where the recipe bounds it. */
  readonly certificate?: Certificate;
}
