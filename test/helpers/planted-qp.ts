// Nearest-point problems with a known answer: active set and multipliers are chosen, then b is built.
import type { DenseProblem } from "../../src/qp/nearest-point-dense.ts";
import { type Random, randomStream } from "../../src/tensor/random.ts";
import { addScaled, dot } from "../../src/tensor/vector.ts";
import { pointOf } from "./check-kkt.ts";

export interface PlantedProblem extends DenseProblem {
  /** The nearest point. It is unique; the multipliers are when the active rows are independent. */
  readonly point: Float64Array;
  readonly multipliers: Float64Array;
}

export const KINDS = ["plain", "degenerate", "duplicated", "redundant", "bounded"] as const;
export type Kind = (typeof KINDS)[number];

const normalRow = (random: Random, p: number): Float64Array =>
  Float64Array.from({ length: p }, () => random.normal());

/** A row in the cone of some others: A d <= b on those implies it. */
function combination(
  random: Random,
  rows: readonly Float64Array[],
  chosen: readonly number[],
): { row: Float64Array; weights: Float64Array } {
  const row = new Float64Array(rows[0].length);
  const weights = new Float64Array(rows.length);
  for (const i of chosen) {
    weights[i] = 0.1 + random.uniform();
    addScaled(row, weights[i], rows[i]);
  }
  return { row, weights };
}

/**
 * - plain: independent active rows, positive multipliers, the other rows slack
 * - degenerate: more tight rows than columns, half of them with multiplier 0
 * - duplicated: every row two or three times, one copy scaled
 * - redundant: a third of the rows are sums of others, tight where those are tight
 * - bounded: some rows cost too much: multiplier at u, row violated; u finite everywhere
 */
export function plantedProblem(kind: Kind, seed: number): PlantedProblem {
  const random = randomStream(seed, KINDS.indexOf(kind));
  const p = 3 + random.below(25);
  const tight = kind === "degenerate" ? p + 1 + random.below(p) : 1 + random.below(p - 1);
  const loose = 5 + random.below(40);
  const rows: Float64Array[] = [];
  const multipliers: number[] = [];
  const slacks: number[] = [];
  const uppers: number[] = [];
  const add = (row: Float64Array, multiplier: number, slack: number, upper = Infinity): void => {
    rows.push(row);
    multipliers.push(multiplier);
    slacks.push(slack);
    uppers.push(upper);
  };

  for (let i = 0; i < tight + loose; i++) {
    const row = normalRow(random, p);
    const value = 0.05 + random.uniform();
    if (i >= tight) add(row, 0, 0.01 + random.uniform(), 2);
    else if (kind === "degenerate" && i % 2 === 1) add(row, 0, 0);
    else if (kind === "bounded" && i % 2 === 1) add(row, value, -random.uniform(), value);
    else add(row, value, 0, 2);
  }
  const first = rows.slice();
  if (kind === "duplicated") {
    for (const [i, row] of first.entries()) {
      add(row.slice(), 0, slacks[i]);
      const scale = 0.1 + 10 * random.uniform();
      if (random.uniform() < 0.5)
        add(
          row.map((v) => scale * v),
          0,
          scale * slacks[i],
        );
    }
  }
  if (kind === "redundant") {
    for (let i = 0; i < first.length / 2; i++) {
      const pool = i % 2 === 0 ? tight : first.length;
      const chosen = Array.from({ length: 1 + random.below(4) }, () => random.below(pool));
      const { row, weights } = combination(random, first, chosen);
      add(
        row,
        0,
        weights.reduce((sum, w, k) => sum + w * slacks[k], 0),
      );
    }
  }

  // The order must not tell the solver anything.
  const order = [...random.permutation(rows.length)];
  const shuffled = order.map((i) => rows[i]);
  const lambda = Float64Array.from(order, (i) => multipliers[i]);
  const point = pointOf(shuffled, lambda);
  const rhs = Float64Array.from(order, (i) => dot(rows[i], point) + slacks[i]);
  const upper = kind === "bounded" ? Float64Array.from(order, (i) => uppers[i]) : undefined;
  return { rows: shuffled, rhs, upper, point, multipliers: lambda };
}

/** Rows whose sum with positive weights is 0 while the weighted b is negative, among harmless ones. */
export function infeasibleProblem(seed: number): DenseProblem {
  const random = randomStream(seed, 77);
  const p = 3 + random.below(25);
  const clash = 1 + random.below(p - 1);
  const rows = Array.from({ length: clash + 5 + random.below(40) }, () => normalRow(random, p));
  const rhs = Float64Array.from(rows, () => random.normal());
  const chosen = Array.from({ length: clash }, (_, i) => i);
  const { row, weights } = combination(random, rows, chosen);
  const limit = weights.reduce((sum, w, i) => sum + w * rhs[i], 0);
  const order = [...random.permutation(rows.length + 1)];
  const all = [...rows, row.map((v) => -v)];
  const bounds = [...rhs, -limit - 0.01 - random.uniform()];
  return { rows: order.map((i) => all[i]), rhs: Float64Array.from(order, (i) => bounds[i]) };
}
