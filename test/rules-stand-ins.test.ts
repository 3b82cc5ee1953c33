// The gradients that pass straight through: by their definition, the identity in range and 0 beyond it.
import { expect, test } from "vitest";
import { rules } from "../src/autodiff/rules.ts";
import { gradientInImage } from "./helpers/gradient-case.ts";
import { one } from "./helpers/rule-cases/case.ts";
import { quantisations, quantised } from "./helpers/rule-cases/stand-ins.ts";

test("of all rules only those of these operators are stand-ins", () => {
  const standIns = [...rules].filter(([, rule]) => rule.straightThrough).map(([op]) => op);
  expect(standIns).toEqual(["DequantizeLinear", "QuantizeLinear", "Sign"]);
});

test("Sign: the identity where |x| is at most 1", () => {
  const { x, covector, gradient } = gradientInImage(one("Sign", [40]), 1);
  const inside = [...x.data].map((v) => Math.abs(v) <= 1);
  expect(new Set(inside).size).toBe(2);
  expect([...gradient.data]).toEqual(inside.map((is, i) => (is ? covector.data[i] : 0)));
});

test.each(quantisations)(
  "quantised and back: the identity where x rounds into the range (%#)",
  (q) => {
    const { x, covector, gradient } = gradientInImage(quantised(q), 2);
    const { scale, zero, axis = 1 } = q;
    const [low, high] = zero?.type === "int8" ? [-128, 127] : [0, 255];
    const sides = new Set<boolean>();
    for (const [i, v] of x.data.entries()) {
      const along = scale.values.length === 1 ? 0 : axis === 1 ? Math.floor(i / 4) % 3 : i % 4;
      const [s, z] = [Number(scale.values[along]), Number(zero?.values[along] ?? 0)];
      const [least, largest] = [(low - z) * s, (high - z) * s];
      // Half a step beyond either end still rounds to it.
      const inside = v >= least - s / 2 && v <= largest + s / 2;
      sides.add(inside);
      expect(gradient.data[i]).toBeCloseTo(inside ? covector.data[i] : 0, 12);
    }
    expect(sides.size).toBe(2);
  },
);
