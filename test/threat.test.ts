// The balls of both norms: projections, what they contain, random starts and steps.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { l2Ball, linfBall, rangeOf } from "../src/attack/threat.ts";
import { randomStream } from "../src/tensor/random.ts";

describe("the l-infinity ball", () => {
  const point = fc.array(fc.float({ min: -3, max: 3, noNaN: true }), {
    minLength: 4,
    maxLength: 4,
  });
  const inRange = fc.array(fc.float({ min: 0, max: 1, noNaN: true }), {
    minLength: 4,
    maxLength: 4,
  });
  const radius = fc.double({ min: 0, max: 1.5, noNaN: true });

  it("projects inside, to the nearest point, and projects that onto itself", () => {
    fc.assert(
      fc.property(
        point,
        inRange,
        radius,
        fc.boolean(),
        fc.nat(),
        (far, centre, eps, clipped, seed) => {
          const clip = clipped ? ([0, 1] as const) : null;
          const clean = Float32Array.from(centre);
          const ball = linfBall(clean, { eps, ...rangeOf(clip, 4) });
          const x = Float32Array.from(far);
          ball.project(x);
          expect(ball.contains(x)).toBe(true);
          const again = x.slice();
          ball.project(again);
          expect(again).toEqual(x);

          const random = randomStream(seed);
          const distance = (q: ArrayLike<number>): number =>
            far.reduce((sum, v, i) => sum + (v - q[i]) ** 2, 0);
          for (let k = 0; k < 50; k++) {
            const inside = centre.map((c) => {
              const low = Math.max(c - eps, clip?.[0] ?? -Infinity);
              const high = Math.min(c + eps, clip?.[1] ?? Infinity);
              return low + (high - low) * random.uniform();
            });
            expect(distance(x)).toBeLessThanOrEqual(distance(inside) + 1e-5);
          }
        },
      ),
      { seed: 2 },
    );
  });

  it("contains what it projects, whatever the scale of pixels and radius", () => {
    const pixel = fc.float({ min: -300, max: 300, noNaN: true });
    fc.assert(
      fc.property(pixel, fc.double({ min: 0, max: 300, noNaN: true }), (pixel, eps) => {
        const clean = Float32Array.of(pixel, pixel / 256);
        const ball = linfBall(clean, { eps, ...rangeOf(null, 2) });
        for (const far of [-1e4, 1e4]) {
          const x = Float32Array.of(far, far);
          ball.project(x);
          expect(ball.contains(x)).toBe(true);
        }
      }),
      { seed: 4 },
    );
  });

  it("contains what float32 rounds, and refuses a point 1e-3 outside", () => {
    const clean = Float32Array.of(0.1, 0.7, 0.3);
    const ball = linfBall(clean, { eps: 0.1, ...rangeOf([0, 1], 3) });
    for (const sign of [1, -1]) {
      expect(ball.contains(clean.map((v) => v + sign * 0.1))).toBe(true);
      for (const i of clean.keys()) {
        const outside = clean.map((v, j) => (j === i ? v + sign * 0.101 : v));
        expect(ball.contains(outside)).toBe(false);
      }
    }
    const edge = linfBall(Float32Array.of(0.9), { eps: 0.5, ...rangeOf([0, 1], 1) });
    expect(edge.contains(Float32Array.of(1.001))).toBe(false);
    expect(edge.contains(Float32Array.of(Number.NaN))).toBe(false);
  });
});

describe("the l2 ball", () => {
  const vector = (low: number, high: number) =>
    fc.array(fc.float({ min: low, max: high, noNaN: true }), { minLength: 5, maxLength: 5 });
  const lengthOf = (v: ArrayLike<number>): number => Math.hypot(...Array.from(v));

  it("projects inside, the clip included, and leaves what is inside where it is", () => {
    fc.assert(
      fc.property(vector(-3, 3), vector(-0.5, 1.5), fc.boolean(), (far, centre, clipped) => {
        const clean = Float32Array.from(centre);
        const ball = l2Ball(clean, { eps: 0.5, ...rangeOf(clipped ? [0, 1] : null, 5) });
        const x = Float32Array.from(far);
        ball.project(x);
        expect(ball.contains(x)).toBe(true);
        const again = x.slice();
        ball.project(again);
        for (const [i, v] of again.entries()) expect(Math.abs(v - x[i])).toBeLessThan(1e-6);
        if (!clipped) expect(ball.distance(x)).toBeLessThanOrEqual(0.5 + 1e-6);
      }),
      { seed: 8 },
    );
  });

  it("without a clip projects to the nearest point: along the way to the centre", () => {
    fc.assert(
      fc.property(vector(-3, 3), vector(0, 1), (far, centre) => {
        const clean = Float32Array.from(centre);
        const x = Float32Array.from(far);
        l2Ball(clean, { eps: 0.5, ...rangeOf(null, 5) }).project(x);
        const away = lengthOf(far.map((v, i) => v - clean[i]));
        const moved = lengthOf(far.map((v, i) => v - x[i]));
        expect(Math.abs(moved - Math.max(0, away - 0.5))).toBeLessThan(1e-5);
      }),
      { seed: 9 },
    );
  });

  it("refuses points outside it, outside the range, and what is no number", () => {
    const clean = Float32Array.of(0.5, 0.9, 0.1);
    const ball = l2Ball(clean, { eps: 0.3, ...rangeOf([0, 1], 3) });
    expect(ball.contains(Float32Array.of(0.2, 0.9, 0.1))).toBe(true);
    expect(ball.contains(Float32Array.of(0.199, 0.9, 0.1))).toBe(false);
    expect(ball.contains(Float32Array.of(0.7, 0.7, 0.31))).toBe(false);
    expect(ball.contains(Float32Array.of(0.5, 1.001, 0.1))).toBe(false);
    expect(ball.contains(Float32Array.of(0.5, Number.NaN, 0.1))).toBe(false);
  });

  it("steps along g / ||g||, and nowhere without a gradient", () => {
    const ball = l2Ball(new Float32Array(3), { eps: 1, ...rangeOf(null, 3) });
    const x = Float32Array.of(1, 1, 1);
    ball.step(x, Float32Array.of(3e-20, 0, -4e-20), 0.5);
    for (const [i, v] of [1.3, 1, 0.6].entries()) expect(x[i]).toBeCloseTo(v, 6);
    const before = x.slice();
    ball.step(x, new Float32Array(3), 0.5);
    expect(x).toEqual(before);
  });

  it("starts uniformly: radii as the volume grows, directions without a preference", () => {
    const [n, draws] = [3, 4000];
    const ball = l2Ball(new Float32Array(n), { eps: 2, ...rangeOf(null, n) });
    const random = randomStream(7);
    const starts = Array.from({ length: draws }, () => {
      const x = new Float32Array(n);
      ball.start(x, random);
      return x;
    });
    // (r / eps)^n is uniform: Kolmogorov and Smirnov's distance, as in the other ball's test.
    const volumes = starts.map((x) => (lengthOf(x) / 2) ** n).toSorted((a, b) => a - b);
    const distance = Math.max(...volumes.map((v, i) => Math.abs(v - (i + 0.5) / draws)));
    expect(distance).toBeLessThan(1.63 / Math.sqrt(draws));
    for (let i = 0; i < n; i++) {
      const mean = starts.reduce((sum, x) => sum + x[i], 0) / draws;
      expect(Math.abs(mean)).toBeLessThan((3 * 2) / Math.sqrt(draws));
    }
  });
});
