// P, the rows that a solve by pricing is restricted to, and what its d does to the others (pricing.ts).
import { norm, subtract } from "../tensor/vector.ts";
import type { GramCache } from "./gram-cache.ts";
import type { NearestPointProblem } from "./nearest-point.ts";
import type { ActiveSet } from "./problem.ts";
import { type DualProblem, reach } from "./residuals.ts";
import { type CutRows, rowsFrom } from "./rows.ts";

/**
 * Rows whose slack at the start is within this share of ||a_i|| ||d - d_start|| are priced first. All that
 * become violated are among them as a rule (measured on the cuts of CNNLight with 50 points: the largest
 * share was 0.043), so that the others, nine in ten, are priced once a solve.
 */
const NEAR = 0.05;

/**
 * The most rows that join P at once, the worst first. From a far start hundreds of rows are violated that
 * are near copies of each other, cuts of one point at neighbouring anchors, and few of them stay active.
 */
const JOINING = 128;

/** An active set with its d = -A' lambda, and A d. */
export interface Priced {
  readonly active: ActiveSet;
  readonly d: Float64Array;
  readonly along: Float64Array;
}

/** A point with its lambda over all rows, [m], and A d and the slack b - A d of the rows that were priced, [m]. */
export interface Point extends Omit<Priced, "active"> {
  readonly lambda: Float64Array;
  readonly slack: Float64Array;
  /** a_i . d of the chosen rows. */
  readonly times: (chosen: Int32Array) => Float64Array;
}

/** What a solve by pricing is given. */
interface Setting {
  readonly rows: CutRows;
  readonly gram: GramCache;
  /** Over all rows. */
  readonly problem: Omit<DualProblem, "gram">;
  readonly tolerance: number;
  /** Where the solve begins. */
  readonly from: Priced;
}

/** P, and what is known of all rows. */
export interface Subset extends Setting {
  /** P, in the order in which its rows joined. */
  chosen: Int32Array;
  /** For each row whether it is in P, [m]. */
  readonly member: Uint8Array;
  /** ||a_i||, [m]. */
  readonly lengths: Float64Array;
  /** b - A d where the solve begins, [m]. */
  readonly slackAtStart: Float64Array;
}

/** P with the active rows of the start and the rows that the start violates. */
export function beginSubset(setting: Setting): Subset {
  const { rows, problem, from } = setting;
  const subset: Subset = {
    ...setting,
    chosen: from.active.rows,
    member: new Uint8Array(rows.count()),
    lengths: problem.squares.map(Math.sqrt),
    slackAtStart: problem.b.map((b, i) => b - from.along[i]),
  };
  for (const i of subset.chosen) subset.member[i] = 1;
  const start = { lambda: spread(from.active, rows.count()), slack: subset.slackAtStart };
  join(subset, missing(subset, rowsFrom(0, rows.count()), start));
  return subset;
}

/** The start of a solve, priced. Where the last solve ended there, only the rows added since are multiplied. */
export function pricedAt(rows: CutRows, active: ActiveSet, last: Priced | undefined): Priced {
  const known = last?.active === active ? last : undefined;
  const d = known?.d ?? pointOf(rows, spread(active, rows.count()));
  const along = new Float64Array(rows.count());
  if (active.rows.length === 0) return { active, d, along };
  const old = known?.along ?? new Float64Array(0);
  along.set(old);
  along.set(rows.times(d)(rowsFrom(old.length, rows.count())), old.length);
  return { active, d, along };
}

/** lambda, [m], of an active set. */
function spread({ rows, multipliers }: ActiveSet, m: number): Float64Array {
  const lambda = new Float64Array(m);
  for (const [k, i] of rows.entries()) lambda[i] = multipliers[k];
  return lambda;
}

/** d = -A' lambda. */
const pointOf = (rows: CutRows, lambda: Float64Array): Float64Array =>
  rows.combine(lambda.map((v) => -v));

/** The problem over P. */
export function problemOf({ gram, problem, chosen }: Subset): NearestPointProblem {
  return {
    rows: gram.among(chosen),
    rhs: Float64Array.from(chosen, (i) => problem.b[i]),
    upper: Float64Array.from(chosen, (i) => problem.upper[i]),
  };
}

/** The point of multipliers over P; no row is priced yet. */
export function pointAt({ rows, chosen }: Subset, multipliers: Float64Array): Point {
  const m = rows.count();
  const lambda = spread({ rows: chosen, multipliers }, m);
  const d = pointOf(rows, lambda);
  const times = rows.times(d);
  return { lambda, d, times, along: new Float64Array(m), slack: new Float64Array(m) };
}

/** Prices some rows: writes their A d and their slack. */
export function price({ problem: { b } }: Subset, point: Point, part: Int32Array): void {
  for (const [k, value] of point.times(part).entries()) {
    point.along[part[k]] = value;
    point.slack[part[k]] = b[part[k]] - value;
  }
}

/**
 * Prices P and the rows near the start, and once lambda is settled all others; stops where some are missing from P,
 * and puts these in. Tells whether there were any.
 */
export function joinMissing(subset: Subset, point: Point, settled: boolean): boolean {
  const { rows, member, lengths, slackAtStart, from } = subset;
  const moved = rows.distance?.(point.d, from.d) ?? norm(subtract(point.d, from.d));
  const near = NEAR * moved;
  const isNear = (i: number): boolean => member[i] === 1 || slackAtStart[i] <= near * lengths[i];
  const every = rowsFrom(0, rows.count());
  for (const part of [
    every.filter(isNear),
    ...(settled ? [every.filter((i) => !isNear(i))] : []),
  ]) {
    price(subset, point, part);
    const joining = missing(subset, part, point);
    join(subset, joining);
    if (joining.length > 0) return true;
  }
  return false;
}

function join(subset: Subset, joining: Int32Array): void {
  for (const i of joining) subset.member[i] = 1;
  subset.chosen = Int32Array.of(...subset.chosen, ...joining);
}

/** The worst of some rows that d violates and P lacks; the slack of P's rows must be there. */
function missing(
  { problem, tolerance, member, lengths }: Subset,
  some: Int32Array,
  { lambda, slack }: Pick<Point, "lambda" | "slack">,
): Int32Array {
  const threshold = tolerance * reach(problem, lambda, slack);
  const isMissing = (i: number): boolean =>
    member[i] === 0 && problem.upper[i] > 0 && -slack[i] / lengths[i] > threshold;
  const worseFirst = (i: number, j: number): number =>
    slack[i] / lengths[i] - slack[j] / lengths[j] || i - j;
  return some.filter(isMissing).sort(worseFirst).slice(0, JOINING);
}
