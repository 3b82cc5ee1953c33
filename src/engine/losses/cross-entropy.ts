// Cross-entropy: -log softmax(f)_y, with the gradient softmax(f) - onehot(y).
import { int } from "../../onnx/attributes.ts";
import type { Loss } from "../loss.ts";

export const crossEntropy = {
  name: "cross-entropy",
  words: "-log softmax(f)_y",
  convex: true,
  value: (logits: Float32Array, labels: number, i: number, y: number): number => {
    const at = i * labels;
    let top = logits[at];
    for (let l = 1; l < labels; l++) top = Math.max(top, logits[at + l]);
    let sum = 0;
    for (let l = 0; l < labels; l++) sum += Math.exp(logits[at + l] - top);
    return top + Math.log(sum) - logits[at + y];
  },
  gradient: (b, logits, onehot) =>
    b.op("Sub", [b.op("Softmax", [logits], { axis: int(-1) }), onehot]),
} as const satisfies Loss;
