// Where an algorithm stands after an iteration: all that is needed to take a run up again, to the bit.
//
// Gradients of the cuts are not part of it: they are made again at the anchors, which gives the same bits.
// Nor is the Gram matrix, whose entries do not depend on what was asked before (qp/gram-cache.ts).
import type { ActiveSet } from "../qp/nearest-point.ts";
import type { Trial } from "./candidates.ts";
import type { Contradiction } from "./elastic.ts";
import type { IdleState } from "./idle.ts";
import type { CentreRecord, IterationRecord, RunEnd } from "./records.ts";

/** An anchor with its loss and the gradient of its loss, float64 [p]; that is empty where no cut will come of it. */
export interface AnchorState {
  readonly theta: Float32Array;
  readonly loss: number;
  readonly gradient: Float64Array;
}

/** After the last iteration, while the losses of the lines are found: they can be half of a run. */
export interface FinishingState {
  readonly end: RunEnd;
  /** theta_K, where it has no gradient: it is among the candidates, and brings no cuts. */
  readonly last: Float32Array | undefined;
  /** The trials whose losses have been found so far, each a loss or a bound. */
  readonly lines: readonly Trial[];
}

/** Algorithm 1 after iteration k: theta0, theta_1, ..., theta_k, and what was recorded on the way. */
export interface AlgorithmState {
  readonly anchors: readonly AnchorState[];
  readonly trials: readonly Trial[];
  readonly iterations: readonly IterationRecord[];
  /** The multipliers of the last (13), and the largest of all so far. */
  readonly active: ActiveSet;
  readonly largestMultiplier: number;
  readonly contradictions: readonly Contradiction[];
  /** Present where the cuts have a limit. */
  readonly idle?: IdleState | undefined;
  /** Present when no iteration is left to do. */
  readonly finishing?: FinishingState;
}

/** The moving centre after a judged iteration. */
export interface CentreState {
  /** The present theta, [p]. */
  readonly theta: Float32Array;
  /** The sizes of the gradients so far, [p], where the metric follows them. */
  readonly sizes?: Float64Array;
  /** The last step, [p], where there is momentum. */
  readonly velocity?: Float64Array;
  /** The means judged so far, each [p]. */
  readonly anchors: readonly Float32Array[];
  readonly trials: readonly Trial[];
  readonly iterations: readonly CentreRecord[];
}
