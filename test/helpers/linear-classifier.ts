// A classifier whose every attack is known in closed form: f_l(x) = w_l . x + b_l.
import type { Classifier } from "../../src/attack/classifier.ts";
import { logitGradient } from "./logit-losses.ts";

/** Softmax of one row of logits, float64. */
function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const powers = logits.map((f) => Math.exp(f - top));
  const sum = powers.reduce((a, c) => a + c, 0);
  return powers.map((p) => p / sum);
}

/** `weights` holds one row w_l a label. The gradient in x is that in the logits times the weights. */
export function linearClassifier(
  weights: readonly (readonly number[])[],
  biases: readonly number[] = weights.map(() => 0),
): Classifier {
  const labels = weights.length;
  const size = weights[0].length;
  const rowOf = (x: Float32Array, i: number): number[] =>
    weights.map((w, l) => w.reduce((sum, v, j) => sum + v * x[i * size + j], biases[l]));
  const logits: Classifier["logits"] = async (x, n) =>
    Float32Array.from(Array.from({ length: n }, (_, i) => rowOf(x, i)).flat());
  return {
    labels,
    logits,
    gradient: async ({ name }, x, rows) => {
      const n = rows.length / labels;
      const gradient = new Float32Array(x.length);
      for (let i = 0; i < n; i++) {
        const row = [...rows.subarray(i * labels, (i + 1) * labels)];
        const f = rowOf(x, i);
        const inLogits =
          name === "cross-entropy"
            ? softmax(f).map((p, l) => p - row[l])
            : logitGradient(name, f, row);
        for (let j = 0; j < size; j++) {
          gradient[i * size + j] = weights.reduce((sum, w, l) => sum + inLogits[l] * w[j], 0);
        }
      }
      return { logits: await logits(x, n), gradient };
    },
  };
}
