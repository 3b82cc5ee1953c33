// The Brier score: the squared distance of softmax(f) from the one-hot label, in [0, 2].
import { scalar, sumOver } from "../../autodiff/builder.ts";
import { int } from "../../onnx/attributes.ts";
import type { Loss } from "../loss.ts";

export const brier = {
  name: "brier",
  words: "the squared distance of softmax(f) from the one-hot label",
  convex: false,
  value: (logits: Float32Array, labels: number, i: number, y: number): number => {
    const row = logits.subarray(i * labels, (i + 1) * labels);
    const top = row.reduce((a, c) => Math.max(a, c), Number.NEGATIVE_INFINITY);
    let total = 0;
    for (const f of row) total += Math.exp(f - top);
    let sum = 0;
    for (const [l, f] of row.entries()) {
      sum += (Math.exp(f - top) / total - (l === y ? 1 : 0)) ** 2;
    }
    return sum;
  },
  // With p = softmax(f) and e = p - onehot, the gradient of ||e||^2 is 2 (p e - p sum(p e)).
  gradient: (b, logits, onehot) => {
    const p = b.op("Softmax", [logits], { axis: int(-1) });
    const pe = b.op("Mul", [p, b.op("Sub", [p, onehot])]);
    const mean = b.op("Mul", [p, sumOver(b, pe, [1], true)]);
    return b.op("Mul", [b.op("Sub", [pe, mean]), scalar(b, 2)]);
  },
} as const satisfies Loss;
