// The pool: every candidate of Algorithm 1 as a record, and the parameters a record stands for.
import { TemperError } from "../errors.ts";
import { norm, subtract } from "../tensor/vector.ts";
import { efficientFront } from "./dominance.ts";
import type { Score } from "./violation.ts";

/** A trial point theta0 + alpha (theta_k - theta0), evaluated. A plain record: JSON holds it without loss. */
export interface Candidate {
  /** k; 0 for theta0 itself. */
  readonly iteration: number;
  /** j: the step along the direction, alpha = j / alphas; 0 for theta0 itself. */
  readonly step: number;
  readonly alpha: number;
  /** (10), with the margin. null: not finite. */
  readonly violation: number | null;
  /** Points with f_y above every rival, without the margin. */
  readonly corrected: number;
  /** L(theta; D). null: not finite, or only a bound is known. */
  readonly loss: number | null;
  /** Present when the evaluation of the loss stopped early, the candidate being dominated already. */
  readonly lossAtLeast?: number;
  /** ||theta - theta0||_2 of the rounded theta. */
  readonly distance: number;
  /** No other candidate dominates it. */
  readonly front: boolean;
}

/** A candidate while the pool still grows. */
export type Trial = Omit<Candidate, "front">;

export const finiteOrNull = (v: number): number | null => (Number.isFinite(v) ? v : null);

/** The record of an evaluated theta = memberTheta(theta0, theta_k, step, alphas). */
export function trialOf(at: {
  readonly theta0: Float32Array;
  readonly theta: Float32Array;
  readonly iteration: number;
  readonly step: number;
  readonly alphas: number;
  readonly score: Score;
  /** null: not known yet. */
  readonly loss: number | null;
}): Trial {
  return {
    iteration: at.iteration,
    step: at.step,
    alpha: at.step / at.alphas,
    violation: finiteOrNull(at.score.violation),
    corrected: at.score.corrected,
    loss: at.loss === null ? null : finiteOrNull(at.loss),
    distance: norm(subtract(at.theta, at.theta0)),
  };
}

/** The finished pool: each trial with its front flag. */
export function poolOf(trials: readonly Trial[]): Candidate[] {
  const front = efficientFront(trials);
  return trials.map((trial, i) => ({ ...trial, front: front[i] }));
}

/**
 * The pool member fround(theta0 + (j / alphas) (theta_k - theta0)), computed in float64: all that is needed
 * to rebuild it is theta0 and the anchor theta_k, both float32 [p]. The full step is theta_k itself: after many
 * steps a weight may have shrunk so far that theta_k - theta0 no longer holds its last bits.
 */
export function memberTheta(
  theta0: Float32Array,
  thetaK: Float32Array,
  j: number,
  alphas: number,
): Float32Array {
  if (j === alphas) return thetaK.slice();
  const alpha = j / alphas;
  return theta0.map((t, i) => t + alpha * (thetaK[i] - t));
}

/** The anchor theta_k = theta0 + d as float32. */
export function anchorTheta(theta0: Float32Array, d: Float64Array): Float32Array {
  return theta0.map((t, i) => t + d[i]);
}

/** How candidates lie on the stored thetas. */
export interface Layout {
  /** Steps along each direction. */
  readonly alphas: number;
  /** Every so many iterations a theta is stored; so is the last. */
  readonly every: number;
}

/**
 * The parameters of a candidate, from theta0 and the stored thetas.
 *
 * @throws TemperError `bad-option` where no theta was stored at its iteration
 */
export function candidateTheta(
  { iteration, step }: Pick<Candidate, "iteration" | "step">,
  theta0: Float32Array,
  anchors: readonly Float32Array[],
  { alphas, every }: Layout,
): Float32Array {
  if (iteration === 0) return theta0.slice();
  const anchor = anchors[Math.ceil(iteration / every) - 1];
  if (anchor === undefined) {
    throw new TemperError("bad-option", `the run has no candidate of iteration ${iteration}`);
  }
  return memberTheta(theta0, anchor, step, alphas);
}
