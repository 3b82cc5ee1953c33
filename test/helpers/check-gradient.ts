// The one gradient checker: a vector-Jacobian product against central differences along directions.
import type { Random } from "../../src/tensor/random.ts";

/** What is checked, and how strictly. */
export interface GradientCheck {
  /** R^n -> R^m, in float64. */
  readonly f: (x: Float64Array) => Float64Array;
  /** covector' J(x), [n]. */
  readonly gradient: (x: Float64Array, covector: Float64Array) => Float64Array;
  readonly x: Float64Array;
  readonly random: Random;
  /** Of the error relative to the derivative's size. Default 1e-6; 1e-4 for a float32 gradient. */
  readonly tolerance?: number;
  /** Distance from x; ten times as far is tried too. Default 1e-5. Kinks must be farther away. */
  readonly step?: number;
}

interface Direction {
  readonly name: string;
  readonly values: Float64Array;
}

/**
 * Dense directions see every coordinate at once; single coordinates are measured against their own
 * size, so that an error in a few small ones does not drown in the sum.
 */
function directions(n: number, random: Random): Direction[] {
  const dense = [0, 1, 2].map((i) => {
    // Away from 0, so that no coordinate goes unseen; bounded, so that the step is what it says.
    const entry = (): number => (random.below(2) === 0 ? -1 : 1) * (0.5 + random.uniform());
    return { name: `dense ${i}`, values: Float64Array.from({ length: n }, entry) };
  });
  const single = [...random.permutation(n).subarray(0, 12)].map((i) => ({
    name: `coordinate ${i}`,
    values: new Float64Array(n).fill(1, i, i + 1),
  }));
  return [...dense, ...single];
}

function dot(a: Float64Array, b: Float64Array): number {
  return a.reduce((sum, value, i) => sum + value * b[i], 0);
}

/**
 * Throws unless gradient . direction equals the derivative of covector . f along each direction, for
 * a random covector. The allowed error is `tolerance` times the derivative's size (at least a
 * hundredth of what the gradient's norm lets expect of a direction) and the rounding of f over step.
 */
export function checkGradient(check: GradientCheck): void {
  const { f, gradient, x, random, tolerance = 1e-6, step = 1e-5 } = check;
  const y = f(x);
  const covector = Float64Array.from(y, () => random.normal());
  const g = gradient(x, covector);
  if (g.length !== x.length) {
    throw new Error(`the gradient has ${g.length} entries, x has ${x.length}`);
  }
  const along = (direction: Float64Array, by: number): number =>
    dot(covector, f(x.map((value, i) => value + by * direction[i])));
  const magnitude = y.reduce((sum, value, i) => sum + Math.abs(covector[i] * value), 0);
  const gNorm = Math.sqrt(dot(g, g) / g.length);

  for (const { name, values } of directions(x.length, random)) {
    const claimed = dot(g, values);
    const expected = gNorm * Math.sqrt(dot(values, values));
    const attempts = [step, 10 * step].map((h) => {
      const measured = (along(values, h) - along(values, -h)) / (2 * h);
      const scale = Math.max(Math.abs(claimed), Math.abs(measured), expected / 100);
      // 16 units in the last place of f.
      const allowed = tolerance * scale + (16 * Number.EPSILON * magnitude) / h;
      return { h, measured, allowed, error: Math.abs(claimed - measured) };
    });
    // Negated so that NaN fails.
    if (!attempts.some(({ error, allowed }) => error <= allowed)) {
      const tried = attempts.map(
        ({ h, measured, error, allowed }) =>
          `step ${h}: difference ${measured}, error ${error.toExponential(2)}, allowed ${allowed.toExponential(2)}`,
      );
      throw new Error(
        `gradient is wrong along ${name}: it gives ${claimed}\n${tried.join("\n")}\n(tolerance ${tolerance})`,
      );
    }
  }
}
