// The QP solver as its callers use it: warm starts, growing problems, statuses, refusals, other solvers' answers.
import highsModule from "highs";
import { solveQP } from "quadprog";
import { describe, expect, it } from "vitest";
import { denseRows } from "../src/qp/dense-rows.ts";
import { gramCache } from "../src/qp/gram-cache.ts";
import { type ActiveSet, nearestPoint } from "../src/qp/nearest-point.ts";
import { type DenseProblem, nearestPointDense } from "../src/qp/nearest-point-dense.ts";
import { rowsFrom } from "../src/qp/rows.ts";
import { randomStream } from "../src/tensor/random.ts";
import { norm, subtract } from "../src/tensor/vector.ts";
import { kktViolations } from "./helpers/check-kkt.ts";
import { countedRows } from "./helpers/counted-rows.ts";
import { KINDS, plantedProblem } from "./helpers/planted-qp.ts";

// highs is an ES module described by the types of a CommonJS one, whose default sits one level lower.
const loadHighs = highsModule as unknown as typeof highsModule.default;

const row = (...values: number[]): Float64Array => Float64Array.from(values);

/** Random rows with a common drift, and b that cuts the origin off in about half of them. */
function randomProblem(seed: number, m: number, p: number): DenseProblem {
  const random = randomStream(seed, m, p);
  const drift = Float64Array.from({ length: p }, random.normal);
  const rows = Array.from({ length: m }, () => drift.map((v) => 0.3 * v + random.normal()));
  return { rows, rhs: Float64Array.from(rows, () => random.normal()) };
}

describe("closed forms", () => {
  it("the nearest point of a half-space is its foot, of one that holds the origin the origin", () => {
    const { point, multipliers } = nearestPointDense({ rows: [row(3, 4)], rhs: row(-10) });
    expect(point[0]).toBeCloseTo(-1.2, 14);
    expect(point[1]).toBeCloseTo(-1.6, 14);
    expect(multipliers[0]).toBeCloseTo(0.4, 14);
    expect(nearestPointDense({ rows: [row(3, 4)], rhs: row(0) })).toMatchObject({
      status: "solved",
      iterations: 1,
      residuals: { primal: 0, dual: 0, complementarity: 0 },
    });
  });

  it("a price u below the multiplier buys slack: d = -u a", () => {
    const solution = nearestPointDense({ rows: [row(3, 4)], rhs: row(-10), upper: row(0.1) });
    expect(solution.status).toBe("solved");
    expect(solution.multipliers).toEqual(row(0.1));
    expect(solution.point[0]).toBeCloseTo(-0.3, 14);
  });

  it("a zero row holds, contradicts itself, or pays", () => {
    const rows = [row(0, 0), row(1, 0)];
    expect(nearestPointDense({ rows, rhs: row(0, -1) }).status).toBe("solved");
    const contradiction = nearestPointDense({ rows, rhs: row(-1, -1) });
    expect(contradiction.status).toBe("infeasible");
    expect(contradiction.certificate).toEqual(row(1, 0));
    const paid = nearestPointDense({ rows, rhs: row(-1, -1), upper: row(5, Infinity) });
    expect(paid).toMatchObject({ status: "solved", multipliers: row(5, 1), point: row(-1, 0) });
  });

  it("no rows, no step", () => {
    const { status, multipliers } = nearestPoint({ rows: denseRows(3), rhs: row() });
    expect([status, multipliers.length]).toEqual(["solved", 0]);
  });
});

