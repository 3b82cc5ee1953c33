// Balls of the l-infinity norm as boxes of float32: rounded outwards, so that they hold every point of the ball.
import { TemperError } from "../../errors.ts";

export interface Ball {
  /** The radius at each pixel of an image, in pixel units. */
  readonly radius: Float64Array;
  /** The range of pixels, which cuts the ball; null is no range. */
  readonly clip: readonly [low: number, high: number] | null;
}

/**
 * The balls around images, row-major [n, ...].
 *
 * @throws TemperError `data-mismatch` of an image outside the range: its ball might be empty, and everything holds of
 *   an empty ball
 */
export function ballsAround(
  x: Float32Array,
  { radius, clip }: Ball,
): { readonly lower: Float32Array; readonly upper: Float32Array } {
  const [low, high] = clip ?? [-Infinity, Infinity];
  const size = radius.length;
  const lower = new Float32Array(x.length);
  const upper = new Float32Array(x.length);
  let outside = -1;
  for (let from = 0; from < x.length; from += size) {
    for (let p = 0; p < size; p++) {
      const i = from + p;
      const v = x[i];
      const r = radius[p];
      if (!(v >= low && v <= high)) outside = i;
      const least = v - r < low ? low : v - r;
      const most = v + r > high ? high : v + r;
      const l = Math.fround(least);
      const u = Math.fround(most);
      // Which way an end is rounded is a coin toss, and a wrong guess of the processor costs more than the arithmetic.
      lower[i] = l - Number(l > least) * (HALF_STEP * Math.abs(l) + LEAST);
      upper[i] = u + Number(u < most) * (HALF_STEP * Math.abs(u) + LEAST);
    }
  }
  if (outside >= 0) {
    throw new TemperError(
      "data-mismatch",
      `image ${Math.floor(outside / size)} has a pixel of ${x[outside]}, outside the range ${low},${high}\n` +
        "give the range that the data have (--clip), or none",
    );
  }
  return { lower, upper };
}

// Between neighbours of float32 lies at most 2^-23 of either: a move by more than half of that, 2^-24, rounds to the
// next one, and one by less than twice as much to no other.
const HALF_STEP = 1.01 * 2 ** -24;

/** The same between 0 and its neighbours. */
const LEAST = 2 ** -149;
