// Threat models: what may be done to an image. An attack knows the norm only through these three.
import type { Random } from "../tensor/random.ts";
import type { AttackOptions } from "./options.ts";

/** The ball around a clean image, for one image at a time: slices of row-major arrays. */
export interface ThreatModel {
  /** A uniformly random perturbation, added to the image in place. */
  start(x: Float32Array, random: Random): void;
  /** Moves x along the steepest ascent direction of a gradient, by a length, in place. */
  step(x: Float32Array, gradient: Float32Array, length: number): void;
  /** The nearest point of the ball around `clean` and of the clip range, in place. */
  project(x: Float32Array, clean: Float32Array): void;
  /** Whether x lies in the ball and the range, up to the rounding of float32. */
  contains(x: Float32Array, clean: Float32Array): boolean;
}

// Adding eps to a pixel rounds by half a unit in the last place, at most 2^-24 of the larger of the two.
const ROUNDING = 2 ** -22;

/** The range of each pixel of one image. */
export interface PixelRange {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** The same range for all `size` pixels of an image, rounded to float32; null is no range. */
export function rangeOf(clip: AttackOptions["clip"], size: number): PixelRange {
  const [low, high] = clip ?? [-Infinity, Infinity];
  return { low: new Float32Array(size).fill(low), high: new Float32Array(size).fill(high) };
}

/** A radius, and the range of each pixel. */
export interface Ball extends PixelRange {
  readonly eps: number;
}

/** ||x - clean||_inf <= eps, and every pixel within its range. */
export function linfBall({ eps: stated, low, high }: Ball): ThreatModel {
  // Lengths are rounded to float32 first, as every float32 implementation does: the same images to the bit.
  const eps = Math.fround(stated);
  return {
    start: (x, random) => {
      for (let i = 0; i < x.length; i++) x[i] += eps * (2 * random.uniform() - 1);
    },
    step: (x, gradient, stated) => {
      const length = Math.fround(stated);
      for (let i = 0; i < x.length; i++) x[i] += length * Math.sign(gradient[i]);
    },
    project: (x, clean) => {
      for (let i = 0; i < x.length; i++) {
        const inBall = Math.min(Math.max(x[i], clean[i] - eps), clean[i] + eps);
        x[i] = Math.min(Math.max(inBall, low[i]), high[i]);
      }
    },
    contains: (x, clean) => {
      for (let i = 0; i < x.length; i++) {
        const slack = ROUNDING * Math.max(1, eps, Math.abs(clean[i]));
        // A clean pixel outside the range is allowed to stay as far outside as the ball needs.
        const nearest = Math.min(Math.max(clean[i], low[i]), high[i]);
        if (!(Math.abs(x[i] - clean[i]) <= Math.max(eps, Math.abs(nearest - clean[i])) + slack))
          return false;
        if (!(x[i] >= low[i] && x[i] <= high[i])) return false;
      }
      return true;
    },
  };
}
