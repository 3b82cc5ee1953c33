// Pricing gives the answer of a solve over all rows, from a few of them, whatever was solved before.
import { describe, expect, it } from "vitest";
import { denseRows } from "../src/qp/dense-rows.ts";
import { type ActiveSet, nearestPoint } from "../src/qp/nearest-point.ts";
import type { DenseProblem } from "../src/qp/nearest-point-dense.ts";
import { type PricedSolution, pricedRows } from "../src/qp/pricing.ts";
import { type CutRows, rowsFrom } from "../src/qp/rows.ts";
import { randomStream } from "../src/tensor/random.ts";
import { norm, subtract } from "../src/tensor/vector.ts";
import { kktViolations } from "./helpers/check-kkt.ts";
import { infeasibleProblem, KINDS, plantedProblem } from "./helpers/planted-qp.ts";

function rowsOf({ rows }: DenseProblem): CutRows {
  const dense = denseRows(rows[0].length);
  for (const row of rows) dense.addRow(row);
  return dense;
}

function multipliersOf({ active }: Pick<PricedSolution, "active">, m: number): Float64Array {
  const lambda = new Float64Array(m);
  for (const [k, i] of active.rows.entries()) lambda[i] = active.multipliers[k];
  return lambda;
}

describe("pricing", () => {
  it("gives planted points back, cold and from any start", () => {
    for (const kind of KINDS) {
      for (let seed = 0; seed < 30; seed++) {
        const problem = plantedProblem(kind, seed);
        const { rhs, upper, point } = problem;
        const random = randomStream(seed, 5);
        const some = rowsFrom(0, rhs.length).filter(() => random.uniform() < 0.3);
        const start = { rows: some, multipliers: Float64Array.from(some, random.uniform) };
        for (const from of [undefined, start]) {
          const found = pricedRows(rowsOf(problem)).solve(rhs, { upper, start: from });
          expect(found.status, `${kind} ${seed}`).toBe("solved");
          const lambda = multipliersOf(found, rhs.length);
          expect(kktViolations(problem, lambda), `${kind} ${seed}`).toEqual([]);
          expect(norm(subtract(found.d, point)) / norm(point)).toBeLessThan(1e-8);
          const { primal, dual, complementarity } = found.residuals;
          expect(Math.max(primal, dual, complementarity)).toBeLessThan(1e-10);
        }
      }
    }
  });

  it("while rows are added: the bits of a solve over all rows, from far fewer Gram entries", () => {
    const random = randomStream(1);
    const p = 400;
    const drift = Float64Array.from({ length: p }, random.normal);
    const dense = denseRows(p);
    const rhs: number[] = [];
    let entries = 0;
    const counted = {
      ...dense,
      count: () => dense.count(),
      gram: (rows: Int32Array, columns: Int32Array) => {
        entries += rows.length * columns.length;
        return dense.gram(rows, columns);
      },
    };
    const kept = pricedRows(counted);
    let start: ActiveSet | undefined;
    for (let round = 0; round < 5; round++) {
      for (let i = 0; i < 300; i++) {
        dense.addRow(drift.map((v) => 0.3 * v + random.normal()));
        rhs.push(random.normal() + 0.5);
      }
      const b = Float64Array.from(rhs);
      const found = kept.solve(b, { start });
      const whole = nearestPoint({ rows: dense, rhs: b }, { start });
      expect(found.active).toEqual(whole.active);
      // A run taken up again has the start alone.
      const { d, iterations } = pricedRows(dense).solve(b, { start });
      expect({ d, iterations }).toEqual({ d: found.d, iterations: found.iterations });
      start = found.active;
    }
    expect(start!.rows.length).toBeGreaterThan(20);
    expect(entries).toBeLessThan(0.2 * start!.rows.length * dense.count());
  });

  it("finds contradictions, and names rows that exclude each other", () => {
    for (let seed = 0; seed < 30; seed++) {
      const problem = infeasibleProblem(seed);
      const { status, conflict } = pricedRows(rowsOf(problem)).solve(problem.rhs);
      expect(status).toBe("infeasible");
      const rows = conflict!.map((i) => problem.rows[i]);
      const rhs = Float64Array.from(conflict!, (i) => problem.rhs[i]);
      expect(pricedRows(rowsOf({ rows, rhs })).solve(rhs).status).toBe("infeasible");
    }
  });

  it("no rows, no step", () => {
    const { status, d } = pricedRows(denseRows(3)).solve(new Float64Array(0));
    expect([status, d]).toEqual(["solved", new Float64Array(3)]);
  });
});
