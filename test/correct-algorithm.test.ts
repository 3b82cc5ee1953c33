// Algorithm 1 on classifiers written down as formulas: followed by hand, and by its definition.
import { describe, expect, it } from "vitest";
import { type AlgorithmOptions, algorithm1 } from "../src/correct/algorithm.ts";
import { candidateTheta } from "../src/correct/candidates.ts";
import type { AlgorithmState } from "../src/correct/state.ts";
import { randomStream } from "../src/tensor/random.ts";
import { subtract } from "../src/tensor/vector.ts";
import { type AnalyticNetwork, analyticOracle, bowl, linear } from "./helpers/analytic-oracle.ts";
import { tanhNetwork } from "./helpers/tanh-network.ts";

const paper: AlgorithmOptions = {
  iterations: 20,
  alphas: 10,
  margin: 0,
  weight: 0,
  tolerance: 1e-4,
  fullPool: true,
};
const run = (network: AnalyticNetwork, options: Partial<AlgorithmOptions> = {}) =>
  algorithm1(analyticOracle(network), { ...paper, ...options });

/** One point of label 0 with f = theta, so g = theta_2 - theta_1: theta0 = (3, 5) is wrong by 2. */
const plane: AnalyticNetwork = {
  theta0: [3, 5],
  logits: [[linear([1, 0]), linear([0, 1])]],
  y: [0],
  loss: linear([0, 0], 7),
};

describe("losses left to the end", () => {
  it("stop early and give the front and the choice of the full pool", async () => {
    let stopped = 0;
    for (let seed = 1; seed <= 8; seed++) {
      const network = tanhNetwork(randomStream(seed));
      const full = await run(network);
      for (const weight of [0, 0.3, 1]) {
        const found = await run(network, { fullPool: false, weight });
        expect(found.choice).toBe((await run(network, { weight })).choice);
        expect(found.pool.map(({ front }) => front)).toEqual(full.pool.map(({ front }) => front));
        for (const [i, { loss, lossAtLeast }] of found.pool.entries()) {
          if (lossAtLeast === undefined) expect(loss).toBe(full.pool[i].loss);
          else {
            stopped++;
            expect(loss).toBeNull();
            expect(full.pool[i].loss).toBeGreaterThan(lossAtLeast);
          }
        }
      }
    }
    expect(stopped).toBeGreaterThan(100);
  });

  it("are kept as they are found: none is asked for twice, and the pool is the same", async () => {
    // theta_K of one network has no gradient; the plane's run ends with all of its own.
    for (const network of [tanhNetwork(randomStream(1)), plane]) {
      const short = { iterations: 4, alphas: 3, fullPool: false };
      const states: AlgorithmState[] = [];
      const onState = async (state: AlgorithmState) => void states.push(state);
      const whole = await run(network, { ...short, onState });
      const late = states.filter(({ finishing }) => finishing !== undefined);
      expect(late).toHaveLength(whole.anchors.length - 1);
      const lines = whole.anchors.length * (short.alphas - 1);
      for (const state of late) {
        const oracle = analyticOracle(network);
        const resumed = await algorithm1(oracle, { ...paper, ...short, state });
        expect(resumed).toEqual(whole);
        const left = lines - state.finishing!.lines.length;
        expect(oracle.asked).toEqual(Array(left).fill("loss"));
      }
    }
  });
});

describe("taken up again", () => {
  it("from any of its states, before its cuts contradict each other and after, the run ends the same", async () => {
    const contradicting = { ...plane, loss: bowl([3, 5]) };
    for (const network of [contradicting, tanhNetwork(randomStream(1))]) {
      const states: AlgorithmState[] = [];
      const onState = async (state: AlgorithmState) => void states.push(state);
      const whole = await run(network, { iterations: 6, alphas: 2, onState });
      if (network === contradicting) expect(whole.contradictions[0].iteration).toBe(2);
      for (const state of states)
        expect(await run(network, { iterations: 6, alphas: 2, state })).toEqual(whole);
      expect(states.length).toBeGreaterThan(5);
    }
  });
});

