// npm run bench -- speed: what it counts and how it judges solvers.
import { describe, expect, it } from "vitest";
import { replaceBetween } from "../bench/page.ts";
import { ask } from "../bench/speed/ask.ts";
import { dualOf, lengthsOf, qualityOf } from "../bench/speed/dual.ts";
import { workOfPasses } from "../src/engine/flops.ts";
import { denseRows } from "../src/qp/dense-rows.ts";
import { nearestPoint } from "../src/qp/nearest-point.ts";
import { randomStream } from "../src/tensor/random.ts";
import { norm } from "../src/tensor/vector.ts";
import { bench } from "./helpers/command.ts";
import { smallNetwork } from "./helpers/small.ts";

/** m rows of length p, of very different lengths, and a b that most of them must move for. */
function problem(m: number, p: number) {
  const random = randomStream(3, m);
  const rows = denseRows(p);
  for (let i = 0; i < m; i++) {
    const length = 10 ** (3 * random.uniform());
    rows.addRow(Float64Array.from({ length: p }, () => length * (random.uniform() - 0.4)));
  }
  const rhs = Float64Array.from({ length: m }, () => random.uniform() - 0.8);
  return { rows, rhs, lengths: lengthsOf(rows) };
}

describe("what is counted", () => {
  it("the work of a pass: CNNLight's layers by hand", async () => {
    const conv1 = 2 * (8 * 14 * 14) * 9;
    const conv2 = 2 * (16 * 7 * 7) * 72;
    const dense = 2 * (784 * 50 + 50 * 10);
    const forward = conv1 + conv2 + dense;
    expect(workOfPasses(await smallNetwork())).toEqual({
      forward,
      inputGradient: 2 * forward,
      thetaGradient: 3 * forward - conv1,
    });
  });
});

describe("an answer is judged", () => {
  it("by the rows alone: the nearest point passes, a little beside it does not", () => {
    const { rows, rhs, lengths } = problem(30, 60);
    const { multipliers } = nearestPoint({ rows, rhs });
    const d = rows.combine(multipliers);
    const good = qualityOf(rows, rhs, lengths, multipliers);
    expect(good.objective).toBeCloseTo(norm(d) ** 2 / 2, 12);
    expect(good.kkt).toBeLessThan(1e-12);
    const beside = multipliers.map((v, i) => (i % 2 === 0 ? 1.01 * v : v));
    expect(qualityOf(rows, rhs, lengths, beside).kkt).toBeGreaterThan(1e-4);
    const negative = multipliers.map((v, i) => (v === 0 ? -0.01 / lengths[i] : v));
    expect(qualityOf(rows, rhs, lengths, negative).kkt).toBeGreaterThan(1e-4);
  });
});

describe("other solvers", async () => {
  const { rows, rhs, lengths } = problem(40, 60);
  const dual = await dualOf(rows, rhs, lengths);

  it.each([
    ["quadprog", 1e-9],
    ["highs", 1e-5],
  ] as const)("%s finds the same point from the same dual", async (rival, tolerance) => {
    const found = await ask({ rival, dual }, { limit: 60 });
    if (found.kind !== "solved") throw new Error(JSON.stringify(found));
    const lambda = found.lambda.map((v, i) => v / lengths[i]);
    const { objective, kkt } = qualityOf(rows, rhs, lengths, lambda);
    const ours = qualityOf(rows, rhs, lengths, nearestPoint({ rows, rhs }).multipliers);
    expect(Math.abs(objective / ours.objective - 1)).toBeLessThan(tolerance);
    expect(kkt).toBeLessThan(tolerance);
  });

  it("are stopped at the limit, and by Ctrl-C, though they never come to an end", async () => {
    const question = { rival: "quadprog", dual } as const;
    const entry = new URL("./helpers/endless-process.ts", import.meta.url);
    expect(await ask(question, { limit: 0.5, entry })).toEqual({ kind: "over the limit" });
    const stopped = ask(question, { limit: 60, entry, signal: AbortSignal.timeout(500) });
    await expect(stopped).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("the command", () => {
  it("is refused a page without a place for it, before any work", async () => {
    const { code, stderr } = await bench(["speed", "--quick", "--into", "none.md"]);
    expect(code).toBe(2);
    expect(stderr).toContain("none.md");
    expect(() => replaceBetween("<!-- /speed --><!-- speed -->", "speed", "")).toThrow(
      "no place for speed",
    );
  });
});
