// The loss of TRADES (Zhang et al., ICML 2019, equation (5)), and its gradient in the logits of both images.
//
//     CE(f(x), y) + beta KL(p(x) || p(x'))      with p = softmax(f)
//
// In the logits f(x') the gradient of the divergence is p(x') - p(x). In f(x), which moves p(x) on both sides of it,
// it is p(x) times s - KL, with s = log p(x) - log p(x').
import { softmaxOf } from "../engine/logits.ts";
import { crossEntropy } from "../engine/losses/cross-entropy.ts";

/** Logits of the same images, clean and attacked, each [n x labels], and what they should answer. */
export interface Pairs {
  readonly clean: Float32Array;
  readonly attacked: Float32Array;
  readonly labels: number;
  /** The true labels, [n]. */
  readonly y: Int32Array;
}

/** The loss summed over the pairs, and its gradient in the clean logits [n x labels]. */
export function tradesAtClean(
  { clean, attacked, labels, y }: Pairs,
  beta: number,
): { readonly loss: number; readonly gradient: Float32Array } {
  const gradient = new Float32Array(clean.length);
  let loss = 0;
  for (const [i, label] of y.entries()) {
    const p = softmaxOf(clean, labels, i);
    // The logarithm of p(x)_l is the negative cross-entropy of l: it stays finite where p_l is 0 in float64.
    const s = p.map(
      (_, l) =>
        crossEntropy.value(attacked, labels, i, l) - crossEntropy.value(clean, labels, i, l),
    );
    const divergence = p.reduce((sum, q, l) => sum + q * s[l], 0);
    loss += crossEntropy.value(clean, labels, i, label) + beta * divergence;
    for (let l = 0; l < labels; l++) {
      const own = p[l] - (l === label ? 1 : 0);
      gradient[i * labels + l] = own + beta * p[l] * (s[l] - divergence);
    }
  }
  return { loss, gradient };
}

/**
 * The soft labels whose cross-entropy has, in the attacked logits, the gradient of beta KL(p(x) || p(x')): beta p(x),
 * [n x labels].
 */
export function tradesRows(clean: Float32Array, labels: number, beta: number): Float32Array {
  const rows = new Float32Array(clean.length);
  for (let i = 0; i < clean.length / labels; i++) {
    rows.set(
      softmaxOf(clean, labels, i).map((p) => beta * p),
      i * labels,
    );
  }
  return rows;
}