describe("by hand, two parameters", () => {
  it("a half-plane: theta_1 is the projection, and theta_2 would repeat it", async () => {
    const { end, anchors, pool, choice, iterations } = await run(plane, { alphas: 2 });
    expect(anchors).toEqual([Float32Array.of(4, 4)]);
    expect(pool.map((c) => [c.iteration, c.step, c.alpha, c.violation, c.corrected])).toEqual([
      [0, 0, 0, 2, 0],
      [1, 1, 0.5, 1, 0],
      [1, 2, 1, 0, 0], // on f_1 = f_0: no violation, and yet not above the rival
    ]);
    expect(pool.map(({ front }) => front)).toEqual([false, false, true]);
    expect(pool.map(({ distance }) => distance)).toEqual([0, Math.SQRT1_2, Math.SQRT2]);
    expect(choice).toBe(2);
    expect(end).toBe("repeated-anchor");
    expect(iterations.map(({ rows, status, steps }) => [rows, status, steps])).toEqual([
      [2, "solved", 3],
      [4, "solved", 1], // the warm start is the solution
    ]);
    expect(iterations[1].anchor).toEqual({ violation: 0, corrected: 0, loss: 7, repeats: 1 });
  });

  it("the margin moves the plane, and the point is above its rival", async () => {
    const { anchors, pool, choice } = await run(plane, { margin: 1 });
    expect(anchors[0]).toEqual(Float32Array.of(4.5, 3.5));
    expect(pool[0].violation).toBe(3);
    expect(pool[choice]).toMatchObject({ violation: 0, corrected: 1 });
  });

  it("a corner of the loss cut: theta_1 may not grow, so theta_2 does all the work", async () => {
    const { anchors } = await run({ ...plane, loss: linear([1, 0]) });
    expect(anchors).toEqual([Float32Array.of(3, 3)]);
  });

  it("a corner of two rivals: f = (1, theta_1, theta_2)", async () => {
    const logits = [[linear([0, 0], 1), linear([1, 0]), linear([0, 1])]];
    const { anchors, iterations } = await run({ ...plane, theta0: [2, 3], logits });
    expect(anchors).toEqual([Float32Array.of(1, 1)]);
    expect(iterations[0]).toMatchObject({ rows: 3, active: 2, distance: Math.sqrt(5) });
  });

  it("a disc: the anchors' radii are Heron's iterates for the square root of 1", async () => {
    // g = ||theta||^2 - 1; the cut at radius r touches the ray at (r + 1 / r) / 2.
    const logits = [[linear([0, 0]), bowl([0, 0], 2, -1)]];
    const { end, anchors, iterations } = await run({ ...plane, theta0: [3, 4], logits });
    let radius = 5;
    for (const theta of anchors) {
      radius = (radius + 1 / radius) / 2;
      expect(theta[0]).toBeCloseTo(0.6 * radius, 5);
      expect(theta[1]).toBeCloseTo(0.8 * radius, 5);
    }
    expect(anchors.length).toBeGreaterThan(4);
    expect(radius).toBeCloseTo(1, 9);
    expect(end).toBe("repeated-anchor");
    expect(iterations.at(-2)!.anchor!.violation).toBeLessThan(1e-6);
  });
});

