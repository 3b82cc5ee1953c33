// The pool by its definitions: violation (10), members, the efficient front, the choice (19).
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  anchorTheta,
  type Candidate,
  candidateTheta,
  type Layout,
  poolOf,
  type Trial,
} from "../src/correct/candidates.ts";
import { choose } from "../src/correct/choice.ts";
import { efficientFront, type Objectives } from "../src/correct/dominance.ts";
import { scorePoints } from "../src/correct/violation.ts";
import { dominates } from "./helpers/dominance.ts";

const trial = (violation: number | null, loss: number | null, distance = 0): Trial => ({
  iteration: 1,
  step: 1,
  alpha: 1,
  violation,
  corrected: 0,
  loss,
  distance,
});

describe("violation (10)", () => {
  const logits = Float64Array.of(2, 1, 0, /**/ 0, 3, 1, /**/ 1, 1, 0);
  const y = Int32Array.of(0, 2, 0);
  it("sums over points and rivals, with the margin; a tie is not corrected", () => {
    expect(scorePoints(logits, y, 0)).toEqual({ violation: 2, corrected: 1, wrong: [1, 2] });
    expect(scorePoints(logits, y, 1.5).violation).toBe(0.5 + (3.5 + 0.5) + (1.5 + 0.5));
  });
  it("a logit that is not a number corrects nothing", () => {
    const { violation, wrong } = scorePoints(Float64Array.of(1, Number.NaN), Int32Array.of(0), 0);
    expect({ violation, wrong }).toEqual({ violation: Number.NaN, wrong: [0] });
  });
});

describe("members", () => {
  const lines = (alphas: number): Layout => ({ alphas, every: 1 });
  const of = (...values: number[]): Float32Array => Float32Array.from(values);

  it("lie on the line from theta0 to theta_k, computed in float64 and rounded once", () => {
    const [theta0, thetaK] = [of(1, -2, 1), of(2, 2, 3)];
    const at = (step: number, alphas: number): Float32Array =>
      candidateTheta({ iteration: 1, step }, theta0, [thetaK], lines(alphas));
    expect(at(1, 10).slice(0, 2)).toEqual(of(1.1, -1.6));
    // Rounded after every operation this would be the next float32 above.
    expect(at(1, 3)[2]).toBe(Math.fround(5 / 3));
    expect(at(0, 10)).toEqual(theta0);
  });

  it("that are stored are not computed: the full step, and a mean, keep every bit of a weight that shrank", () => {
    const theta0 = of(1e8, 1, -0);
    const stored = of(1.2345e-5, 1e-30, -0);
    const onLine = theta0.map((t, i) => t + 1 * (stored[i] - t));
    for (const i of stored.keys()) expect(onLine[i]).not.toBe(stored[i]);
    const full = { iteration: 2, step: 7 };
    expect(candidateTheta(full, theta0, [theta0, stored], lines(7))).toEqual(stored);
    const means: Layout = { alphas: 1, every: 10 };
    for (const iteration of [11, 17, 20])
      expect(candidateTheta({ iteration, step: 1 }, theta0, [theta0, stored], means)).toEqual(
        stored,
      );
  });

  it("are copies; theta0 is one in either layout, and an iteration that stored nothing has none", () => {
    const theta0 = of(1, 2);
    for (const layout of [lines(2), { alphas: 2, every: 3 }]) {
      const start = candidateTheta({ iteration: 0, step: 0 }, theta0, [], layout);
      expect(start).toEqual(theta0);
      start.fill(9);
      expect(theta0).toEqual(of(1, 2));
      expect(() => candidateTheta({ iteration: 4, step: 2 }, theta0, [theta0], layout)).toThrow(
        "no candidate of iteration 4",
      );
    }
  });

  it("an anchor is theta0 + d rounded once: with d rounded first this one would stay at theta0", () => {
    expect(anchorTheta(of(1), Float64Array.of(2 ** -24 + 2 ** -50))).toEqual(of(1 + 2 ** -23));
  });
});

