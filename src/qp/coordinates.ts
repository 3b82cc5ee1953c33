// Rows restricted to some of their coordinates: what A d <= b is when the other entries of d are fixed.
//
// A random subset of the coordinates has no structure that rows kept as factors could use. So a row whose
// Gram entries are asked for is written out on the subset, once; all other rows are only ever multiplied,
// by a vector that is zero outside it.
import { dot } from "../tensor/vector.ts";
import { blockOf, type CutRows } from "./rows.ts";

/** The entries of v, [p], at the chosen coordinates. */
function pick(v: Float64Array, chosen: Int32Array): Float64Array {
  const part = new Float64Array(chosen.length);
  for (let k = 0; k < chosen.length; k++) part[k] = v[chosen[k]];
  return part;
}

/** `base`, [p], with the chosen coordinates replaced by those of `part`. */
export function put(part: Float64Array, chosen: Int32Array, base: Float64Array): Float64Array {
  const whole = base.slice();
  for (let k = 0; k < chosen.length; k++) whole[chosen[k]] = part[k];
  return whole;
}

/** The same rows over the chosen coordinates, in that order, of vectors of length p. */
export function overCoordinates(rows: CutRows, chosen: Int32Array, p: number): CutRows {
  const written = new Map<number, Float64Array>();
  const rowAt = (r: number): Float64Array => {
    const known = written.get(r);
    if (known !== undefined) return known;
    const unit = new Float64Array(rows.count());
    unit[r] = 1;
    const row = pick(rows.combine(unit), chosen);
    written.set(r, row);
    return row;
  };
  const zero = new Float64Array(p);
  return {
    count: () => rows.count(),
    gram: (wanted, columns) => blockOf(wanted, columns, (r, s) => dot(rowAt(r), rowAt(s))),
    times: (v) => rows.times(put(v, chosen, zero)),
    combine: (lambda) => pick(rows.combine(lambda), chosen),
  };
}
