// The losses that attacks climb: each with its value, and what the network's gradient graph takes for it.
//
// DLR is the difference of logits ratio of Croce & Hein, "Reliable evaluation of adversarial robustness with
// an ensemble of diverse parameter-free attacks" (ICML 2020), equations (6) and (7): like the margin, but
// unmoved when all logits are scaled or shifted, so that a network cannot hide its gradient by being sure.
import { crossEntropy, marginOf } from "../engine/logits.ts";
import type { InputSeed } from "../engine/programs.ts";

/** A loss of one image against its label: to be increased. */
export interface AttackLoss {
  /** Its gradient graph, and the row that takes. */
  readonly loss: InputSeed;
  readonly row: Float32Array;
  /** From the logits of the image, float64. */
  value(logits: Float32Array): number;
}

/** The fewest labels that a loss is defined for: DLR looks at the third logit, targeted DLR at the fourth. */
export const leastLabels = { dlr: 3, targetedDlr: 4 } as const;

// Keeps the loss of equal logits finite, here and in the gradient graph.
const TINY = 1e-12;

/** The row with +1 at `up` and -1 at `down`. */
export function difference(labels: number, up: number, down: number): Float32Array {
  const row = new Float32Array(labels);
  row[up] = 1;
  row[down] = -1;
  return row;
}

function oneHotRow(labels: number, y: number): Float32Array {
  const row = new Float32Array(labels);
  row[y] = 1;
  return row;
}

export const crossEntropyLoss = (labels: number, y: number): AttackLoss => ({
  loss: "cross-entropy",
  row: oneHotRow(labels, y),
  value: (logits) => crossEntropy(logits, labels, 0, y),
});

/** (6): -(f_y - max rival) / (f_(1) - f_(3)), f_(k) the k-th largest logit. */
export const dlrLoss = (labels: number, y: number): AttackLoss => ({
  loss: "dlr",
  row: oneHotRow(labels, y),
  value: (logits) => {
    const [first, , third] = logits.toSorted().reverse();
    return -marginOf(logits, labels, 0, y) / (first - third + TINY);
  },
});

/** (7): -(f_y - f_t) / (f_(1) - (f_(3) + f_(4)) / 2). */
export const targetedDlrLoss = (labels: number, y: number, target: number): AttackLoss => ({
  loss: "targeted-dlr",
  row: difference(labels, target, y),
  value: (logits) => {
    const [first, , third, fourth] = logits.toSorted().reverse();
    return -(logits[y] - logits[target]) / (first - (third + fourth) / 2 + TINY);
  },
});
