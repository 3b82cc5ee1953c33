// Which row enters the working set next, and when to stop letting rows enter.
import type { DualProblem } from "./residuals.ts";
import type { WorkingSet } from "./working-set.ts";

/** How often a row may enter W without a visible fall of the dual before it counts as rounding. */
const ENTRIES = 4;
/** A fall of the dual by less than this share of its value is not visible: it could be rounding alone. */
const VISIBLE = 1e-13;

/** A row off its KKT condition and the way its multiplier wants to go. */
export interface Entering {
  readonly row: number;
  readonly sign: 1 | -1;
  /** |r_i| */
  readonly excess: number;
}

/** 1/2 lambda' G lambda + b' lambda = 1/2 lambda' (r + b). */
export function dualValue(b: Float64Array, lambda: Float64Array, slack: Float64Array): number {
  let value = 0;
  for (let i = 0; i < b.length; i++) {
    if (lambda[i] !== 0) value += 0.5 * lambda[i] * (slack[i] + b[i]);
  }
  return value;
}

/**
 * The row outside W whose condition fails by the largest distance |r_i| / ||a_i|| above `threshold`, and
 * the way its multiplier wants to go; the first of equals. A zero row that fails comes first.
 */
export function mostViolated(
  { squares, upper }: DualProblem,
  set: WorkingSet,
  slack: Float64Array,
  threshold: number,
  skip: (row: number) => boolean,
): Entering | undefined {
  let found: Entering | undefined;
  let farthest = threshold;
  for (let i = 0; i < slack.length; i++) {
    if (set.member[i] === 1 || upper[i] === 0) continue;
    const sign = set.multipliers[i] === 0 ? 1 : -1;
    const distance = (-sign * slack[i]) / Math.sqrt(squares[i]);
    if (distance > farthest && !skip(i)) {
      found = { row: i, sign, excess: Math.abs(slack[i]) };
      farthest = distance;
    }
  }
  return found;
}

/** Tells which rows have entered W too often, as the solve shows it the value of the dual and what enters. */
export interface CycleGuard {
  watch(value: number): void;
  enter(row: number): void;
  exhausted(row: number): boolean;
}

/**
 * In exact arithmetic every round lowers the dual. Where rounding hides the fall, a row may enter a few
 * times more and is then left out until a fall is visible, so that the loop ends.
 */
export function cycleGuard(): CycleGuard {
  let lowest = Infinity;
  const entries = new Map<number, number>();
  return {
    watch: (value) => {
      if (lowest !== Infinity && !(value < lowest - VISIBLE * Math.abs(lowest))) return;
      lowest = value;
      entries.clear();
    },
    enter: (row) => {
      entries.set(row, (entries.get(row) ?? 0) + 1);
    },
    exhausted: (row) => (entries.get(row) ?? 0) >= ENTRIES,
  };
}
