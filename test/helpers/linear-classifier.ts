// A classifier whose every attack is known in closed form: f_l(x) = w_l . x + b_l.
import type { Classifier } from "../../src/attack/classifier.ts";

/** Softmax of one row of logits, float64. */
function softmax(logits: readonly number[]): number[] {
  const top = Math.max(...logits);
  const powers = logits.map((f) => Math.exp(f - top));
  const sum = powers.reduce((a, c) => a + c, 0);
  return powers.map((p) => p / sum);
}

/** `weights` holds one row w_l a label. The gradient of the cross-entropy is sum_l p_l w_l - w_y. */
export function linearClassifier(
  weights: readonly (readonly number[])[],
  biases: readonly number[] = weights.map(() => 0),
): Classifier {
  const size = weights[0].length;
  const rowOf = (x: Float32Array, i: number): number[] =>
    weights.map((w, l) => w.reduce((sum, v, j) => sum + v * x[i * size + j], biases[l]));
  return {
    labels: weights.length,
    logits: async (x, n) =>
      Float32Array.from(Array.from({ length: n }, (_, i) => rowOf(x, i)).flat()),
    inputGradient: async (x, y) => {
      const gradient = new Float32Array(x.length);
      for (const [i, label] of y.entries()) {
        const p = softmax(rowOf(x, i));
        for (let j = 0; j < size; j++) {
          const mixed = weights.reduce((sum, w, l) => sum + p[l] * w[j], 0);
          gradient[i * size + j] = mixed - weights[label][j];
        }
      }
      return gradient;
    },
  };
}
