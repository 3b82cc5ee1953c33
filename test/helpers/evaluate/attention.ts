// Attention: each row of queries takes a mean of the values, weighted by how its keys answer.
import { broadcastTo, build, type NDArray, withDims } from "./array.ts";
import type { Call } from "./call.ts";

/** Heads on an axis of their own: [batch, heads, rows, size]. */
function headsApart(a: NDArray, heads: number): NDArray {
  if (a.dims.length === 4) return a;
  const [batch, rows, width] = a.dims;
  const size = width / heads;
  return build([batch, heads, rows, size], false, ([n, h, r, i]) => {
    return a.data[(n * rows + r) * width + h * size + i];
  });
}

export function Attention(call: Call): NDArray[] {
  const q = headsApart(call.input(0), call.int("q_num_heads", 1));
  const [k, v] = [1, 2].map((i) => headsApart(call.input(i), call.int("kv_num_heads", 1)));
  const mask = call.optional(3);
  const isCausal = call.int("is_causal", 0) !== 0;
  const [batch, heads, rows, width] = q.dims;
  const [, groups, columns] = k.dims;
  const scale = call.float("scale", 1 / Math.sqrt(width));
  const size = v.dims[3];
  if (call.float("softcap", 0) !== 0) throw new Error("softcap is not known");
  const bias = mask && broadcastTo(mask, [batch, heads, rows, columns]);
  const added = (at: number): number =>
    bias === undefined ? 0 : mask?.integer ? (bias.data[at] !== 0 ? 0 : -Infinity) : bias.data[at];

  const y = build([batch, heads, rows, size], false, () => 0);
  for (let n = 0; n < batch; n++) {
    for (let h = 0; h < heads; h++) {
      // Neighbouring heads share the keys and values of one group.
      const g = Math.floor((h * groups) / heads);
      for (let r = 0; r < rows; r++) {
        const row = (n * heads + h) * rows + r;
        const scores = Array.from({ length: columns }, (_, c) => {
          if (isCausal && c > r) return -Infinity;
          const key = (n * groups + g) * columns + c;
          let dot = 0;
          for (let i = 0; i < width; i++) dot += q.data[row * width + i] * k.data[key * width + i];
          return scale * dot + added(row * columns + c);
        });
        const most = Math.max(...scores);
        const shares = scores.map((s) => Math.exp(s - most));
        const total = shares.reduce((a, b) => a + b);
        for (const [c, share] of shares.entries()) {
          const value = (n * groups + g) * columns + c;
          for (let i = 0; i < size; i++) {
            y.data[row * size + i] += (share / total) * v.data[value * size + i];
          }
        }
      }
    }
  }
  if (call.input(0).dims.length === 4) return [y];
  const flat = build([batch, rows, heads, size], false, ([n, r, h, i]) => {
    return y.data[((n * heads + h) * rows + r) * size + i];
  });
  return [withDims(flat, [batch, rows, heads * size])];
}
