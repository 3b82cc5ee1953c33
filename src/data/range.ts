// The range that pixels are kept in, and images that are not in it.
import { TemperError } from "../errors.ts";

/**
 * Refuses images that have pixels outside the range: a ball around them is cut to nothing, and anything would be proven
 * in it.
 *
 * @param x n images one after the other, in pixel units
 * @param clip the range, or null for none
 * @param nameOf how a message names image i
 * @throws TemperError `data-mismatch`
 */
export function demandInRange(
  x: Float32Array,
  n: number,
  clip: readonly [low: number, high: number] | null,
  nameOf: (i: number) => string,
): void {
  if (clip === null) return;
  const at = x.findIndex((v) => !(v >= clip[0] && v <= clip[1]));
  if (at < 0) return;
  throw new TemperError(
    "data-mismatch",
    `${nameOf(Math.floor((at * n) / x.length))} has a pixel of ${x[at]}, outside the range [${clip}]\n` +
      "give --clip none, or the range that the images have: balls are cut to it, and of an empty one anything holds",
  );
}
