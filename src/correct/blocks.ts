// Algorithm 2: block coordinate descent for (13).
//
//     d = 0;  S_1 = a random subset of the coordinates
//     for t = 1 .. T
//         minimise (13) over the coordinates in S_t, the others fixed at their present values
//         if that is infeasible (only possible at t = 1): twice the share of the same draw
//         S_{t+1}: a new random subset that overlaps S_t
//
// Every subset holds all biases, which makes the subsets overlap, and a random share of each weight tensor. With
// d_F the entries that are fixed, the problem over S is a nearest point again:
//
//     min ||d_S||^2   s.t.   A_S d_S <= b - A_F d_F.
//
// At a share of 1 it is (13) itself, so doubling finds an answer wherever (13) has one. The first answer meets all
// cuts, and so does every later one, which starts from it. Zhao & Kronqvist, arXiv 2409.13770, Algorithm 2 (restored).
import { overCoordinates, put } from "../qp/coordinates.ts";
import type { ActiveSet } from "../qp/problem.ts";
import { type CutRows, rowsFrom } from "../qp/rows.ts";
import { type Random, randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { dot, norm } from "../tensor/vector.ts";
import type { ThetaTensor } from "./oracle.ts";
import { createSubproblem, type SubproblemSolution } from "./subproblem.ts";

/** (13) as it stands in one iteration. */
export interface BlockProblem {
  readonly rows: CutRows;
  /** b, [rows.count()]. */
  readonly rhs: Float64Array;
  /** The bounds on lambda; present where the cuts are elastic. */
  readonly upper?: Float64Array | undefined;
  /** ||a_i||^2 over all coordinates, by which violations are measured. */
  readonly squares: Float64Array;
  /** The longest d that is no contradiction: `SubproblemOptions` says more. */
  readonly longest: (farthest: number) => number;
}

/** What Algorithm 2 did in an iteration. */
export interface BlocksRecord {
  /** The share of each weight tensor that was free: the one asked for, doubled until the first block had an answer. */
  readonly freeShare: number;
  /** ||theta - theta0||^2, the objective of (13), after each block. */
  readonly objectives: readonly number[];
  /** How many linear systems were solved. */
  readonly steps: number;
  /** The objective of the nearest point itself, by the dual. */
  readonly dual: number;
}

/** The last block's answer. Its d has all coordinates; its residuals are shares of the length of the free part. */
export interface BlocksSolution extends Pick<SubproblemSolution, "d" | "distance" | "residuals"> {
  readonly blocks: Omit<BlocksRecord, "dual">;
}

/** An answer to (13), and what Algorithm 2 did where the answer is its own. */
export type Solved = SubproblemSolution & { readonly blocks?: BlocksRecord };

export interface BlocksOptions {
  readonly tensors: readonly ThetaTensor[];
  /** Share of each weight tensor that is free in a block, in (0, 1]. */
  readonly freeShare: number;
  /** T, at least 1. */
  readonly blockSteps: number;
  readonly seed: number;
}

/** Draws a block as ascending coordinates: all biases and a random share of every weight, at least one of each. */
export function drawBlock(
  tensors: readonly ThetaTensor[],
  share: number,
  random: Random,
): Int32Array {
  const drawn = tensors.map(({ offset, size, kind }) => {
    const n = kind === "bias" ? size : Math.max(1, Math.round(share * size));
    const order = n === size ? rowsFrom(0, size) : random.permutation(size).subarray(0, n).sort();
    return order.map((i) => offset + i);
  });
  return Int32Array.from(drawn.flatMap((coordinates) => [...coordinates])).sort();
}

/** Minimises (13) over the chosen coordinates while the others stay as in d. The answer's d has all coordinates. */
export function solveBlock(
  { rows, rhs, upper, squares, longest }: BlockProblem,
  d: Float64Array,
  chosen: Int32Array,
  start?: ActiveSet,
): SubproblemSolution {
  const fixed = put(new Float64Array(chosen.length), chosen, d);
  const along = rows.times(fixed)(rowsFrom(0, rows.count()));
  const left = rhs.map((b, i) => b - along[i]);
  const free = createSubproblem(overCoordinates(rows, chosen, d.length), {
    longest,
    start,
    squares: () => squares,
  });
  const found = free.solve(left, upper);
  const whole = put(found.d, chosen, fixed);
  return { ...found, d: whole, distance: norm(whole) };
}

/** Algorithm 2 for the (13) of iteration k. */
export function blockDescent(
  problem: BlockProblem,
  k: number,
  { tensors, freeShare, blockSteps, seed }: BlocksOptions,
): BlocksSolution {
  const p = tensors.reduce((sum, { size }) => sum + size, 0);
  let share = freeShare;
  let steps = 0;
  const drawAndSolve = (t: number, from: Float64Array, start?: ActiveSet): SubproblemSolution => {
    const chosen = drawBlock(tensors, share, randomStream(seed, STREAMS.blocks, k, t));
    const found = solveBlock(problem, from, chosen, start);
    steps += found.iterations;
    return found;
  };

  let best = drawAndSolve(1, new Float64Array(p));
  while (best.conflict !== undefined && share < 1) {
    share = Math.min(1, 2 * share);
    best = drawAndSolve(1, new Float64Array(p));
  }
  const objectives = [dot(best.d, best.d)];
  for (let t = 2; t <= blockSteps && share < 1; t++) {
    const found = drawAndSolve(t, best.d, best.active);
    // The present d meets the cuts. It stays where rounding hides that, or leaves an answer that is no nearer.
    if (found.conflict === undefined && found.distance < best.distance) best = found;
    objectives.push(dot(best.d, best.d));
  }
  const { d, distance, residuals } = best;
  return { d, distance, residuals, blocks: { freeShare: share, objectives, steps } };
}