describe("the efficient front", () => {
  const objective = fc.constantFrom(0, 1, 2, 3, 1e-9, null, Number.NaN, Number.POSITIVE_INFINITY);
  const pools = fc.array(fc.record<Objectives>({ violation: objective, loss: objective }));

  it("is what brute-force dominance says, with ties and values that are not finite", () => {
    const isKnown = ({ violation, loss }: Objectives) =>
      Number.isFinite(violation) && Number.isFinite(loss);
    fc.assert(
      fc.property(pools, (pool) => {
        const known = pool.filter(isKnown);
        const expected = pool.map((c) => isKnown(c) && !known.some((d) => dominates(d, c)));
        expect(efficientFront(pool)).toEqual(expected);
      }),
      { numRuns: 500 },
    );
  });

  it("leaves out a loss known only as a bound, however low", () => {
    const stopped: Trial = { ...trial(0, null), lossAtLeast: 0.1 };
    expect(poolOf([trial(5, 1), stopped]).map(({ front }) => front)).toEqual([true, false]);
  });
});

describe("the choice (19)", () => {
  const values = fc.integer({ min: 0, max: 30_000 }).map((v) => v / 300);
  const arbitraryPool = fc
    .array(fc.tuple(values, values, values), { minLength: 1, maxLength: 30 })
    .map((rows) => poolOf(rows.map(([v, l, d]) => trial(v, l, d))));
  const tolerance = 1e-4;

  it("w = 0 takes the lowest violation; of those under the tolerance, the lowest loss", () => {
    // The CNN with 50 points of the paper's tables: 0.149 and 0.178 out of thousands.
    const pool = poolOf([
      trial(4000, 0.02),
      trial(0.149, 0.0555),
      trial(0.178, 0.0355),
      trial(9, 0.03),
    ]);
    expect(choose(pool, { weight: 0, tolerance })).toBe(2);
    expect(choose(pool, { weight: 0, tolerance: 0 })).toBe(1);
    expect(choose(pool, { weight: 1, tolerance })).toBe(0);
  });

  it("w = 0 is the best of the whole pool, dominated members included", () => {
    fc.assert(
      fc.property(arbitraryPool, fc.constantFrom(0, 1e-4, 0.3), (pool, tol) => {
        const compared = (c: Candidate) =>
          c.violation! < tol * pool[0].violation! ? 0 : c.violation!;
        const chosen = pool[choose(pool, { weight: 0, tolerance: tol })];
        for (const c of pool) {
          const better =
            compared(c) < compared(chosen) ||
            (compared(c) === compared(chosen) && c.loss! < chosen.loss!);
          expect(better).toBe(false);
        }
      }),
    );
  });

  it("a higher w never gives a higher loss, and w = 1 gives the lowest", () => {
    fc.assert(
      fc.property(arbitraryPool, (pool) => {
        const losses = [0, 0.1, 0.2, 0.4, 0.7, 1].map(
          (weight) => pool[choose(pool, { weight, tolerance })].loss!,
        );
        expect(losses).toEqual(losses.toSorted((a, b) => b - a));
        expect(losses.at(-1)).toBe(Math.min(...pool.map(({ loss }) => loss!)));
      }),
    );
  });

  it("scales over the front: what is dominated, however wild, changes nothing", () => {
    fc.assert(
      fc.property(arbitraryPool, fc.integer({ min: 0, max: 100 }), (pool, percent) => {
        const wild = poolOf([...pool, trial(1e6, 1e9), trial(null, 0), trial(0, null)]);
        const options = { weight: percent / 100, tolerance };
        expect(choose(wild, options)).toBe(choose(pool, options));
      }),
    );
  });

  it("scales over the pool where that is asked for; the choice is on the front all the same", () => {
    // Over the front's violations of 0 to 10 the second is as bad as can be; over the pool's, 1 % of it.
    const pool = poolOf([trial(0, 1), trial(10, 0), trial(1000, 1)]);
    expect(choose(pool, { weight: 0.4, tolerance })).toBe(0);
    expect(choose(pool, { weight: 0.4, tolerance, scale: "pool" })).toBe(1);
    fc.assert(
      fc.property(arbitraryPool, fc.integer({ min: 0, max: 100 }), (pool, percent) => {
        const options = { weight: percent / 100, tolerance };
        expect(pool[choose(pool, { ...options, scale: "pool" })].front).toBe(true);
        const alone = pool.filter(({ front }) => front);
        if (!pool[0].front) return; // theta0's violation sets the tolerance
        expect(choose(alone, { ...options, scale: "pool" })).toBe(choose(alone, options));
      }),
    );
  });

  it("breaks ties by distance, then by order", () => {
    const pool = poolOf([trial(1, 1, 3), trial(1, 1, 2), trial(1, 1, 2)]);
    expect(choose(pool, { weight: 0.5, tolerance })).toBe(1);
  });
});
