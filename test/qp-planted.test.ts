// Planted problems: the nearest point is known, and the solver must give it back.
import { describe, expect, it } from "vitest";
import { type DenseProblem, nearestPointDense } from "../src/qp/nearest-point-dense.ts";
import { norm, subtract } from "../src/tensor/vector.ts";
import { kktViolations, pointOf } from "./helpers/check-kkt.ts";
import { infeasibleProblem, KINDS, plantedProblem } from "./helpers/planted-qp.ts";

const SEEDS = Array.from({ length: 100 }, (_, seed) => seed);

/** Solves, has the answer checked from the raw data, and compares the point. */
function demand(problem: DenseProblem, point: Float64Array, name: string): void {
  const solution = nearestPointDense(problem);
  expect(solution.status, name).toBe("solved");
  expect(kktViolations(problem, solution.multipliers), name).toEqual([]);
  const error = norm(subtract(solution.point, point)) / norm(point);
  expect(error, `${name}: relative distance to the planted point`).toBeLessThan(1e-8);
  const { primal, dual, complementarity } = solution.residuals;
  expect(Math.max(primal, dual, complementarity), name).toBeLessThan(1e-10);
}

describe("the checker of KKT conditions", () => {
  const problem = plantedProblem("plain", 0);
  const bounded = plantedProblem("bounded", 1);
  const active = problem.multipliers.findIndex((v) => v > 0);
  const changed = (lambda: Float64Array, row: number, value: number): Float64Array =>
    lambda.map((v, i) => (i === row ? value : v));

  it("finds nothing wrong with planted multipliers", () => {
    expect(kktViolations(problem, problem.multipliers)).toEqual([]);
    expect(kktViolations(bounded, bounded.multipliers)).toEqual([]);
  });

  it("catches a multiplier that is off by one part in a million", () => {
    const wrong = changed(problem.multipliers, active, problem.multipliers[active] * (1 + 1e-6));
    const conditions = kktViolations(problem, wrong).map(({ condition }) => condition);
    expect(conditions).toContain("row is tight");
  });

  it("catches a dropped row, a negative multiplier, one above u and slack that is not paid", () => {
    const catches = (which: typeof problem, lambda: Float64Array, row: number): string[] =>
      kktViolations(which, lambda)
        .filter((v) => v.row === row)
        .map(({ condition }) => condition);
    expect(catches(problem, changed(problem.multipliers, active, 0), active)).toEqual([
      "row holds",
    ]);
    expect(catches(problem, changed(problem.multipliers, active, -1e-3), active)).toContain(
      "lambda >= 0",
    );
    const paid = bounded.multipliers.findIndex((v, i) => v > 0 && v === bounded.upper![i]);
    const u = bounded.upper![paid];
    expect(catches(bounded, changed(bounded.multipliers, paid, 1.001 * u), paid)).toContain(
      "lambda <= u",
    );
    const loose = bounded.multipliers.indexOf(0);
    const forced = changed(bounded.multipliers, loose, 1e-9);
    const cheap = { ...bounded, upper: changed(bounded.upper!, loose, 1e-9) };
    expect(catches(cheap, forced, loose)).toEqual(["slack is paid"]);
  });
});

describe("planted problems", () => {
  it.each(KINDS)("100 %s problems give the planted point back", (kind) => {
    for (const seed of SEEDS) {
      const problem = plantedProblem(kind, seed);
      demand(problem, problem.point, `${kind} ${seed}`);
    }
  });

  it("rows scaled by 1e6 and 1e-6, one by one, change nothing", () => {
    for (const kind of KINDS) {
      for (const seed of SEEDS.slice(0, 20)) {
        const { rows, rhs, upper, point } = plantedProblem(kind, seed);
        const scale = (i: number): number => [1e6, 1, 1e-6][(i + seed) % 3];
        const scaled = {
          rows: rows.map((row, i) => row.map((v) => v * scale(i))),
          rhs: rhs.map((v, i) => v * scale(i)),
          upper: upper?.map((v, i) => v / scale(i)),
        };
        demand(scaled, point, `${kind} ${seed}, scaled`);
      }
    }
  });

  it("a problem scaled as a whole by 1e9 or 1e-9 gives the scaled point", () => {
    for (const seed of SEEDS.slice(0, 20)) {
      const { rows, rhs, point } = plantedProblem("plain", seed);
      for (const factor of [1e9, 1e-9]) {
        const far = point.map((v) => v * factor);
        demand({ rows, rhs: rhs.map((v) => v * factor) }, far, `${seed} times ${factor}`);
      }
    }
  });

  it("100 infeasible problems come with a certificate", () => {
    for (const seed of SEEDS) {
      const problem = infeasibleProblem(seed);
      const { status, certificate, multipliers } = nearestPointDense(problem);
      expect(status, `seed ${seed}`).toBe("infeasible");
      const y = certificate!;
      const size = problem.rows.reduce((sum, row, i) => sum + y[i] * norm(row), 0);
      expect(Math.min(...y)).toBeGreaterThanOrEqual(0);
      expect(norm(pointOf(problem.rows, y)) / size, `A'y, seed ${seed}`).toBeLessThan(1e-7);
      expect(problem.rhs.reduce((sum, b, i) => sum + b * y[i], 0)).toBeLessThan(0);
      expect(Math.min(...multipliers)).toBeGreaterThanOrEqual(0);
    }
  });

  it("infeasible problems are solved once every row is elastic", () => {
    for (const seed of SEEDS) {
      const hard = infeasibleProblem(seed);
      for (const price of [0.01, 1, 1000]) {
        const problem = { ...hard, upper: new Float64Array(hard.rows.length).fill(price) };
        const { status, multipliers } = nearestPointDense(problem);
        expect(status, `seed ${seed}, price ${price}`).toBe("solved");
        expect(kktViolations(problem, multipliers), `seed ${seed}, price ${price}`).toEqual([]);
      }
    }
  });
});
