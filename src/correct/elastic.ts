// The elastic form of (13): when the cuts contradict each other, they may be violated at a price.
//
//     min 1/2 ||d||^2 + C sum s   s.t.   A d <= b + s,  s >= 0
//
// Its dual merely adds lambda <= C. Only the adversarial cuts (7) have this price; the loss cut (8) stays hard.
import { type Conflict, conflictOf } from "./conflict.ts";
import type { Cuts } from "./cuts.ts";
import type { Subproblem, SubproblemSolution } from "./subproblem.ts";

/**
 * C after the first contradiction, as a multiple of the largest multiplier so far: so high that the cuts stay hard
 * wherever they can be met.
 */
const FIRST_PRICE = 1000;
/** The lowest C, as a multiple of the largest multiplier: less would ask nothing of the cuts any more. */
const LOWEST_PRICE = 1e-6;

/** The prices to try after a contradiction at price `penalty`; they fall tenfold, as d may be too long at the first. */
function* prices(penalty: number, largestMultiplier: number): Generator<number> {
  const lowest = LOWEST_PRICE * largestMultiplier;
  for (
    let price = Math.min(penalty / 10, FIRST_PRICE * largestMultiplier);
    price > lowest;
    price /= 10
  ) {
    yield price;
  }
}

/** A contradiction in one iteration, and the price at which the run went on. */
export interface Contradiction extends Conflict {
  /** k, from 1. */
  readonly iteration: number;
  /** The number of rows of (13), which could not be met together. */
  readonly rows: number;
  /** C from here on; null where the run ended instead. */
  readonly penalty: number | null;
}

/**
 * The bounds on lambda: C for every adversarial cut, none for the loss cuts, and 0 where a cut was given up; undefined
 * where there are none.
 */
function upperBounds(
  { list, dropped = new Set() }: Given,
  penalty: number,
): Float64Array | undefined {
  if (penalty === Infinity && dropped.size === 0) return undefined;
  const bounds = Float64Array.from(list, ({ point }) => (point === "loss" ? Infinity : penalty));
  for (const r of dropped) bounds[r] = 0;
  return bounds;
}

type Given = Pick<Cuts, "list" | "rhs"> & Partial<Pick<Cuts, "dropped">>;

export interface ElasticStart {
  /** C; default Infinity, which keeps the cuts hard until they contradict each other. */
  readonly penalty?: number;
  /** The largest multiplier of an earlier run's solutions; default 0. */
  readonly largestMultiplier?: number;
}

export interface ElasticSubproblem {
  /** Solves (13) over all cuts there are; where they exclude each other, in the elastic form from then on. */
  solve(): ElasticSolution;
  /** The bounds on lambda at the present price; undefined while the cuts are hard. */
  upper(): Float64Array | undefined;
  /** The largest multiplier of all solutions so far. */
  largestMultiplier(): number;
}

export interface ElasticSolution {
  readonly solution: SubproblemSolution;
  /** Present where the cuts exclude each other. Its penalty is null when no price helped. */
  readonly contradiction?: Omit<Contradiction, "iteration">;
}

/** (13), which becomes elastic when it has no solution near enough. */
export function createElastic(
  cuts: Given,
  subproblem: Subproblem,
  { penalty = Infinity, largestMultiplier = 0 }: ElasticStart = {},
): ElasticSubproblem {
  const solveAt = (price: number): SubproblemSolution =>
    subproblem.solve(cuts.rhs(), upperBounds(cuts, price));

  const solve = (): ElasticSolution => {
    const hard = solveAt(penalty);
    if (hard.conflict === undefined) {
      largestMultiplier = Math.max(largestMultiplier, hard.largest);
      return { solution: hard };
    }
    const conflict = { rows: cuts.list.length, ...conflictOf(cuts.list, hard.conflict) };
    for (const price of prices(penalty, largestMultiplier || hard.alone)) {
      const solution = solveAt(price);
      if (solution.conflict !== undefined) continue;
      penalty = price;
      largestMultiplier = Math.max(largestMultiplier, solution.largest);
      return { solution, contradiction: { ...conflict, penalty } };
    }
    return { solution: hard, contradiction: { ...conflict, penalty: null } };
  };
  return {
    solve,
    upper: () => upperBounds(cuts, penalty),
    largestMultiplier: () => largestMultiplier,
  };
}