describe("warm starts", () => {
  it("from the answer: no change to the bit, two systems at most", () => {
    for (const kind of KINDS) {
      for (let seed = 0; seed < 20; seed++) {
        const problem = plantedProblem(kind, seed);
        const cold = nearestPointDense(problem);
        const warm = nearestPointDense(problem, { start: cold.active });
        expect(warm.iterations, `${kind} ${seed}`).toBeLessThanOrEqual(2);
        expect(warm.multipliers, `${kind} ${seed}`).toEqual(cold.multipliers);
      }
    }
  });

  it("from anything, even rows that depend on each other: the same point", () => {
    for (const kind of KINDS) {
      for (let seed = 0; seed < 20; seed++) {
        const problem = plantedProblem(kind, seed);
        const random = randomStream(seed);
        const m = problem.rows.length;
        const rows = Int32Array.from({ length: m }, (_, i) => i);
        const multipliers = Float64Array.from(rows, () => 3 * random.uniform());
        const { status, point } = nearestPointDense(problem, { start: { rows, multipliers } });
        expect(status).toBe("solved");
        expect(norm(subtract(point, problem.point)) / norm(point)).toBeLessThan(1e-8);
      }
    }
  });

  it("a growing problem: each answer is optimal, equals the cold one, and only new entries are computed", () => {
    const { rows, rhs } = randomProblem(1, 600, 60);
    const growing = denseRows(60);
    const counted = countedRows(growing);
    const kept = gramCache(counted);
    const steps = { warm: 0, cold: 0 };
    let start: ActiveSet | undefined;
    for (let m = 100; m <= 600; m += 100) {
      for (const r of rows.slice(growing.count(), m)) growing.addRow(r);
      const b = rhs.slice(0, m);
      const before = counted.asked;
      const warm = nearestPoint({ rows: kept.among(rowsFrom(0, m)), rhs: b }, { start });
      const asked = counted.asked - before;
      expect(kktViolations({ rows: rows.slice(0, m), rhs: b }, warm.multipliers)).toEqual([]);

      // A second process with the same start but an empty cache must not differ in a bit.
      const resumed = nearestPoint({ rows: growing, rhs: b }, { start });
      expect(resumed.multipliers).toEqual(warm.multipliers);
      const fresh = countedRows(growing);
      const cold = nearestPoint({ rows: fresh, rhs: b });
      expect(norm(subtract(cold.multipliers, warm.multipliers))).toBeLessThan(
        1e-9 * norm(cold.multipliers),
      );
      if (start !== undefined) {
        steps.warm += warm.iterations;
        steps.cold += cold.iterations;
        expect(asked).toBeLessThan(fresh.asked);
      }
      start = warm.active;
    }
    expect(steps.warm).toBeLessThan(0.8 * steps.cold);
  });

  it("prices that fall turn hard multipliers into slack", () => {
    const { rows, rhs } = randomProblem(2, 80, 30);
    const hard = nearestPointDense({ rows, rhs });
    const price = Math.max(...hard.multipliers) / 3;
    const problem = { rows, rhs, upper: new Float64Array(80).fill(price) };
    const warm = nearestPointDense(problem, { start: hard.active });
    expect(warm.status).toBe("solved");
    expect(kktViolations(problem, warm.multipliers)).toEqual([]);
    expect(norm(subtract(warm.point, nearestPointDense(problem).point))).toBeLessThan(1e-9);
  });
});

describe("statuses", () => {
  it("stops at the iteration limit with a start that the next call continues from", () => {
    const problem = randomProblem(3, 300, 60);
    const whole = nearestPointDense(problem);
    const part = nearestPointDense(problem, { maxIterations: 10 });
    expect(part).toMatchObject({ status: "iteration-limit", iterations: 10 });
    expect(part.residuals.primal).toBeGreaterThan(1e-3);
    expect(Math.min(...part.multipliers)).toBe(0);
    const rest = nearestPointDense(problem, { start: part.active });
    expect(rest.status).toBe("solved");
    expect(rest.iterations).toBeLessThan(whole.iterations);
    expect(norm(subtract(rest.point, whole.point))).toBeLessThan(1e-9 * norm(whole.point));
  });

  it("does not claim a solution to a tolerance below rounding", () => {
    const { status, residuals } = nearestPointDense(randomProblem(4, 300, 60), {
      tolerance: 1e-18,
    });
    expect(status).toBe("stalled");
    expect(residuals.primal).toBeLessThan(1e-12);
  });

  it("near-copies of conflicting rows are solved, not called infeasible", () => {
    const random = randomStream(5);
    const bases = randomProblem(5, 30, 200).rows;
    for (const noise of [1e-2, 1e-4, 1e-6, 1e-8]) {
      const rows = [...bases, ...bases, ...bases].map((r) =>
        r.map((v) => v + noise * random.normal()),
      );
      const problem = { rows, rhs: Float64Array.from(rows, () => -1 + noise * random.normal()) };
      const { status, multipliers } = nearestPointDense(problem);
      expect(status, `noise ${noise}`).toBe("solved");
      expect(kktViolations(problem, multipliers), `noise ${noise}`).toEqual([]);
    }
  });
});

