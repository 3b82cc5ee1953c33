// The projection onto a hyperplane inside a box: feasible, on the plane where the box reaches it, and nearest.
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hyperplaneProjection } from "../src/attack/hyperplane.ts";
import type { Norm } from "../src/attack/settings.ts";
import { rangeOf } from "../src/attack/threat.ts";

const N = 7;
const dot = (a: ArrayLike<number>, b: ArrayLike<number>): number =>
  Array.from(a, (v, i) => v * b[i]).reduce((sum, v) => sum + v, 0);

const clampTo = (v: number, [low, high]: readonly [number, number]): number =>
  Math.min(Math.max(v, low), high);

/** The same point by bisection on the multiplier: every pixel moves by t, or t |w_i|, as far as the box lets it. */
function byBisection(
  norm: Norm,
  x: readonly number[],
  w: readonly number[],
  gap: number,
  box: readonly [number, number],
): number[] {
  const at = (t: number): number[] =>
    x.map((v, i) => {
      const direction = norm === "l2" ? w[i] : Math.sign(w[i]);
      return clampTo(v + Math.sign(gap) * t * direction, box);
    });
  let [low, high] = [0, 1e6];
  for (let k = 0; k < 200; k++) {
    const middle = (low + high) / 2;
    const gained = Math.abs(dot(w, at(middle)) - dot(w, x));
    if (gained < Math.abs(gap)) low = middle;
    else high = middle;
  }
  return at(high);
}

const pixel = fc.oneof(fc.constantFrom(0, 1), fc.float({ min: 0, max: 1, noNaN: true }));
const pixels = fc.array(pixel, { minLength: N, maxLength: N });
const weight = fc.oneof(
  fc.constant(0),
  fc.integer({ min: -400, max: 400 }).map((v) => v / 100),
);
const weights = fc.array(weight, { minLength: N, maxLength: N });
const gap = fc.integer({ min: -600, max: 600 }).map((v) => v / 100);

describe.each(["linf", "l2"] as const)("in %s", (norm) => {
  const box = [0, 1] as const;
  const project = hyperplaneProjection(N, { norm, ...rangeOf(box, N) });

  it("is the point that bisection finds, in the box, and as far as it says", () => {
    fc.assert(
      fc.property(pixels, weights, gap, (start, w, gap) => {
        const x = Float32Array.from(start);
        const z = new Float32Array(N);
        const distance = project(x, Float32Array.from(w), gap, z);
        expect(z.every((v) => v >= 0 && v <= 1)).toBe(true);
        const expected = byBisection(norm, [...x], [...Float32Array.from(w)], gap, box);
        for (const [i, v] of expected.entries()) expect(Math.abs(z[i] - v)).toBeLessThan(2e-6);

        const change = [...z].map((v, i) => v - x[i]);
        const length =
          norm === "l2" ? Math.sqrt(dot(change, change)) : Math.max(...change.map(Math.abs));
        expect(Math.abs(distance - length)).toBeLessThan(2e-6);

        // On the plane, or at the corner of the box that comes nearest to it.
        const gained = dot(w, z) - dot(w, x);
        const most = w.reduce((sum, v, i) => sum + v * (v * gap > 0 ? 1 - x[i] : -x[i]), 0);
        const wanted = Math.abs(most) < Math.abs(gap) ? most : gap;
        expect(Math.abs(gained - wanted)).toBeLessThan(1e-5);
      }),
      { seed: 6, numRuns: 500 },
    );
  });

  it("without a box is gap / ||w||_q away, q dual to the norm", () => {
    const free = hyperplaneProjection(3, { norm, ...rangeOf(null, 3) });
    const w = Float32Array.of(3, 0, -4);
    const z = new Float32Array(3);
    const distance = free(Float32Array.of(1, 2, 3), w, 10, z);
    expect(distance).toBeCloseTo(norm === "l2" ? 10 / 5 : 10 / 7, 6);
    expect(dot(w, z)).toBeCloseTo(-9 + 10, 5);
    expect(z[1]).toBe(2);
  });

  it("stays where it is without a gap or without weights", () => {
    const x = Float32Array.of(0, 1, 0.5, 0.25, 0.125, 0, 1);
    const z = new Float32Array(N);
    expect(project(x, new Float32Array(N).fill(2), 0, z)).toBe(0);
    expect(z).toEqual(x);
    expect(project(x, new Float32Array(N), 3, z)).toBe(0);
    expect(z).toEqual(x);
  });
});
