// What a nearest-point solve is given: the problem, checked, and the active set it starts from.
import { TemperError } from "../errors.ts";
import { type GramColumns, gramCache } from "./gram-cache.ts";
import type { DualProblem } from "./residuals.ts";
import { type Rows, rowsFrom } from "./rows.ts";
import { append, createWorkingSet, project, type WorkingSet } from "./working-set.ts";

/** min 1/2 ||d||^2 + u's subject to A d <= b + s, s >= 0, with m rows. */
export interface NearestPointProblem {
  /** The rows of A by their Gram matrix; a {@link gramCache} keeps its entries for the next solve. */
  readonly rows: Rows | GramColumns;
  /** b, `[m]`, finite. */
  readonly rhs: Float64Array;
  /** u, `[m]`, each >= 0: the price of one unit of slack in row i. Infinity (default) makes it hard. */
  readonly upper?: Float64Array | undefined;
}

/** The rows with a positive multiplier, ascending, and these multipliers: all a warm start needs. */
export interface ActiveSet {
  /** Indices of rows. */
  readonly rows: Int32Array;
  /** The multiplier of each of them, above 0 and at most its u_i. */
  readonly multipliers: Float64Array;
}

/** The active set of lambda, [m]. */
export function activeSetOf(lambda: Float64Array): ActiveSet {
  const rows = Int32Array.from(lambda.keys()).filter((i) => lambda[i] > 0);
  return { rows, multipliers: Float64Array.from(rows, (i) => lambda[i]) };
}

/** Checks lengths and numbers; an infinite or missing u_i is a hard row. */
export function readProblem({ rows, rhs, upper }: NearestPointProblem): DualProblem {
  const gram = "column" in rows ? rows : gramCache(rows).among(rowsFrom(0, rows.count()));
  const m = gram.rows.length;
  const refuse = (what: string): never => {
    throw new TemperError("bad-option", `nearestPoint, ${m} rows: ${what}`);
  };
  if (rhs.length !== m) refuse(`rhs has ${rhs.length} entries, one a row is expected`);
  if (upper !== undefined && upper.length !== m) {
    refuse(`upper has ${upper.length} entries, one a row is expected`);
  }
  const squares = gram.diagonal();
  for (let i = 0; i < m; i++) {
    if (!Number.isFinite(rhs[i])) refuse(`rhs[${i}] is ${rhs[i]}, a finite number is expected`);
    if (!Number.isFinite(squares[i])) refuse(`row ${i} has the squared length ${squares[i]}`);
    if (upper !== undefined && !(upper[i] >= 0)) {
      refuse(`upper[${i}] is ${upper[i]}, a number >= 0 is expected`);
    }
  }
  return { gram, squares, b: rhs, upper: upper ?? new Float64Array(m).fill(Infinity) };
}

/** The kept rows, in index order, in W or at their upper bounds; one that depends on W starts at 0. */
export function startingSet(dual: DualProblem, start: ActiveSet | undefined): WorkingSet {
  const { b, upper } = dual;
  const kept = new Map<number, number>();
  for (const [k, row] of (start?.rows ?? []).entries()) {
    const value = start!.multipliers[k];
    if (!(row >= 0 && row < b.length && value >= 0 && value < Infinity)) {
      throw new TemperError(
        "bad-option",
        `nearestPoint, ${b.length} rows: start has row ${row} with the multiplier ${value}`,
      );
    }
    kept.set(row, value);
  }
  const rows = [...kept.keys()].toSorted((i, j) => i - j);
  const atUpper = rows.filter((i) => kept.get(i)! >= upper[i]);
  const set = createWorkingSet(dual, atUpper);
  for (const i of rows) {
    const value = kept.get(i)!;
    if (value === 0 || value >= upper[i]) continue;
    const projection = project(set, i);
    if (projection.rank === "dependent") continue;
    append(set, i, projection);
    set.multipliers[i] = value;
  }
  return set;
}
