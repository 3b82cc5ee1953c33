// The gradient checker must pass what is right and fail what is wrong by a tenth of a percent.
import { expect, test } from "vitest";
import { randomStream } from "../src/tensor/random.ts";
import { checkGradient, type GradientCheck } from "./helpers/check-gradient.ts";
import { randomArray, spreadArray } from "./helpers/random-array.ts";

const seeds = Array.from({ length: 50 }, (_, i) => i);
const [outputs, features] = [4, 6];

type Gradient = GradientCheck["gradient"];

/** y = tanh(W a + b) as a function of x = [W, b]; b's gradient is the smaller, by `biasScale`. */
function dense(seed: number, biasScale = 1) {
  const random = randomStream(seed);
  const a = randomArray(random, features);
  const preActivation = (x: Float64Array, o: number): number =>
    a.reduce((sum, v, i) => sum + x[o * features + i] * v, 0) +
    biasScale * x[outputs * features + o];
  const f = (x: Float64Array): Float64Array =>
    Float64Array.from({ length: outputs }, (_, o) => Math.tanh(preActivation(x, o)));
  const gradient: Gradient = (x, covector) => {
    const g = new Float64Array(x.length);
    for (const [o, y] of f(x).entries()) {
      const delta = covector[o] * (1 - y * y);
      for (const [i, v] of a.entries()) g[o * features + i] = delta * v;
      g[outputs * features + o] = biasScale * delta;
    }
    return g;
  };
  const x = randomArray(random, outputs * (features + 1)).map((v) => 0.3 * v);
  return { f, gradient, x, random };
}

/** `gradient` with the entries from `first` on multiplied. */
const scaled =
  (gradient: Gradient, by: number, first = 0): Gradient =>
  (x, covector) =>
    gradient(x, covector).map((v, i) => (i >= first ? by * v : v));

test.each(seeds)("a right gradient passes (seed %i)", (seed) => {
  checkGradient(dense(seed));
});

test.each([1e-8, 1e8])("a right gradient passes when everything is scaled by %s", (scale) => {
  for (const seed of seeds) {
    const { f, gradient, x, random } = dense(seed);
    const scaledF = (at: Float64Array): Float64Array => f(at).map((v) => scale * v);
    checkGradient({ f: scaledF, gradient: scaled(gradient, scale), x, random });
  }
});

test.each([1.001, 0.999])("a gradient multiplied by %s fails", (by) => {
  for (const seed of seeds) {
    const { gradient, ...rest } = dense(seed);
    expect(() => checkGradient({ ...rest, gradient: scaled(gradient, by) })).toThrow(/wrong along/);
  }
});

test.each([1, 0.01])(
  "only the bias wrong by 0.1 %% fails, its gradient of relative size %s",
  (size) => {
    for (const seed of seeds) {
      const { gradient, ...rest } = dense(seed, size);
      const wrong = scaled(gradient, 1.001, outputs * features);
      expect(() => checkGradient({ ...rest, gradient: wrong })).toThrow(/wrong along/);
    }
  },
);

test("a transposed Jacobian fails, and the message gives both values, error and tolerance", () => {
  const jacobian = [
    [1, 2, 0],
    [0, 1, 3],
    [4, 0, 1],
  ];
  const product = (v: Float64Array): Float64Array =>
    Float64Array.from(jacobian, (row) => row.reduce((sum, entry, j) => sum + entry * v[j], 0));
  const transposed = (v: Float64Array): Float64Array =>
    Float64Array.from([0, 1, 2], (j) => jacobian.reduce((sum, row, i) => sum + row[j] * v[i], 0));
  for (const seed of seeds) {
    const random = randomStream(seed);
    const x = randomArray(random, 3);
    checkGradient({ f: product, gradient: (_, c) => transposed(c), x, random });
    expect(() => checkGradient({ f: product, gradient: (_, c) => product(c), x, random })).toThrow(
      /wrong along \w+ \d+: it gives \S+\nstep 0.00001: difference \S+, error \S+, allowed [\s\S]*tolerance 0.000001/,
    );
  }
});

test("a zero gradient passes, a missing, a short and a NaN gradient fail", () => {
  const { f, gradient, x, random } = dense(0);
  const constant = (): Float64Array => Float64Array.of(1, 2);
  checkGradient({ f: constant, gradient: () => new Float64Array(x.length), x, random });
  const check = (wrong: Gradient) => () => checkGradient({ f, gradient: wrong, x, random });
  expect(check(() => new Float64Array(x.length))).toThrow(/wrong along/);
  expect(check((at, c) => gradient(at, c).subarray(1))).toThrow(/27 entries, x has 28/);
  expect(check(scaled(gradient, Number.NaN, 27))).toThrow(/wrong along/);
});

test("the generators keep their distance", () => {
  const random = randomStream(3);
  const away = randomArray(random, 2000, { awayFrom: [0, 1], gap: 0.1 });
  expect(away.every((v) => Math.abs(v) >= 0.1 && Math.abs(v - 1) >= 0.1)).toBe(true);
  const spread = spreadArray(random, 500, 0.01).sort();
  expect(spread.every((v, i) => i === 0 || v - spread[i - 1] >= 0.01 - 1e-12)).toBe(true);
});
