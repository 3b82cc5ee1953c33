// Checks the KKT conditions of a nearest-point problem from raw A, b, u and lambda, by plain loops.
import type { DenseProblem } from "../../src/qp/nearest-point-dense.ts";

/** The worst violation of one condition and where it is. */
export interface Violation {
  readonly condition:
    | "lambda >= 0"
    | "lambda <= u"
    | "row holds"
    | "row is tight"
    | "slack is paid";
  readonly row: number;
  /** Relative: 1e-8 of the sizes that the condition compares. */
  readonly size: number;
}

/** d = -A' lambda. */
export function pointOf(rows: readonly Float64Array[], lambda: Float64Array): Float64Array {
  const d = new Float64Array(rows[0].length);
  for (const [i, row] of rows.entries()) {
    for (let c = 0; c < d.length; c++) d[c] -= lambda[i] * row[c];
  }
  return d;
}

const length = (v: Float64Array): number => Math.sqrt(v.reduce((sum, x) => sum + x * x, 0));

/** Every violation above `tolerance`; none means that d = -A' lambda is the nearest point. */
export function kktViolations(
  { rows, rhs, upper }: DenseProblem,
  lambda: Float64Array,
  tolerance = 1e-8,
): Violation[] {
  const d = pointOf(rows, lambda);
  // Where the terms of d cancel, d is known to 1e-16 of their sum and no better.
  const terms = rows.reduce((sum, row, i) => sum + Math.abs(lambda[i]) * length(row), 0);
  const reach = Math.max(length(d), 1e-6 * terms);
  const found: Violation[] = [];
  for (const [i, row] of rows.entries()) {
    const u = upper?.[i] ?? Infinity;
    const step = length(row) * reach;
    const left = row.reduce((sum, x, c) => sum + x * d[c], 0);
    const excess = (left - rhs[i]) / (step + Math.abs(rhs[i]) || 1);
    const check = (condition: Violation["condition"], size: number): void => {
      if (!(size <= tolerance)) found.push({ condition, row: i, size });
    };
    check("lambda >= 0", (-lambda[i] * length(row)) / (reach || 1));
    if (u < Infinity) check("lambda <= u", (lambda[i] - u) / (u || 1));
    if (lambda[i] < u) check("row holds", excess);
    if (lambda[i] > 0 && lambda[i] < u) check("row is tight", Math.abs(excess));
    if (lambda[i] > 0 && lambda[i] === u) check("slack is paid", -excess);
  }
  return found.toSorted((a, b) => b.size - a.size);
}
