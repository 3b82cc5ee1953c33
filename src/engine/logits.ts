// What is read off logits, and the one-hot labels that the gradient graph of a loss takes.

/** One-hot rows [n x labels]. */
export function oneHot(y: Int32Array, labels: number): Float32Array {
  const rows = new Float32Array(y.length * labels);
  for (let i = 0; i < y.length; i++) rows[i * labels + y[i]] = 1;
  return rows;
}

/** The softmax of row `i`, float64 [labels]; finite for large logits. */
export function softmaxOf(logits: Float32Array, labels: number, i: number): Float64Array {
  const row = Float64Array.from(logits.subarray(i * labels, (i + 1) * labels));
  const top = Math.max(...row);
  let total = 0;
  for (let l = 0; l < labels; l++) {
    row[l] = Math.exp(row[l] - top);
    total += row[l];
  }
  return row.map((e) => e / total);
}

/** f_y - max over the rivals f_l of row `i`: positive where the label wins. */
export function marginOf(logits: Float32Array, labels: number, i: number, y: number): number {
  let rival = Number.NEGATIVE_INFINITY;
  for (let l = 0; l < labels; l++) if (l !== y) rival = Math.max(rival, logits[i * labels + l]);
  return logits[i * labels + y] - rival;
}

/** The label with the largest logit of row `i`: y only where it is above every rival; -1 where there is no number. */
export function answerOf(logits: Float32Array, labels: number, i: number, y: number): number {
  if (marginOf(logits, labels, i, y) > 0) return y;
  let best = -1;
  for (let l = 0; l < labels; l++) {
    const f = logits[i * labels + l];
    if (l !== y && !Number.isNaN(f) && (best < 0 || f > logits[i * labels + best])) best = l;
  }
  return best;
}
