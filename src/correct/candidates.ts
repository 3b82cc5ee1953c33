// The pool: every candidate of Algorithm 1 as a record, and the parameters a record stands for.
import { TemperError } from "../errors.ts";
import { distanceBetween } from "../tensor/vector.ts";
import { efficientFront } from "./dominance.ts";
import type { LossEstimate } from "./loss-sample.ts";
import type { Score } from "./violation.ts";

/** A trial point theta0 + alpha (theta_k - theta0) and what it is worth. JSON holds the record without loss. */
export interface Candidate {
  /** k; 0 for theta0 itself. */
  readonly iteration: number;
  /** j: the step along the direction, alpha = j / alphas; 0 for theta0 itself. */
  readonly step: number;
  /** The part of the way from theta0 to theta_k, in [0, 1]. */
  readonly alpha: number;
  /** (10), with the margin; null where it is not finite. */
  readonly violation: number | null;
  /** The number of points with f_y above every rival, without the margin. */
  readonly corrected: number;
  /** L(theta; D); null where it is not finite, or only a bound on it is known. */
  readonly loss: number | null;
  /** Present when the evaluation of the loss stopped early because the candidate was dominated already. */
  readonly lossAtLeast?: number;
  /** Present when a sample of D told that the candidate is dominated, at the confidence of the run. */
  readonly lossEstimate?: LossEstimate;
  /** ||theta - theta0||_2 of the rounded theta. */
  readonly distance: number;
  /** Whether no other candidate dominates it. */
  readonly front: boolean;
}

/** Whether the evaluation of its loss was left when the candidate was known to be dominated. */
export const isLeft = ({ lossAtLeast, lossEstimate }: Trial): boolean =>
  lossAtLeast !== undefined || lossEstimate !== undefined;

/** A candidate while the pool still grows. */
export type Trial = Omit<Candidate, "front">;

export const finiteOrNull = (v: number): number | null => (Number.isFinite(v) ? v : null);

/** What is known of a theta that has been evaluated. */
export interface Evaluation {
  readonly theta: Float32Array;
  readonly iteration: number;
  readonly step: number;
  readonly score: Score;
  /** null where the loss is not known yet. */
  readonly loss: number | null;
  /** What a sample told of it. */
  readonly lossEstimate?: LossEstimate | undefined;
}

/** The record of a theta that lies `alpha` of the way from theta0 to an anchor. */
export function trialOf(
  theta0: Float32Array,
  alpha: number,
  { theta, iteration, step, score, loss, lossEstimate }: Evaluation,
): Trial {
  return {
    iteration,
    step,
    alpha,
    violation: finiteOrNull(score.violation),
    corrected: score.corrected,
    loss: loss === null ? null : finiteOrNull(loss),
    ...(lossEstimate && { lossEstimate }),
    distance: distanceBetween(theta, theta0),
  };
}

/** The finished pool: each trial with its front flag. */
export function poolOf(trials: readonly Trial[]): Candidate[] {
  const front = efficientFront(trials);
  return trials.map((trial, i) => ({ ...trial, front: front[i] }));
}

/**
 * The pool member fround(theta0 + (j / alphas) (theta_k - theta0)), computed in float64: all that is needed
 * to rebuild it is theta0 and the anchor theta_k, both float32 [p]. The full step is theta_k itself and is not
 * computed: of a weight that shrank far, theta_k - theta0 may not hold the last bits.
 */
export function memberTheta(
  theta0: Float32Array,
  thetaK: Float32Array,
  j: number,
  alphas: number,
): Float32Array {
  if (j === alphas) return thetaK.slice();
  const alpha = j / alphas;
  const theta = new Float32Array(theta0.length);
  for (let i = 0; i < theta.length; i++) theta[i] = theta0[i] + alpha * (thetaK[i] - theta0[i]);
  return theta;
}

/** The anchor theta_k = theta0 + d as float32. */
export function anchorTheta(theta0: Float32Array, d: Float64Array): Float32Array {
  const theta = new Float32Array(theta0.length);
  for (let i = 0; i < theta.length; i++) theta[i] = theta0[i] + d[i];
  return theta;
}

/** theta as the model's file can hold it, [p]: float16 weights are rounded further than to float32. */
export type Round = (theta: Float32Array) => Float32Array;

/** theta rounded so: what is evaluated is what can be saved. Without `round` float32 is held as it is. */
export const held = (
  { round }: { readonly round?: Round | undefined },
  theta: Float32Array,
): Float32Array => round?.(theta) ?? theta;

/** Where the candidates of a run lie: at steps along the lines from theta0 to its stored thetas. */
export interface Layout {
  /** Steps of a line; the last one is the stored theta itself. */
  readonly alphas: number;
  /** A theta is stored every so many iterations, and at the end: 1 of Algorithm 1, more of the moving centre. */
  readonly every: number;
  readonly round?: Round | undefined;
}

/**
 * The parameters of a candidate, [p].
 *
 * @param anchors the thetas that the run stored: theta_1, theta_2, ..., or the judged means
 * @throws TemperError `bad-option` where no theta was stored at its iteration
 */
export function candidateTheta(
  { iteration, step }: Pick<Candidate, "iteration" | "step">,
  theta0: Float32Array,
  anchors: readonly Float32Array[],
  { alphas, every, round }: Layout,
): Float32Array {
  if (iteration === 0) return theta0.slice();
  const anchor = anchors[Math.ceil(iteration / every) - 1];
  if (anchor === undefined) {
    throw new TemperError("bad-option", `the run has no candidate of iteration ${iteration}`);
  }
  return held({ round }, memberTheta(theta0, anchor, step, alphas));
}
