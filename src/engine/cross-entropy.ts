// Cross-entropy of logits in float64, and the one-hot labels its gradient graph takes.

/** -log softmax(f)_y of row `i`, float64, safe for large logits. */
export function crossEntropy(logits: Float32Array, labels: number, i: number, y: number): number {
  const at = i * labels;
  let top = logits[at];
  for (let l = 1; l < labels; l++) top = Math.max(top, logits[at + l]);
  let sum = 0;
  for (let l = 0; l < labels; l++) sum += Math.exp(logits[at + l] - top);
  return top + Math.log(sum) - logits[at + y];
}

/** Sum of the cross-entropies of n rows. */
export function sumCrossEntropy(logits: Float32Array, labels: number, y: Int32Array): number {
  let sum = 0;
  for (let i = 0; i < y.length; i++) sum += crossEntropy(logits, labels, i, y[i]);
  return sum;
}

/** One-hot rows [n x labels]. */
export function oneHot(y: Int32Array, labels: number): Float32Array {
  const rows = new Float32Array(y.length * labels);
  for (let i = 0; i < y.length; i++) rows[i * labels + y[i]] = 1;
  return rows;
}
