// Threat models: what may be done to an image. An attack knows the norm through these few functions.
import type { Random } from "../tensor/random.ts";
import type { AttackSettings, Norm } from "./settings.ts";

/** The range of each pixel of one image. */
export interface PixelRange {
  readonly low: Float32Array;
  readonly high: Float32Array;
}

/** The same range for all `size` pixels of an image, rounded to float32; null is no range. */
export function rangeOf(clip: AttackSettings["clip"], size: number): PixelRange {
  const [low, high] = clip ?? [-Infinity, Infinity];
  return { low: new Float32Array(size).fill(low), high: new Float32Array(size).fill(high) };
}

/** A radius, and the range of each pixel. */
export interface Threat extends PixelRange {
  readonly eps: number;
}

/** The ball around one clean image, cut to the range pixels are kept in. */
export interface Ball extends Threat {
  readonly norm: Norm;
  /** Adds a uniformly random perturbation of norm up to eps, or up to `radius`, in place. */
  start(x: Float32Array, random: Random, radius?: number): void;
  /** Moves x along the steepest ascent direction of a gradient, by a length, in place. */
  step(x: Float32Array, gradient: Float32Array, length: number): void;
  /** Moves x into the ball, then into the range, in place. */
  project(x: Float32Array): void;
  /** The norm of x - clean. */
  distance(x: Float32Array): number;
  /** Whether x lies in the ball and the range, up to the rounding of float32. */
  contains(x: Float32Array): boolean;
}

// Adding eps to a pixel rounds by half a unit in the last place, at most 2^-24 of the larger of the two.
const ROUNDING = 2 ** -22;

/** It compares, since min and max are slow where two numbers are equal, as pixels and ends of the range are. */
export const clamp = (v: number, low: number, high: number): number =>
  v < low ? low : v > high ? high : v;

export const ballAround = (clean: Float32Array, threat: Threat & { readonly norm: Norm }): Ball =>
  threat.norm === "linf" ? linfBall(clean, threat) : l2Ball(clean, threat);

/** ||x - clean||_inf <= eps, and pixels within the range; the projection gives the nearest point. */
export function linfBall(clean: Float32Array, threat: Threat): Ball {
  const { low, high } = threat;
  // Lengths are rounded to float32 first, as every float32 implementation does: the same images to the bit.
  const eps = Math.fround(threat.eps);
  // A clean pixel outside the range comes as near to it as it can, and stays there.
  const lower = new Float32Array(clean.length);
  const upper = new Float32Array(clean.length);
  for (let i = 0; i < clean.length; i++) {
    lower[i] = clamp(clean[i] - eps, low[i], high[i]);
    upper[i] = clamp(clean[i] + eps, low[i], high[i]);
  }
  const least = Math.max(1, eps);
  return {
    norm: "linf",
    eps,
    low,
    high,
    start: (x, random, radius = eps) => {
      for (let i = 0; i < x.length; i++) x[i] += radius * (2 * random.uniform() - 1);
    },
    // Neither loop branches on a pixel: signs and sides are coin tosses, and a wrong guess of the processor
    // costs more than the arithmetic (12 us an image of 784 pixels with Math.sign, min and max; 4 us without).
    step: (x, gradient, stated) => {
      const length = Math.fround(stated);
      for (let i = 0; i < x.length; i++) {
        const g = gradient[i];
        x[i] += g === 0 ? 0 : length * (g / Math.abs(g));
      }
    },
    project: (x) => {
      for (let i = 0; i < x.length; i++) {
        const over = Number(x[i] > upper[i]);
        const under = Number(x[i] < lower[i]);
        x[i] = x[i] * (1 - over - under) + upper[i] * over + lower[i] * under;
      }
    },
    distance: (x) => {
      let largest = 0;
      for (let i = 0; i < x.length; i++) largest = Math.max(largest, Math.abs(x[i] - clean[i]));
      return largest;
    },
    contains: (x) => {
      for (let i = 0; i < x.length; i++) {
        const size = Math.abs(clean[i]);
        const slack = ROUNDING * (size > least ? size : least);
        if (!(x[i] >= lower[i] - slack && x[i] <= upper[i] + slack)) return false;
        if (!(x[i] >= low[i] && x[i] <= high[i])) return false;
      }
      return true;
    },
  };
}

/**
 * ||x - clean||_2 <= eps, and pixels within the range. The projection scales into the ball, then clips, as
 * AutoAttack does: inside both, since clipping brings x nearer to a clean image in the range, but with a clip
 * not always the nearest such point. Around a clean image outside the range the ball is that of its clipped one.
 */
export function l2Ball(clean: Float32Array, threat: Threat): Ball {
  const { low, high } = threat;
  const eps = Math.fround(threat.eps);
  const centre = clean.map((v, i) => clamp(v, low[i], high[i]));
  const distanceFrom = (from: Float32Array, x: Float32Array): number => {
    let squares = 0;
    for (let i = 0; i < x.length; i++) squares += (x[i] - from[i]) ** 2;
    return Math.sqrt(squares);
  };
  return {
    norm: "l2",
    eps,
    low,
    high,
    start: (x, random, radius = eps) => {
      const direction = Float64Array.from(x, () => random.normal());
      // Of the ball's volume a share r^n lies within r of its radius.
      const length = radius * random.uniform() ** (1 / x.length);
      addAlong(x, direction, length);
    },
    step: addAlong,
    project: (x) => {
      const distance = distanceFrom(centre, x);
      const scale = distance > eps ? eps / distance : 1;
      for (let i = 0; i < x.length; i++) {
        x[i] = clamp(centre[i] + scale * (x[i] - centre[i]), low[i], high[i]);
      }
    },
    distance: (x) => distanceFrom(clean, x),
    contains: (x) => {
      let slack = 0;
      for (let i = 0; i < x.length; i++) {
        if (!(x[i] >= low[i] && x[i] <= high[i])) return false;
        slack += (ROUNDING * Math.max(1, Math.abs(centre[i]))) ** 2;
      }
      return distanceFrom(centre, x) <= eps * (1 + ROUNDING) + Math.sqrt(slack);
    },
  };
}

/** x += length * direction / ||direction||_2; nothing where there is no direction. */
function addAlong(x: Float32Array, direction: Float32Array | Float64Array, length: number): void {
  let squares = 0;
  for (let i = 0; i < x.length; i++) squares += direction[i] * direction[i];
  const scale = squares === 0 ? 0 : length / Math.sqrt(squares);
  for (let i = 0; i < x.length; i++) x[i] += scale * direction[i];
}
