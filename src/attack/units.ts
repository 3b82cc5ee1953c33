// An attack in the model's units: pixels divided by the std of their channel, in which its ball is round.
//
// The attack itself knows one set of coordinates. Here a classifier of pixels becomes one of other
// coordinates, and what it is asked about is always the pixels that those stand for after rounding.
import { TemperError } from "../errors.ts";
import type { Classifier } from "./classifier.ts";
import type { AttackSettings } from "./settings.ts";
import type { PixelRange } from "./threat.ts";

/** @throws TemperError `bad-option` where the model's units are asked for and it has none of its own */
export function checkUnits(
  { epsSpace }: Pick<AttackSettings, "epsSpace">,
  std: readonly number[] | undefined,
): void {
  if (epsSpace === "pixel" || std !== undefined) return;
  throw new TemperError(
    "bad-option",
    "eps-space model: the model was opened without a std, so its units are those of pixels\n" +
      "give its std (--std a,b,c), or leave eps in pixel units",
  );
}

/** A classifier and its range in other units than pixels, and the way between the two. */
export interface Units {
  readonly classifier: Classifier;
  readonly range: PixelRange;
  fromPixels(x: Float32Array): Float32Array;
  toPixels(x: Float32Array): Float32Array;
}

// A bound is moved inwards by this share: it may be rounded twice on the way back to pixels.
const INWARDS = 2 ** -23;

/** A classifier of pixels and the range of pixels, in units of `unit` pixels. */
export function inUnits(
  classifier: Classifier,
  { low, high }: PixelRange,
  unit: Float32Array,
): Units {
  const size = unit.length;
  const toPixels = (x: Float32Array): Float32Array => x.map((v, i) => v * unit[i % size]);
  return {
    classifier: {
      ...classifier,
      logits: (x, n) => classifier.logits(toPixels(x), n),
      gradient: async (of, x, rows) => {
        const { logits, gradient } = await classifier.gradient(of, toPixels(x), rows);
        return { logits, gradient: toPixels(gradient) }; // d/du of f(u unit) = unit f'
      },
    },
    range: {
      low: low.map((v, p) => (v * (1 + INWARDS * Math.sign(v))) / unit[p]),
      high: high.map((v, p) => (v * (1 - INWARDS * Math.sign(v))) / unit[p]),
    },
    fromPixels: (x) => x.map((v, i) => v / unit[i % size]),
    toPixels,
  };
}
