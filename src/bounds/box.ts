// The box of an image: all that it may become within eps, cut to the range that pixels are kept in.
import { unitOfPixels } from "../attack/classifier.ts";
import type { AttackSettings } from "../attack/settings.ts";
import type { Network } from "../engine/network.ts";

/** Of an attack's settings, what its ball in the largest norm is made of. */
export type BallSettings = Pick<AttackSettings, "clip" | "epsSpace">;

/** The ends of each pixel of images, row-major [n, ...inputShape]. */
export interface Ends {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** Eps at each pixel of an image as a share of the stated eps: 1, or the std of the pixel's channel. */
export function unitsOf(
  { options: { std }, inputShape }: Network,
  { epsSpace }: BallSettings,
): Float32Array | undefined {
  return epsSpace === "model" ? unitOfPixels(std!, inputShape) : undefined;
}

// As far an attack's image may lie outside the ball by rounding (attack/threat.ts): what is proven holds of it too.
const ROUNDING = 2 ** -22;

/**
 * The boxes around n images, each of its own eps. An image outside the range has no box.
 *
 * @param x row-major [n, ...inputShape], within the range
 */
export function boxesAround(
  x: Float32Array,
  eps: ArrayLike<number>,
  { clip }: BallSettings,
  units?: Float32Array | undefined,
): Ends {
  const size = x.length / eps.length;
  const [low, high] = clip ?? [Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY];
  const lower = new Float32Array(x.length);
  const upper = new Float32Array(x.length);
  for (let i = 0; i < x.length; i++) {
    const radius = eps[Math.floor(i / size)] * (units?.[i % size] ?? 1);
    const reach = radius === 0 ? 0 : radius + ROUNDING * Math.max(1, Math.abs(x[i]), radius);
    lower[i] = Math.max(x[i] - reach, low);
    upper[i] = Math.min(x[i] + reach, high);
  }
  return { lower, upper };
}
