// The losses a run may hold: each a function of the logits that is smooth and never negative.
import { crossEntropy } from "./logits.ts";

export const lossNames = ["cross-entropy", "brier"] as const;
export type LossName = (typeof lossNames)[number];

/** The loss of row `i` of logits [n x labels] against its label, float64. */
export type LossOf = (logits: Float32Array, labels: number, i: number, y: number) => number;

/** Squared distance of softmax(f) from the one-hot label: in [0, 2]. */
export function brier(logits: Float32Array, labels: number, i: number, y: number): number {
  const row = logits.subarray(i * labels, (i + 1) * labels);
  const top = row.reduce((a, c) => Math.max(a, c), Number.NEGATIVE_INFINITY);
  let total = 0;
  for (const f of row) total += Math.exp(f - top);
  let sum = 0;
  for (const [l, f] of row.entries()) {
    sum += (Math.exp(f - top) / total - (l === y ? 1 : 0)) ** 2;
  }
  return sum;
}

export const losses: Readonly<Record<LossName, LossOf>> = { "cross-entropy": crossEntropy, brier };

/** Sum of the losses of n rows. */
export function sumLoss(
  loss: LossName,
  logits: Float32Array,
  labels: number,
  y: Int32Array,
): number {
  const of = losses[loss];
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += of(logits, labels, i, y[i]);
  return sum;
}
