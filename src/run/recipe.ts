// What the shell of a correction (correct.ts) asks of a recipe, whichever algorithm it runs.
import type { IterationRecord, RunEnd } from "../correct/algorithm.ts";
import type { Candidate } from "../correct/candidates.ts";
import type { Contradiction } from "../correct/elastic.ts";
import type { CentreEnd, CentreRecord } from "../correct/moving-centre.ts";
import type { Dataset } from "../data/dataset.ts";
import type { Network } from "../engine/network.ts";
import type { Workers } from "../engine/workers.ts";
import type { CutWork } from "./cut-meter.ts";
import type { Proof } from "./proof.ts";
import type { Measured } from "./record.ts";
import type { Stopwatch } from "./stopwatch.ts";

/** What an algorithm found. */
export interface Found {
  readonly end: RunEnd | CentreEnd;
  readonly contradictions: readonly Contradiction[];
  readonly iterations: readonly (IterationRecord | CentreRecord)[];
  readonly pool: readonly Candidate[];
  readonly choice: number;
  /** The thetas that candidates are rebuilt from. */
  readonly anchors: readonly Float32Array[];
}

/** A model measured, and which of the points that must be right are wrong. */
export interface MeasuredFile {
  readonly measured: Measured;
  readonly wrong: readonly number[];
  /** Of the points, [points x labels]. */
  readonly logits: Float64Array;
}

export interface Recipe {
  find(): Promise<Found>;
  /** The corrected file, read again. */
  measure(file: Uint8Array): Promise<MeasuredFile>;
  /** Whether the choice is proven to be the nearest; undefined where no choice could be. */
  proof?(found: Found, measured: MeasuredFile): Proof | undefined;
  /** The points that had to be right. */
  points(): Dataset | undefined;
  /** theta0's numbers, from the pool. */
  before(found: Found): Measured;
  /** Work counted exactly. */
  work(): CutWork;
  close(): Promise<void>;
}

/** What every recipe runs with. */
export interface RecipeContext {
  readonly network: Network;
  readonly workers: Workers;
  readonly clock: Stopwatch;
  readonly signal?: AbortSignal | undefined;
  readonly onProgress?: ((stage: string, done: number, of: number) => void) | undefined;
}

/** What an earlier run of the same beginning left, and where this one leaves its own. */
export interface Kept<S> {
  readonly state: S | undefined;
  readonly onState: ((state: S) => Promise<void>) | undefined;
  /** Counted up to there. */
  readonly work: CutWork | undefined;
}