describe("ends", () => {
  it("corrected-already: the pool is theta0 alone, and no gradient is asked for", async () => {
    const oracle = analyticOracle({ ...plane, theta0: [5, 3] });
    const found = await algorithm1(oracle, { ...paper, margin: 2 });
    expect(found).toMatchObject({ end: "corrected-already", anchors: [], iterations: [] });
    expect(found.pool).toMatchObject([{ violation: 0, corrected: 1, loss: 7, front: true }]);
    expect(found.choice).toBe(0);
    expect(oracle.asked).toEqual(["logits", "loss"]);
    expect((await run({ ...plane, theta0: [5, 3] }, { margin: 2.5 })).end).toBe("repeated-anchor");
  });

  it("repeated-anchor: a step too short for float32 repeats theta0", async () => {
    const { end, anchors, pool, iterations } = await run(
      { ...plane, theta0: [1, 1] },
      { margin: 1e-9 },
    );
    expect({ end, anchors, candidates: pool.length }).toEqual({
      end: "repeated-anchor",
      anchors: [],
      candidates: 1,
    });
    expect(iterations[0].anchor).toMatchObject({ repeats: 0, loss: 7 });
  });

  it("is none where theta0 is short, as biases alone are, and the answer must be longer", async () => {
    const zero = { ...plane, theta0: [0, 0], loss: linear([0, 0]) };
    const { contradictions, pool, choice } = await run(zero, { margin: 1 });
    expect(contradictions).toEqual([]);
    expect(pool[choice]).toMatchObject({ iteration: 1, step: 10, violation: 0 });
    expect(pool[choice].distance).toBeGreaterThan(0);
  });

  it("contradiction: one input with two labels; both points are named, the innocent is not", async () => {
    const { end, contradictions, pool, choice, iterations } = await run(
      {
        ...plane,
        logits: [plane.logits[0], [linear([1, 1]), linear([0, 0])], plane.logits[0]],
        y: [0, 0, 1],
      },
      { margin: 1 },
    );
    // Elastic, at 1,000 times what one row alone would need: |theta_1 - theta_2| = 2 + 1 of length sqrt 2.
    expect(contradictions).toEqual([
      { iteration: 1, rows: 4, penalty: 1500, points: [0, 2], loss: false },
    ]);
    // g and -g: wherever they balance, both margins together are missed by 2, and theta0 need not move for it.
    expect(pool[choice].violation).toBeCloseTo(2, 5);
    expect(iterations[0]).toMatchObject({ iteration: 1, status: "solved" });
    expect(end).toBe("repeated-anchor");
  });

  it("contradiction: the loss forbids the correction, which shows at the second anchor", async () => {
    const { contradictions, pool, choice } = await run({ ...plane, loss: bowl([3, 5]) });
    expect(contradictions).toMatchObject([{ iteration: 2, points: [0], loss: true }]);
    expect(pool[choice]).toMatchObject({ iteration: 1, step: 10, violation: 0 });
  });

  it("contradiction: cuts that meet only beyond theta0's own length", async () => {
    // theta_1 <= -1 and theta_1 >= 1 + theta_2 / 1000 meet at theta_2 = -2000.
    const zero = linear([0, 0]);
    const { end, contradictions, iterations, pool, choice } = await run({
      ...plane,
      logits: [
        [zero, linear([1, 0], 1)],
        [zero, linear([0, 1], -9)],
        [zero, linear([-1, 1e-3], 1)],
      ],
      y: [0, 0, 0],
    });
    expect(contradictions[0]).toMatchObject({ iteration: 1, points: [0, 2], loss: false });
    // The price is lowered until the elastic solution stays within ||theta0||; the run goes on.
    expect(contradictions[0].penalty).toBeGreaterThan(0);
    expect(iterations[0].distance).toBeLessThanOrEqual(Math.hypot(3, 5));
    expect(end).not.toBe("contradiction");
    expect(pool[choice].violation).toBeLessThan(pool[0].violation!);
  });

  it("elastic cuts: (13) with a price on each unit of violation, by its definition", async () => {
    // One row g = theta_2 - theta_1 <= 0: lambda = 1 on the plane, so a price below 1 buys less than that.
    for (const penalty of [0.25, 0.5, 2]) {
      const { anchors } = await run(plane, { penalty, iterations: 1 });
      const moved = Math.min(penalty, 1);
      expect(anchors).toEqual([Float32Array.of(3 + moved, 5 - moved)]);
    }
  });

  it("robust cuts (18) ask for rho times the rise, loss slack moves the limit of (8)", async () => {
    // The oracle's logits rise by 1 per unit of x, so g by 2: rho = 1/2 asks what a margin of 1 asks.
    const robust = await run(plane, { radius: 0.5, iterations: 1 });
    expect(robust.anchors).toEqual((await run(plane, { margin: 1, iterations: 1 })).anchors);
    // The loss theta_1 may rise by 1/2: theta_1 takes that half of the way, theta_2 the rest.
    const options = { lossSlack: 0.5, iterations: 1 };
    const { anchors } = await run({ ...plane, loss: linear([1, 0]) }, options);
    expect(anchors).toEqual([Float32Array.of(3.5, 3.5)]);
  });

  it("not-finite: recorded as null, never chosen, and the same after JSON", async () => {
    const loss = (theta: ArrayLike<number>) => ({
      value: Math.sqrt(3.5 - theta[0]),
      gradient: [0, 0],
    });
    const found = await run({ ...plane, loss }, { alphas: 4 });
    expect(found.end).toBe("not-finite");
    expect(found.pool.map((c) => c.loss === null)).toEqual([false, false, false, true, true]);
    expect(found.pool.map(({ front }) => front)).toEqual([false, false, true, false, false]);
    expect(found.choice).toBe(2);
    expect(JSON.parse(JSON.stringify(found.pool))).toEqual(found.pool);
    expect(JSON.parse(JSON.stringify(found.iterations))).toEqual(found.iterations);
  });

  it("refuses a theta0 that is itself not finite, and stops on request", async () => {
    const refused = { code: "data-mismatch" };
    await expect(run({ ...plane, loss: linear([0, 0], Number.NaN) })).rejects.toMatchObject(
      refused,
    );
    await expect(run({ ...plane, loss: linear([0, Number.NaN]) })).rejects.toMatchObject(refused);
    const slope = () => ({ value: 1, gradient: [Number.POSITIVE_INFINITY, 0] });
    await expect(run({ ...plane, loss: slope })).rejects.toMatchObject(refused);
    const signal = AbortSignal.abort();
    await expect(run(plane, { signal })).rejects.toMatchObject({ code: "aborted" });
  });
});

