// What the moving-centre algorithm asks about a classifier: points to cut, losses, a judgement of a candidate.
import type { Round } from "./candidates.ts";
import type { AskedPoints } from "./groups.ts";
import type { CutSet } from "./oracle.ts";

/** The points of one iteration, and an empty set of cuts over them. */
export interface Separated extends AskedPoints {
  /** How many points must be right: they are the first ones, and each is cut by itself. */
  readonly own: number;
  readonly cuts: CutSet;
  /** The mean square of the rows added as sums of logits, weight by weight and not scaled, [p]; none without a row. */
  readonly meanSquares?: (() => Float64Array | undefined) | undefined;
}

/** How the points of an iteration are asked for. */
export interface SeparateOptions {
  /** The share of the run that is over when this iteration is, above 0: of its iterations or its time. */
  readonly through: number;
  /** What the columns of the rows added as sums of logits are scaled by, [p]; default 1 (correct/metric.ts). */
  readonly scale?: Float32Array | undefined;
}

/** The loss on a sample of D at theta, with its gradient [p], and at theta0. */
export interface SampledLoss {
  readonly loss: number;
  readonly gradient: Float64Array;
  readonly atStart: number;
}

/**
 * The classifier as the moving-centre algorithm sees it. Every answer depends on the arguments alone, so that
 * a run taken up again goes on as it would have.
 */
export interface SeparationOracle {
  readonly theta0: Float32Array;
  /** theta as the model's file can hold it; absent where that is float32. */
  readonly round?: Round | undefined;
  /** Points at which theta is asked in this iteration: the harder for theta, the better the cuts. */
  separate(theta: Float32Array, iteration: number, options: SeparateOptions): Promise<Separated>;
  /** L on the sample of this iteration. */
  sampledLoss(theta: Float32Array, iteration: number): Promise<SampledLoss>;
  /** Points that no cut was made of, as hard for theta as those of `separate`, and those that must be right. */
  judge(theta: Float32Array): Promise<AskedPoints>;
  /** L(theta; D). */
  loss(theta: Float32Array): Promise<number>;
}
