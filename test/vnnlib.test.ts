// VNN-LIB: formulas are read as what they say, what is written reads back, and what is not read is refused by its line.
import { describe, expect, it } from "vitest";
import { readCounterexample, writeCounterexample } from "../src/data/vnnlib/counterexample.ts";
import { digitsOf } from "../src/data/vnnlib/expressions.ts";
import {
  isCounterexample,
  labelOf,
  labelProperty,
  type Property,
} from "../src/data/vnnlib/property.ts";
import { readVnnlib } from "../src/data/vnnlib/read.ts";
import { writeVnnlib } from "../src/data/vnnlib/write.ts";
import { type Random, randomStream } from "../src/tensor/random.ts";

const seed = Number(process.env.TEMPER_SEED ?? 0);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const read = (text: string): Property => readVnnlib(bytes(text), "p.vnnlib");

const DECLARED = `(declare-const X_0 Real)
(declare-const X_1 Real)
(declare-const Y_0 Real)
(declare-const Y_1 Real)
(declare-const Y_2 Real)
`;
const BOX = `(assert (>= X_0 -0.5))(assert (<= X_0 0.25))
(assert (and (>= X_1 0) (<= X_1 1e-05)))
`;

describe("reading", () => {
  it("takes the forms that VNN-COMP's files have", () => {
    const { inputs, outputs, queries } = read(
      `; a comment (with parentheses\n${DECLARED}${BOX}` +
        "(assert (or (and (>= Y_1 Y_0)) (and (<= (+ (* 2.0 Y_2) (- Y_0)) 3))))",
    );
    expect({ inputs, outputs }).toEqual({ inputs: 2, outputs: 3 });
    expect(queries).toEqual([
      {
        lower: Float64Array.of(-0.5, 0),
        upper: Float64Array.of(0.25, 1e-5),
        unsafe: [
          [
            {
              terms: [
                { output: 0, weight: 1 },
                { output: 1, weight: -1 },
              ],
              bound: 0,
            },
          ],
          [
            {
              terms: [
                { output: 2, weight: 2 },
                { output: 0, weight: -1 },
              ],
              bound: 3,
            },
          ],
        ],
      },
    ]);
  });

  /** A formula over X_0, X_1, Y_0, Y_1, Y_2, and whether numbers satisfy it. */
  interface Formula {
    readonly text: string;
    readonly holds: (x: readonly number[], y: readonly number[]) => boolean;
  }
  function formula(random: Random, depth: number): Formula {
    const kind = depth === 0 ? 0 : random.below(3);
    const value = (random.below(9) - 4) / 4;
    if (kind === 0) {
      const [i, j] = [random.below(3), random.below(3)];
      const op = random.below(2) === 0 ? "<=" : ">=";
      const compare = (a: number, b: number): boolean => (op === "<=" ? a <= b : a >= b);
      if (random.below(4) === 0) {
        const k = random.below(2);
        return { text: `(${op} X_${k} ${value})`, holds: (x) => compare(x[k], value) };
      }
      return {
        text: `(${op} (- (* ${value} Y_${i}) 0.5) (+ Y_${j} X_0 (* -1 X_0)))`,
        holds: (_, y) => compare(value * y[i] - 0.5, y[j]),
      };
    }
    const parts = Array.from({ length: 1 + random.below(3) }, () => formula(random, depth - 1));
    return kind === 1
      ? {
          text: `(and ${parts.map(({ text }) => text).join(" ")})`,
          holds: (x, y) => parts.every(({ holds }) => holds(x, y)),
        }
      : {
          text: `(or ${parts.map(({ text }) => text).join("\n")})`,
          holds: (x, y) => parts.some(({ holds }) => holds(x, y)),
        };
  }

  it("finds the counterexamples of a formula, no more and no fewer; so does what is written of it", () => {
    const random = randomStream(seed);
    let [met, unmet] = [0, 0];
    for (let k = 0; k < 300; k++) {
      const formulas = [formula(random, 3), formula(random, 2)];
      const box = "(assert (and (>= X_0 -1) (<= X_0 1) (>= X_1 -1) (<= X_1 1)))";
      const asserted = formulas.map(({ text }) => `(assert ${text})`).join("\n");
      let property: Property;
      try {
        property = read(`${DECLARED}${box}${asserted}`);
      } catch (error) {
        // Boxes that the formula makes empty, and comparisons that cancel to what never holds.
        expect((error as Error).message).toMatch(/empty|never holds/);
        continue;
      }
      const again = read(writeVnnlib(property));
      for (let i = 0; i < 30; i++) {
        const draw = (): number => (random.below(17) - 8) / 4;
        const x = [draw(), draw()];
        const y = [draw(), draw(), draw()];
        const truth =
          x.every((v) => v >= -1 && v <= 1) && formulas.every(({ holds }) => holds(x, y));
        expect(isCounterexample(property, x, y), asserted).toBe(truth);
        expect(isCounterexample(again, x, y), asserted).toBe(truth);
        if (truth) met++;
        else unmet++;
      }
    }
    expect(Math.min(met, unmet)).toBeGreaterThan(200);
  });

  it.each([
    ["(assert (< X_0 1))", /line 6: "\(<" is not read/],
    ["(assert (not (<= X_0 1)))", /line 6: "\(not" is not read/],
    [`${BOX}(assert (<= X_0 Y_0))`, /line 8: several variables with an input/],
    [`${BOX}(assert (<= (* Y_0 Y_1) 1))`, /line 8: "\(\*" is no linear term/],
    [`${BOX}(assert (<= Y_3 1))`, /line 8: Y_3 is not declared/],
    [`${BOX}(assert (<= Y_0 0x1))`, /line 8: "0x1" is no number/],
    [`${BOX}(assert (<= Y_0 1e999))`, /line 8: "1e999" is no number/],
    [`${BOX}(assert (<= Y_0 1)`, /line 8: a "\(" that is never closed/],
    [`${BOX}(assert (<= Y_0 1)))`, /line 8: a "\)" that closes nothing/],
    [`${BOX}(check-sat)`, /line 8: "\(check-sat" is not read/],
    [`${BOX}(declare-const Y_4 Real)`, /line 8: Y_4 where Y_3 comes next/],
    [`${BOX}(declare-const Y_3 Int)`, /line 8: expected \(declare-const/],
    [`${BOX}(assert (<= X_0 -1))`, /line 8: X_0 is at least -0.5 and at most -1: the box is empty/],
    ["(assert (<= X_0 1))", /X_0 has no lower bound/],
    [`${BOX}(assert ${"(and ".repeat(70)})`, /line 8: more than 64 levels/],
    [
      `${BOX}${`(assert (or ${"(<= Y_0 1) ".repeat(20)}))\n`.repeat(6)}`,
      /multiply to more than 8388608 comparisons/,
    ],
  ])("refuses %s", (text, message) => {
    expect(() => read(`${DECLARED}${text}`)).toThrow(message);
  });
});

describe("numbers", () => {
  it("are written in digits alone, and read back to the bit", () => {
    const random = randomStream(seed, 1);
    const edges = [0, 1, -1, 0.1, 1e21, -1e-7, 123456.789, 5e-324, 1.7976931348623157e308];
    const drawn = Array.from(
      { length: 500 },
      () => random.normal() * 10 ** (random.below(60) - 30),
    );
    for (const value of [...edges, ...drawn]) {
      expect(digitsOf(value)).toMatch(/^-?\d+\.\d+$/);
      expect(Number(digitsOf(value))).toBe(value);
    }
  });
});

describe("labels", () => {
  const box = { lower: Float64Array.of(0, 0), upper: Float64Array.of(1, 1) };
  it("are found in the property that one must win", () => {
    for (const [label, labels] of [
      [0, 2],
      [1, 2],
      [3, 10],
    ]) {
      const property = labelProperty(box, label, labels);
      const again = read(writeVnnlib(property, { comment: ["image 3"] }));
      expect(again).toEqual(property);
      expect(labelOf(again)).toBe(label);
    }
  });

  it("are unknown of properties that are not about one label", () => {
    expect(labelOf(read(`${DECLARED}${BOX}(assert (<= Y_1 Y_0)) (assert (<= Y_2 Y_0))`))).toBe(
      undefined,
    );
    expect(labelOf(read(`${DECLARED}${BOX}(assert (<= Y_1 3))`))).toBe(undefined);
  });
});

describe("counterexamples", () => {
  const x = Float64Array.of(0.1, 1e-9, -3);
  const y = Float64Array.of(0.25, 12345.678);

  it("read back to the bit", () => {
    expect(readCounterexample(bytes(writeCounterexample({ x, y })), "c")).toEqual({ x, y });
  });

  it.each([
    ["unsat\n", /c: the verifier answered unsat/],
    ["sat\n((X_0 1)\n(X_0 2))", /c, line 3: X_0 is given twice/],
    ["sat\n((X_0 1)\n(X_2 2))", /2 numbers X_, but none of them is X_1/],
    ["sat\n((X_0 nan))", /c, line 2: expected a variable and its number/],
    ["sat\n((Y_0 1))", /c, line 2: no inputs/],
    ["sat\n", /c, line 1: expected sat and one list/],
  ])("refuses %j", (text, message) => {
    expect(() => readCounterexample(bytes(text), "c")).toThrow(message);
  });
});
