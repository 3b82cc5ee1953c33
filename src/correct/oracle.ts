// What the algorithm asks about a classifier: losses, gradients, logits on the points, cuts.

import type { CutRows } from "../qp/rows.ts";
import type { Round } from "./candidates.ts";
import type { LossEstimate, SampledOracle } from "./loss-sample.ts";

/** One tensor of theta. Algorithm 2 treats weights and biases differently. */
export interface ThetaTensor {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly kind: "weight" | "bias";
}

/** One term w_il f_l(x_i) of a weighted sum of logits. */
export interface LogitTerm {
  readonly point: number;
  readonly label: number;
  readonly weight: number;
}

/** A sum of w_il f_l(x_i): in (7) it is one point with +1 at the rival and -1 at its label. */
export type LogitSum = readonly LogitTerm[];

/**
 * A growing set of linearised constraints. A row is a gradient in theta; how it is stored
 * (outer-product factors, a plain row) is the engine's secret.
 */
export interface CutSet extends CutRows {
  /** Appends the gradients at theta of the given sums of logits; returns the sums' values at theta. */
  addLogitSums(theta: Float32Array, sums: readonly LogitSum[]): Promise<Float64Array>;
  /** Appends one row that is already known, such as the gradient of the loss, float64 [p]; never write to it again. */
  addRow(row: Float64Array): void | Promise<void>;
  /** How many bytes the rows take. */
  bytes(): number;
  /** Forgets what rows hold: their numbers stay, their products are 0. */
  drop?(rows: readonly number[]): void;
  /**
   * Present where rows are made again when they are needed, which takes long: `combine` then gives
   * a stand-in for A' lambda, which `times` and `distance` read, and nothing else may.
   */
  readonly remade?: RemadeRows;
}

/** What takes long of rows that are made again. */
export interface RemadeRows {
  /** a_i . v of the chosen rows for any v, [p]. */
  product(v: Float64Array, chosen: Int32Array): Promise<Float64Array>;
  /** The A' lambda, [p], that a stand-in stands for. */
  expand(standIn: Float64Array): Promise<Float64Array>;
}

/** L(theta; D), or where its evaluation stopped, a value that it exceeds or equals, or what a sample tells of it. */
export type Loss =
  | { readonly loss: number }
  | { readonly lossAtLeast: number }
  | { readonly lossEstimate: LossEstimate };

/** What came of asking the sources again. */
export interface Asked {
  /** The number of sources. */
  readonly sources: number;
  /** How many of them have a point that theta gets wrong. */
  readonly falling: number;
  /** How many points were added. */
  readonly added: number;
}

/**
 * The classifier as Algorithm 1 sees it. theta is float32 (the values a model file can hold);
 * every returned number is float64.
 */
export interface Oracle {
  readonly theta0: Float32Array;
  /** theta as the model's file can hold it; absent where that is float32. */
  readonly round?: Round | undefined;
  readonly tensors: readonly ThetaTensor[];
  /** The number of labels. */
  readonly labels: number;
  /** The true label y_i of each point of Dadv; there are more of them after `ask` has added points. */
  y(): Int32Array;
  /**
   * Asks the sources of the points again at theta, and adds to Dadv what theta gets wrong or right by less than the
   * margin: the cutting-set form. Absent where Dadv is fixed. The same calls in the same order add the same points.
   */
  readonly ask?: ((theta: Float32Array, margin: number) => Promise<Asked>) | undefined;
  /** f_l(x_i; theta), row-major [points x labels]. */
  logits(theta: Float32Array): Promise<Float64Array>;
  /** L(theta; D). */
  loss(theta: Float32Array): Promise<number>;
  /**
   * L(theta; D), or a lower bound on it once it is known to exceed `limit`. This needs a loss that is never
   * negative: a sum over part of the images is then such a bound.
   */
  boundedLoss(theta: Float32Array, limit: number): Promise<Loss>;
  /** L(theta; D) and its gradient [p]. */
  lossGradient(theta: Float32Array): Promise<{ loss: number; gradient: Float64Array }>;
  /** The loss on samples of D. */
  readonly sampled?: SampledOracle | undefined;
  /** || d/dx of each sum of logits at theta ||_1 with x in pixel units: what (18) adds to a cut, per unit of rho. */
  inputNorms(theta: Float32Array, sums: readonly LogitSum[]): Promise<Float64Array>;
  /** An empty set of cuts. */
  cutSet(): CutSet;
}
