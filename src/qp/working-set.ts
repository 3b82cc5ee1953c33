// The multipliers and the working set W of a nearest-point solve: which are free, which sit at a bound.
//
// Every row is in one of three states: in W (0 <= lambda_i <= u_i, free to move), at the lower bound
// (lambda_i = 0) or at the upper bound (lambda_i = u_i). With the rows outside W held, the dual
//     1/2 lambda' G lambda + b' lambda
// is stationary in W where  G_WW lambda_W + fixed_W = 0,  fixed = b + sum over the upper bound of u_i G e_i.
import { addScaled } from "../tensor/vector.ts";
import { type Cholesky, emptyCholesky } from "./cholesky.ts";
import { plusColumns } from "./gram-cache.ts";
import { type Projection, projectOn } from "./projection.ts";
import type { DualProblem } from "./residuals.ts";

/** Whoever holds a set reads its members; only the functions of this file change them. */
export interface WorkingSet {
  problem: DualProblem;
  /** lambda, [m]; always within its bounds. `grow` puts another array in its place. */
  multipliers: Float64Array;
  /** W, in the order of the factor. */
  rows: number[];
  /** For each row whether it is in W, [m]. */
  member: Uint8Array;
  /** The factor of G_WW. */
  factor: Cholesky;
  fixed: Float64Array;
  /** True when the factor and `fixed` were made afresh for exactly this set. */
  settled: boolean;
}

/** The working set with no row in W: each multiplier at 0, or at u_i where `atUpper` lists it. */
export function createWorkingSet(problem: DualProblem, atUpper: readonly number[]): WorkingSet {
  const multipliers = new Float64Array(problem.b.length);
  for (const i of atUpper) multipliers[i] = problem.upper[i];
  const bounds = { problem, multipliers, member: new Uint8Array(problem.b.length) };
  return { ...bounds, rows: [], factor: emptyCholesky(), fixed: sumFixed(bounds), settled: true };
}

/** lambda*_W: the stationary point of the dual on W, in the order of `rows`. */
export const stationary = ({ factor, rows, fixed }: WorkingSet): Float64Array =>
  factor.backward(factor.forward(Float64Array.from(rows, (i) => -fixed[i])));

/** lambda_W = values. */
export function assign({ rows, multipliers }: WorkingSet, values: Float64Array): void {
  for (const [k, i] of rows.entries()) multipliers[i] = values[k];
}

/** r = b + G lambda = b - A d over all rows, [m]. */
export const slackOf = ({ fixed, problem, rows, multipliers }: WorkingSet): Float64Array =>
  plusColumns(fixed, problem.gram, rows, multipliers);

/** Takes a row off its bound, without putting it into W yet. */
export function release(set: WorkingSet, row: number): void {
  const { multipliers, fixed, problem } = set;
  set.settled = false;
  if (multipliers[row] > 0) addScaled(fixed, -multipliers[row], problem.gram.column(row));
}

/** The row as the present W sees it. */
export const project = ({ factor, rows, problem }: WorkingSet, row: number): Projection =>
  projectOn(factor, rows, problem, row);

/** Puts a row into W that is off its bounds and not dependent. */
export function append(set: WorkingSet, row: number, { l, distance }: Projection): void {
  set.factor.append(l, distance);
  set.rows.push(row);
  set.member[row] = 1;
}

/** Fixes a row at its bound 0 or u_i and takes it out of W if it is there. */
export function fix(set: WorkingSet, row: number, bound: number): void {
  const { multipliers, rows, member, factor, fixed, problem } = set;
  set.settled = false;
  if (member[row]) {
    const k = rows.indexOf(row);
    factor.remove(k);
    rows.splice(k, 1);
    member[row] = 0;
  }
  multipliers[row] = bound;
  if (bound > 0) addScaled(fixed, bound, problem.gram.column(row));
}

/** Goes on in a problem whose first rows are those there were; the others start at the bound 0. */
export function grow(set: WorkingSet, problem: DualProblem): void {
  const multipliers = new Float64Array(problem.b.length);
  const member = new Uint8Array(problem.b.length);
  multipliers.set(set.multipliers);
  member.set(set.member);
  const bounds = { problem, multipliers, member };
  Object.assign(set, bounds, { fixed: sumFixed(bounds) });
}

/**
 * Factors G_WW afresh with the rows in the order of all rows and sums `fixed` afresh. What follows depends
 * on the set alone and not on the path to it.
 */
export function settle(set: WorkingSet): void {
  set.settled = true;
  set.fixed = sumFixed(set);
  const ordered = inOrder(set.problem, set.rows);
  const fresh = emptyCholesky();
  for (const row of ordered) {
    const { l, distance, rank } = projectOn(fresh, ordered, set.problem, row);
    // On the edge of dependence another order may judge otherwise: the factor that works is kept.
    if (rank === "dependent") return;
    fresh.append(l, distance);
  }
  set.factor = fresh;
  set.rows = ordered;
}

type Bounds = Pick<WorkingSet, "problem" | "multipliers" | "member">;

function sumFixed({ problem, multipliers, member }: Bounds): Float64Array {
  const outside = [...multipliers.keys()].filter((i) => multipliers[i] > 0 && member[i] === 0);
  return plusColumns(problem.b, problem.gram, inOrder(problem, outside), multipliers);
}

const inOrder = ({ gram }: DualProblem, some: readonly number[]): number[] =>
  some.toSorted((i, j) => gram.rows[i] - gram.rows[j]);
