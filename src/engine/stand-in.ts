// What a solver sees of rows whose Gram entries are all known: nothing else. A' lambda is stood in for by the weights
// lambda, since A (A' lambda) is G lambda; only what a solve ends with is made for real (`RemadeRows`).
import { blockOf, type CutRows } from "../qp/rows.ts";

/** @param entry a_r . a_s, of any two rows there are; symmetric to the bit */
export function standIn(entry: (r: number, s: number) => number): Required<Omit<CutRows, "count">> {
  const timesStandIn = (weights: Float64Array, r: number): number =>
    weights.reduce((sum, weight, s) => (weight === 0 ? sum : sum + weight * entry(r, s)), 0);
  return {
    gram: (wanted, columns) => blockOf(wanted, columns, entry),
    times: (weights) => (chosen) => Float64Array.from(chosen, (r) => timesStandIn(weights, r)),
    combine: (weights) => weights.slice(),
    distance: (v, w = new Float64Array(0)) => {
      const apart = v.map((weight, r) => weight - (w[r] ?? 0));
      const square = apart.reduce(
        (sum, a, r) => (a === 0 ? sum : sum + a * timesStandIn(apart, r)),
        0,
      );
      return Math.sqrt(Math.max(0, square));
    },
  };
}
