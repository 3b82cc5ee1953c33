// The table of losses: each entry is what it claims to be, by definition.
import { describe, expect, it } from "vitest";
import { gradientProgram } from "../src/autodiff/programs.ts";
import { COVECTOR } from "../src/autodiff/seeds.ts";
import { type LossName, losses, lossNames, lossOf, sumLoss } from "../src/engine/losses.ts";
import { type Random, randomStream } from "../src/tensor/random.ts";
import { checkGradient } from "./helpers/check-gradient.ts";
import { evaluateGraph } from "./helpers/evaluate/evaluate.ts";
import { graph, node } from "./helpers/graph-builder.ts";
import { measureShapes } from "./helpers/measure-shapes.ts";

const LABELS = 5;
const N = 6;

/** A classifier whose logits are its input, so that a gradient in the image is one in the logits. */
const identity = graph({
  inputs: { x: ["batch", LABELS] },
  nodes: [node("Identity", ["x"], ["f"])],
  outputs: { f: ["batch", LABELS] },
});

const labelsOf = (random: Random): Int32Array =>
  Int32Array.from({ length: N }, () => random.below(LABELS));

const logitsOf = (random: Random, size: number): Float64Array =>
  Float64Array.from({ length: N * LABELS }, () => Math.fround(size * random.normal()));

describe.each(losses)("$name", ({ value, gradient, convex }) => {
  /** The loss of every row, of logits in whatever precision. */
  const valuesAt = (f: Float64Array, y: Int32Array): number[] =>
    Array.from(y, (label, i) => value(f as unknown as Float32Array, LABELS, i, label));

  it("has the gradient in the logits that differences of its value show", () => {
    const program = gradientProgram(identity, {
      shapes: measureShapes(identity),
      seed: gradient,
      wrt: ["x"],
    });
    const output = program.gradients.get("x")!;
    const dims = [N, LABELS];
    for (const seed of [0, 1, 2]) {
      const random = randomStream(seed);
      const y = labelsOf(random);
      const oneHot = new Float64Array(N * LABELS);
      for (const [i, label] of y.entries()) oneHot[i * LABELS + label] = 1;
      checkGradient({
        f: (f) => Float64Array.of(valuesAt(f, y).reduce((a, c) => a + c, 0)),
        gradient: (f, [covector]) => {
          const feeds = new Map([
            ["x", { dims, data: f }],
            [COVECTOR, { dims, data: oneHot }],
          ]);
          const { data } = evaluateGraph(program.graph, feeds, [output]).get(output)!;
          return data.map((g) => covector * g);
        },
        x: logitsOf(random, 2),
        random,
      });
    }
  });

  it("is finite and never negative, and near 0 where the label wins by far", () => {
    for (const size of [0, 1, 30, 1e4]) {
      const random = randomStream(4, size);
      const y = labelsOf(random);
      const f = logitsOf(random, size);
      for (const v of valuesAt(f, y)) expect(v >= 0 && Number.isFinite(v), `${v}`).toBe(true);
      for (const [i, label] of y.entries()) f[i * LABELS + label] = 1e5;
      for (const v of valuesAt(f, y)) expect(v).toBeLessThan(1e-6);
    }
  });

  it(`is ${convex ? "" : "not "}convex in the logits, as it says`, () => {
    // The largest rise of the middle of a segment above the mean of its ends.
    let rise = Number.NEGATIVE_INFINITY;
    for (let seed = 0; seed < 200; seed++) {
      const random = randomStream(seed, 6);
      const y = labelsOf(random);
      const [a, b] = [logitsOf(random, 5), logitsOf(random, 5)];
      const middle = valuesAt(
        a.map((v, i) => (v + b[i]) / 2),
        y,
      );
      const [atA, atB] = [valuesAt(a, y), valuesAt(b, y)];
      for (const [i, v] of middle.entries()) rise = Math.max(rise, v - (atA[i] + atB[i]) / 2);
    }
    if (convex) expect(rise).toBeLessThan(1e-9);
    else expect(rise).toBeGreaterThan(0.01);
  });

  it("adds up over the rows", () => {
    const y = Int32Array.of(2, 0);
    const f = Float32Array.from(logitsOf(randomStream(7), 3).subarray(0, 2 * LABELS));
    const apart = value(f, LABELS, 0, 2) + value(f, LABELS, 1, 0);
    expect(sumLoss({ value }, f, LABELS, y)).toBe(apart);
    expect(sumLoss({ value }, f.subarray(LABELS), LABELS, y.subarray(1))).toBe(
      value(f, LABELS, 1, 0),
    );
  });
});

it("every name finds its own entry, and an unknown one is refused by name", () => {
  expect(new Set(lossNames).size).toBe(losses.length);
  for (const name of lossNames) expect(lossOf(name).name).toBe(name);
  expect(() => lossOf("hinge" as LossName)).toThrow(
    expect.objectContaining({
      code: "bad-option",
      message: `loss hinge: expected ${lossNames.join(" or ")}`,
    }),
  );
});
