// What attacks climb: a loss of one image against its label, with its value and the row its gradient graph takes.
import { oneHot } from "../engine/logits.ts";
import type { Objective } from "../engine/loss.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";

/** A loss of one image against its label: to be increased. */
export interface AttackLoss {
  /** What is differentiated. */
  readonly loss: Objective;
  /** The image's row of the covector input, [labels]. */
  readonly row: Float32Array;
  /** From the logits of the image, float64. */
  value(logits: Float32Array): number;
}

/** The row with +1 at the label and 0 elsewhere. */
export const oneHotRow = (labels: number, y: number): Float32Array =>
  oneHot(Int32Array.of(y), labels);

/** The row with +1 at `up` and -1 at `down`. */
export function difference(labels: number, up: number, down: number): Float32Array {
  const row = new Float32Array(labels);
  row[up] = 1;
  row[down] = -1;
  return row;
}

export const crossEntropyLoss = (labels: number, y: number): AttackLoss => ({
  loss: crossEntropy,
  row: oneHotRow(labels, y),
  value: (logits) => crossEntropy.value(logits, labels, 0, y),
});
