// Algorithm 2: Proposition 1, what its answers always satisfy, its fallback, and its place in Algorithm 1.
import { describe, expect, it } from "vitest";
import { algorithm1 } from "../src/correct/algorithm.ts";
import { type BlockProblem, blockDescent, drawBlock, solveBlock } from "../src/correct/blocks.ts";
import type { ThetaTensor } from "../src/correct/oracle.ts";
import type { AlgorithmState } from "../src/correct/state.ts";
import { createSubproblem } from "../src/correct/subproblem.ts";
import { overCoordinates } from "../src/qp/coordinates.ts";
import { denseRows } from "../src/qp/dense-rows.ts";
import { rowsFrom } from "../src/qp/rows.ts";
import { randomStream } from "../src/tensor/random.ts";
import { dot, norm, subtract } from "../src/tensor/vector.ts";
import { analyticOracle } from "./helpers/analytic-oracle.ts";
import { tanhNetwork } from "./helpers/tanh-network.ts";

const P = 60;
const tensors: readonly ThetaTensor[] = [
  { name: "w", offset: 0, size: 50, kind: "weight" },
  { name: "b", offset: 50, size: 10, kind: "bias" },
];

/** Fifteen rows of which about half cut the origin off: any 20 coordinates can meet them. */
function problemOf(seed: number): BlockProblem {
  const random = randomStream(seed, P);
  const rows = denseRows(P);
  for (let i = 0; i < 15; i++) rows.addRow(Float64Array.from({ length: P }, random.normal));
  const rhs = Float64Array.from({ length: 15 }, () => 3 * random.normal());
  const squares = Float64Array.from(
    { length: 15 },
    (_, i) => rows.gram(Int32Array.of(i), Int32Array.of(i))[0],
  );
  return { rows, rhs, squares, longest: () => 1000 };
}

const options = { tensors, freeShare: 0.4, blockSteps: 6, seed: 0 };
const objective = (d: Float64Array): number => dot(d, d);

describe("Proposition 1", () => {
  it("a second block disjoint from the first cannot improve; one that overlaps does", () => {
    let improved = 0;
    for (let seed = 0; seed < 20; seed++) {
      const problem = problemOf(seed);
      const order = randomStream(seed, 1).permutation(P);
      const block = (from: number): Int32Array => order.slice(from, from + 25).sort();
      const first = solveBlock(problem, new Float64Array(P), block(0));
      const disjoint = solveBlock(problem, first.d, block(25), first.active);
      expect(first.status).toBe("solved");
      expect(norm(subtract(disjoint.d, first.d))).toBeLessThan(1e-9 * first.distance);
      const overlapping = solveBlock(problem, first.d, block(15), first.active);
      expect(overlapping.distance).toBeLessThan(first.distance * (1 + 1e-12));
      if (objective(overlapping.d) < 0.99 * objective(first.d)) improved++;
    }
    expect(improved).toBeGreaterThan(15);
  });
});