describe("refusals", () => {
  const rows = [row(1, 0), row(0, 1)];
  const start = (r: number, multiplier: number): object => ({
    start: { rows: Int32Array.of(r), multipliers: row(multiplier) },
  });
  it.each([
    ["rhs has 1 entries", { rows, rhs: row(1) }, {}],
    ["upper has 1 entries", { rows, rhs: row(1, 1), upper: row(1) }, {}],
    ["rhs[1] is NaN", { rows, rhs: row(1, Number.NaN) }, {}],
    ["upper[0] is -1", { rows, rhs: row(1, 1), upper: row(-1, 1) }, {}],
    ["row 1 has the squared length NaN", { rows: [row(1, 0), row(0, NaN)], rhs: row(1, 1) }, {}],
    ["start has row 2", { rows, rhs: row(1, 1) }, start(2, 1)],
    ["start has row 1 with the multiplier -1", { rows, rhs: row(1, 1) }, start(1, -1)],
    ["no rows given", { rows: [], rhs: row() }, {}],
  ])("%s", (message, problem, options) => {
    expect(() => nearestPointDense(problem, options)).toThrow(message);
  });
});

describe("other solvers", () => {
  it("quadprog finds the same points and multipliers", () => {
    for (let seed = 0; seed < 30; seed++) {
      const { rows, rhs } = randomProblem(seed, 15, 20);
      const p = rows[0].length;
      const matrix = (n: number, k: number, at: (r: number, c: number) => number): number[][] =>
        Array.from({ length: n + 1 }, (_, r) =>
          Array.from({ length: k + 1 }, (_, c) => (r > 0 && c > 0 ? at(r - 1, c - 1) : 0)),
        );
      const other = solveQP(
        matrix(p, p, (r, c) => (r === c ? 1 : 0)),
        new Array(p + 1).fill(0),
        matrix(p, rows.length, (c, r) => -rows[r][c]),
        [0, ...rhs.map((v) => -v)],
      );
      expect(other.message).toBe("");
      const { point, multipliers } = nearestPointDense({ rows, rhs });
      const off = (mine: Float64Array, theirs: number[]): number =>
        norm(subtract(mine, Float64Array.from(theirs.slice(1)))) / norm(mine);
      expect(off(point, other.solution), `seed ${seed}`).toBeLessThan(1e-9);
      expect(off(multipliers, other.Lagrangian), `seed ${seed}`).toBeLessThan(1e-8);
    }
  });

  it("HiGHS finds the same elastic points and agrees on what is infeasible", async () => {
    const highs = await loadHighs();
    const term = (v: number, name: string): string => `${v < 0 ? "-" : "+"} ${Math.abs(v)} ${name}`;
    const ask = ({ rows, rhs }: DenseProblem, price: number) => {
      const x = [...rows[0].keys()].map((c) => `x${c}`);
      const s = price < Infinity ? [...rows.keys()].map((i) => `s${i}`) : [];
      const lines = [...rows.entries()].map(([i, r]) => {
        const left = [...r].map((v, c) => term(v, x[c])).join(" ");
        return `c${i}: ${left} ${s.length > 0 ? `- s${i}` : ""} <= ${rhs[i]}`;
      });
      const cost = s.map((name) => term(price, name)).join(" ");
      const squares = x.map((name) => `${name} ^2`).join(" + ");
      return highs.solve(
        `Minimize\nobj: ${cost} + [ ${squares} ] / 2\nSubject To\n${lines.join("\n")}\n` +
          `Bounds\n${x.map((name) => `${name} free`).join("\n")}\nEnd`,
        { output_flag: false },
      );
    };
    let infeasible = 0;
    for (let seed = 0; seed < 12; seed++) {
      const random = randomProblem(seed, 14, 5);
      // Few digits, so that the text carries the numbers exactly.
      const problem = {
        rows: random.rows.map((r) => r.map((v) => Math.round(v * 64) / 64)),
        rhs: random.rhs.map((v) => Math.round(v * 64) / 64),
      };
      const hard = ask(problem, Infinity);
      const ours = nearestPointDense(problem);
      expect(ours.status, `seed ${seed}`).toBe(hard.Status === "Optimal" ? "solved" : "infeasible");
      if (ours.status === "infeasible") infeasible++;

      const soft = ask(problem, 0.25).Columns as Record<string, { Primal: number }>;
      const upper = new Float64Array(14).fill(0.25);
      const { point } = nearestPointDense({ ...problem, upper });
      for (const [c, v] of point.entries()) {
        expect(v, `seed ${seed}, x${c}`).toBeCloseTo(soft[`x${c}`].Primal, 5);
      }
    }
    expect(infeasible).toBeGreaterThan(0);
    expect(infeasible).toBeLessThan(12);
  });
});
