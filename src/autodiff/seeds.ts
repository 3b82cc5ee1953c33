// What a backward pass starts from: the gradient in the logits of each loss, as nodes of the graph.
//
// They are taken inside the graph because they depend on the logits: a loss then costs one pass.
import { int } from "../onnx/attributes.ts";
import { type Builder, scalar, sumOver } from "./builder.ts";

/** The covector input of every gradient graph, [batch, labels]. */
export const COVECTOR = "temper/covector";

/**
 * What is differentiated, summed over the images, and what the covector input then holds:
 *
 * - `weights`: sum w_il f_l(x_i); the w.
 * - `cross-entropy`, `brier`: the one-hot labels.
 * - `dlr` (Croce & Hein, ICML 2020, equation (6)): the one-hot labels.
 * - `targeted-dlr` (equation (7)): +1 at the target, -1 at the label.
 */
export type Seed = "weights" | "cross-entropy" | "brier" | "dlr" | "targeted-dlr";

export function seedGradient(b: Builder, seed: Seed, logits: string): string {
  switch (seed) {
    case "weights":
      return COVECTOR;
    case "dlr":
      return ratioGradient(b, logits, [1, 0, -1], rivalMinusLabel);
    case "targeted-dlr":
      return ratioGradient(b, logits, [1, 0, -0.5, -0.5], () => COVECTOR);
    default: {
      const p = b.op("Softmax", [logits], { axis: int(-1) });
      const error = b.op("Sub", [p, COVECTOR]);
      if (seed === "cross-entropy") return error; // softmax(f) - onehot
      // ||p - onehot||^2 through the softmax: 2 (p e - p sum(p e)) with e = p - onehot.
      const pe = b.op("Mul", [p, error]);
      return b.op("Mul", [b.op("Sub", [pe, b.op("Mul", [p, rowSum(b, pe)])]), scalar(b, 2)]);
    }
  }
}

const rowSum = (b: Builder, rows: string): string => sumOver(b, rows, [1], true);

// Keeps the loss of equal logits finite, as in the reference implementation.
const TINY = 1e-12;

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
  rowOf: (b: Builder, marking: (ranks: readonly number[]) => string) => string,
): string {
  const ranks = byRank.length;
  const column = b.floats([ranks, 1], byRank);
  const [top, indices] = b.ops("TopK", [logits, b.ints([ranks])], 2, { axis: int(-1) });
  const labels = b.ints([b.shapeOf(logits).at(-1)!]);
  const ranked = b.op("OneHot", [indices, labels, b.floats([2], [0, 1])]); // [n, ranks, labels]
  const marking = (weights: readonly number[]): string =>
    sumOver(b, b.op("Mul", [ranked, b.floats([ranks, 1], weights)]), [1]);
  const a = rowOf(b, marking);
  const D = b.op("Add", [b.op("MatMul", [top, column]), scalar(b, TINY)]);
  const ratio = b.op("Div", [rowSum(b, b.op("Mul", [a, logits])), D]);
  return b.op("Div", [b.op("Sub", [a, b.op("Mul", [ratio, marking(byRank)])]), D]);
}

/** +1 at the largest logit that is not the label's, -1 at the label. */
function rivalMinusLabel(b: Builder, marking: (ranks: readonly number[]) => string): string {
  const labelIsFirst = rowSum(b, b.op("Mul", [COVECTOR, marking([1, 0, 0])]));
  const other = b.op("Mul", [labelIsFirst, marking([-1, 1, 0])]);
  return b.op("Sub", [b.op("Add", [marking([1, 0, 0]), other]), COVECTOR]);
}