describe("by definition", () => {
  it("linear logits, constant loss: theta_1 is the point of (5) nearest to theta0", async () => {
    for (let seed = 0; seed < 10; seed++) {
      const random = randomStream(seed);
      const normals = () => Array.from({ length: 4 }, random.normal);
      const logits = [0, 1].map(() => [0, 1, 2].map(() => linear(normals())));
      const theta0 = normals().map((v) => Math.fround(3 * v));
      const { anchors } = await run({ theta0, logits, y: [0, 1], loss: linear([0, 0, 0, 0]) });
      const g = (theta: ArrayLike<number>, i: number, l: number) =>
        logits[i][l](theta).value - logits[i][i](theta).value;
      const worst = (theta: ArrayLike<number>) =>
        Math.max(...[0, 1].flatMap((i) => [0, 1, 2].map((l) => g(theta, i, l))));
      const nearest = anchors[0] ?? Float32Array.from(theta0);
      expect(worst(nearest)).toBeLessThan(1e-5);
      // The projection onto a convex set makes no acute angle towards any of its points.
      for (let trial = 0, feasible = 0; feasible < 20 && trial < 2000; trial++) {
        const other = normals().map((v, i) => nearest[i] + v);
        if (worst(other) > 0) continue;
        feasible++;
        const angle = other.reduce((s, v, i) => s + (v - nearest[i]) * (theta0[i] - nearest[i]), 0);
        expect(angle).toBeLessThan(1e-5);
      }
    }
  });

  it("every anchor satisfies the cuts of all anchors before it", async () => {
    for (let seed = 0; seed < 5; seed++) {
      const network = tanhNetwork(randomStream(seed));
      const margin = 0.1;
      const { anchors, iterations } = await run(network, { margin, alphas: 1, iterations: 8 });
      const all = [Float32Array.from(network.theta0), ...anchors];
      const limit = network.loss(all[0]).value;
      for (const [k, theta] of all.entries()) {
        if (k > 0) expect(iterations[k - 1].status).toBe("solved");
        for (const at of all.slice(0, k)) {
          const step = subtract(theta, at);
          const along = (gradient: readonly number[]) =>
            gradient.reduce((sum, v, i) => sum + v * step[i], 0);
          const loss = network.loss(at);
          expect(loss.value + along(loss.gradient) - limit).toBeLessThan(1e-4); // (8)
          for (const [i, row] of network.logits.entries()) {
            const own = row[network.y[i]](at);
            for (const rival of row.filter((_, l) => l !== network.y[i]).map((f) => f(at))) {
              const g = rival.value - own.value + margin;
              expect(g + along(rival.gradient) - along(own.gradient)).toBeLessThan(1e-4); // (7)
            }
          }
        }
      }
    }
  });

  it("nonconvex logits converge: every point corrected, the loss held", async () => {
    for (let seed = 0; seed < 5; seed++) {
      const { pool, choice } = await run(tanhNetwork(randomStream(seed)), { margin: 0.1 });
      const { violation, corrected, loss } = pool[choice];
      expect(violation).toBeLessThan(1e-3 * pool[0].violation!);
      expect(corrected).toBe(3);
      expect(loss).toBeLessThan(1.001 * pool[0].loss!);
    }
  });

  it("a convex loss: the anchors close in on (6) from outside, and go no farther than it", async () => {
    // The projection (4, 4) leaves the disc around (0, 2) through theta0; the line leaves it at 1 + sqrt(8).
    const loss = bowl([0, 2]);
    const { anchors, iterations } = await run({ ...plane, loss });
    const distances = iterations.map(({ distance }) => distance!);
    expect(distances).toEqual(distances.toSorted((a, b) => a - b));
    expect(distances.at(-1)).toBeCloseTo(Math.hypot(1 + Math.sqrt(8) - 3, 1 + Math.sqrt(8) - 5), 6);
    const last = anchors.at(-1)!;
    expect([...last].every((v) => Math.abs(v - 1 - Math.sqrt(8)) < 1e-6)).toBe(true);
    expect(loss(last).value).toBeLessThan(9 + 1e-5);
  });

  it("evaluates each candidate's loss once; the K - 1 inner anchors' comes with their gradient", async () => {
    const oracle = analyticOracle(tanhNetwork(randomStream(1)));
    const { end, pool } = await algorithm1(oracle, { ...paper, iterations: 3, alphas: 4 });
    const times = (what: string) => oracle.asked.filter((asked) => asked === what).length;
    expect(end).toBe("iterations");
    expect(pool).toHaveLength(1 + 3 * 4);
    expect(times("logits")).toBe(13);
    expect(times("lossGradient")).toBe(3);
    expect(times("loss")).toBe(10);
  });

  it("every member can be rebuilt, the full step is the anchor, and twice is the same", async () => {
    const network = tanhNetwork(randomStream(2));
    const seen: string[] = [];
    const oracle = analyticOracle(network);
    const watched = {
      ...oracle,
      logits: (theta: Float32Array) => {
        seen.push(theta.join());
        return oracle.logits(theta);
      },
    };
    const options = { ...paper, iterations: 3 };
    const first = await algorithm1(watched, options);
    const layout = { every: 1, alphas: options.alphas } as const;
    const rebuilt = first.pool.map((candidate) =>
      candidateTheta(candidate, oracle.theta0, first.anchors, layout).join(),
    );
    expect(rebuilt).toEqual(seen);
    expect(first.anchors.map((anchor) => anchor.join())).toEqual(
      first.anchors.map((_, k) => seen[(k + 1) * options.alphas]),
    );
    expect(JSON.stringify(await run(network, options))).toBe(JSON.stringify(first));
  });

  it("tells what it does: stages by name, each iteration", async () => {
    const stages = new Set<string>();
    const iterations: number[] = [];
    await run(tanhNetwork(randomStream(3)), {
      iterations: 2,
      alphas: 2,
      stage: async (name, work) => {
        stages.add(name);
        return work();
      },
      onIteration: ({ iteration }) => iterations.push(iteration),
    });
    expect([...stages]).toEqual(["candidates", "loss-gradient", "cuts", "qp"]);
    expect(iterations).toEqual([1, 2]);
  });
});