describe("block descent", () => {
  it("meets every row, never rises, and stays above the nearest point, which it is at a share of 1", () => {
    for (let seed = 0; seed < 20; seed++) {
      const problem = problemOf(seed);
      const nearest = createSubproblem(problem.rows, { longest: () => 1000 }).solve(problem.rhs);
      const { d, residuals, blocks } = blockDescent(problem, 1, options);
      const along = problem.rows.times(d)(rowsFrom(0, 15));
      for (const [i, b] of problem.rhs.entries()) expect(along[i] - b).toBeLessThan(1e-8);
      expect(residuals.primal).toBeLessThan(1e-9);
      expect(blocks.objectives).toHaveLength(6);
      expect([...blocks.objectives]).toEqual([...blocks.objectives].sort((a, b) => b - a));
      expect(blocks.objectives[5]).toBe(objective(d));
      expect(objective(d)).toBeGreaterThan(objective(nearest.d));
      expect(blocks.objectives[0]).toBeGreaterThan(objective(d));
      const whole = blockDescent(problem, 1, { ...options, freeShare: 1 });
      expect(norm(subtract(whole.d, nearest.d))).toBeLessThan(1e-9 * nearest.distance);
      expect(whole.blocks.objectives).toHaveLength(1);
    }
  });

  it("doubles the share until the first block has an answer", () => {
    // d_i <= -1 for every i: no coordinate can be left out.
    const rows = denseRows(8);
    for (let i = 0; i < 8; i++) rows.addRow(Float64Array.from({ length: 8 }, (_, j) => +(i === j)));
    const ones = new Float64Array(8).fill(1);
    const problem = { rows, rhs: ones.map((v) => -v), squares: ones, longest: () => 100 };
    const one: ThetaTensor = { name: "w", offset: 0, size: 8, kind: "weight" };
    const found = blockDescent(problem, 1, { ...options, tensors: [one], freeShare: 0.2 });
    expect(found.blocks).toMatchObject({ freeShare: 1, objectives: [8] });
    expect(found.d).toEqual(problem.rhs);
  });

  it("draws every bias and the share of each weight, the same for the same stream", () => {
    const two = [...tensors, { name: "v", offset: 60, size: 3, kind: "weight" } as const];
    const draw = (k: number): Int32Array => drawBlock(two, 0.1, randomStream(0, k));
    expect(draw(1)).toEqual(draw(1));
    expect(draw(1)).not.toEqual(draw(2));
    const drawn = [...draw(1)];
    expect(drawn).toEqual([...new Set(drawn)].sort((a, b) => a - b));
    const within = (from: number, to: number) => drawn.filter((i) => i >= from && i < to).length;
    expect([within(0, 50), within(50, 60), within(60, 63)]).toEqual([5, 10, 1]);
  });
});

describe("rows over some coordinates", () => {
  it("multiply and combine as the rows with the other entries struck out, symmetric to the bit", () => {
    const { rows } = problemOf(3);
    const chosen = Int32Array.of(1, 4, 17, 40, 59);
    const some = overCoordinates(rows, chosen, P);
    const all = rowsFrom(0, 15);
    const struck = [...all].map((i) => {
      const unit = new Float64Array(15);
      unit[i] = 1;
      return Float64Array.from(chosen, (c) => rows.combine(unit)[c]);
    });
    const v = Float64Array.of(1, -2, 3, -4, 5);
    const gram = some.gram(all, all);
    for (const i of all) {
      expect(some.times(v)(all)[i]).toBeCloseTo(dot(struck[i], v), 12);
      for (const j of all) {
        expect(gram[15 * i + j]).toBeCloseTo(dot(struck[i], struck[j]), 12);
        expect(gram[15 * i + j]).toBe(gram[15 * j + i]);
      }
    }
    expect(some.combine(Float64Array.from(all, (i) => +(i === 6)))).toEqual(struck[6]);
  });
});

describe("in Algorithm 1", () => {
  const paper = { iterations: 6, alphas: 2, margin: 0.1, weight: 0, tolerance: 1e-4 };
  const blocks = { freeShare: 0.5, blockSteps: 3, seed: 4 };

  it("gives theta_k, with the dual's objective beside its own", async () => {
    for (let seed = 0; seed < 4; seed++) {
      const { iterations } = await algorithm1(analyticOracle(tanhNetwork(randomStream(seed))), {
        ...paper,
        blocks,
      });
      for (const { blocks: found, distance, residuals } of iterations) {
        expect(found!.objectives.at(-1)).toBeCloseTo(distance! ** 2, 9);
        expect(found!.dual).toBeLessThan(found!.objectives.at(-1)! * (1 + 1e-9));
        expect(residuals.primal).toBeLessThan(1e-6);
      }
    }
  });

  it("goes on where it stopped, to the bit", async () => {
    const network = tanhNetwork(randomStream(1));
    const states: AlgorithmState[] = [];
    const whole = await algorithm1(analyticOracle(network), {
      ...paper,
      blocks,
      onState: async (state) => {
        states.push(state);
      },
    });
    const resumed = await algorithm1(analyticOracle(network), {
      ...paper,
      blocks,
      state: states[2],
    });
    expect(resumed).toEqual(whole);
  });
});
