// The difference of logits ratio, DLR: like the margin, but unmoved when all logits are scaled or shifted.
//
// Croce & Hein, "Reliable evaluation of adversarial robustness with an ensemble of diverse parameter-free
// attacks" (ICML 2020), equations (6) and (7): a network cannot hide this loss's gradient by being sure.
import { type Builder, scalar, sumOver } from "../autodiff/builder.ts";
import { marginOf } from "../engine/logits.ts";
import type { Objective } from "../engine/loss.ts";
import { int } from "../onnx/attributes.ts";
import { type AttackLoss, difference, oneHotRow } from "./losses.ts";

/** (6); the covector input holds the one-hot labels. */
const dlr: Objective = {
  name: "dlr",
  gradient: (b, logits, onehot) =>
    ratioGradient(b, logits, [1, 0, -1], (marking) => rivalMinusLabel(b, onehot, marking)),
};

/** (7); the covector input holds +1 at the target and -1 at the label. */
const targetedDlr: Objective = {
  name: "targeted-dlr",
  gradient: (b, logits, difference) =>
    ratioGradient(b, logits, [1, 0, -0.5, -0.5], () => difference),
};

// Keeps the loss of equal logits finite, here and in the gradient graph, as in the reference implementation.
const TINY = 1e-12;

/** (6): -(f_y - max rival) / (f_(1) - f_(3)), f_(k) the k-th largest logit; defined for 3 labels or more. */
export const dlrLoss = (labels: number, y: number): AttackLoss => ({
  loss: dlr,
  row: oneHotRow(labels, y),
  value: (logits) => {
    const [first, , third] = logits.toSorted().reverse();
    return -marginOf(logits, labels, 0, y) / (first - third + TINY);
  },
});

/** (7): -(f_y - f_t) / (f_(1) - (f_(3) + f_(4)) / 2); defined for 4 labels or more. */
export const targetedDlrLoss = (labels: number, y: number, target: number): AttackLoss => ({
  loss: targetedDlr,
  row: difference(labels, target, y),
  value: (logits) => {
    const [first, , third, fourth] = logits.toSorted().reverse();
    return -(logits[y] - logits[target]) / (first - (third + fourth) / 2 + TINY);
  },
});

/** Rows with the given weights at the largest, the second largest, ... logit. */
type Marking = (weights: readonly number[]) => string;

/**
 * The gradient of (a . f) / (d . f): with D = d . f it is (a - (a . f) / D d) / D. Both rows mark logits by
 * their rank or label, which a small step does not change: d is `byRank` put at the largest logits.
 *
 * @param rowOf the row a, given the rows that mark ranks
 */
function ratioGradient(
  b: Builder,
  logits: string,
  byRank: readonly number[],
  rowOf: (marking: Marking) => string,
): string {
  const ranks = byRank.length;
  const column = b.floats([ranks, 1], byRank);
  const [top, indices] = b.ops("TopK", [logits, b.ints([ranks])], 2, { axis: int(-1) });
  const labels = b.ints([b.shapeOf(logits).at(-1)!]);
  const ranked = b.op("OneHot", [indices, labels, b.floats([2], [0, 1])]); // [n, ranks, labels]
  const marking: Marking = (weights) =>
    sumOver(b, b.op("Mul", [ranked, b.floats([ranks, 1], weights)]), [1]);
  const a = rowOf(marking);
  const D = b.op("Add", [b.op("MatMul", [top, column]), scalar(b, TINY)]);
  const ratio = b.op("Div", [rowSum(b, b.op("Mul", [a, logits])), D]);
  return b.op("Div", [b.op("Sub", [a, b.op("Mul", [ratio, marking(byRank)])]), D]);
}

/** +1 at the largest logit that is not the label's, -1 at the label. */
function rivalMinusLabel(b: Builder, onehot: string, marking: Marking): string {
  const labelIsFirst = rowSum(b, b.op("Mul", [onehot, marking([1, 0, 0])]));
  const other = b.op("Mul", [labelIsFirst, marking([-1, 1, 0])]);
  return b.op("Sub", [b.op("Add", [marking([1, 0, 0]), other]), onehot]);
}

const rowSum = (b: Builder, rows: string): string => sumOver(b, rows, [1], true);
