// The numbers of a picture, and how much a difference of two pictures can be magnified.
import type { PicturesDocument, PixelsDocument } from "../document.ts";

/** Picture k of those that are there: rows x columns x channels, 0 and 1 for the ends of the pictures' range. */
export function pixelsOf(
  { bits, base64 }: PixelsDocument,
  { rows, columns, channels }: Pick<PicturesDocument, "rows" | "columns" | "channels">,
  k: number,
): Float64Array {
  const size = rows * columns * channels;
  const bytes = bits / 8;
  // Three bytes are four letters: only those of this picture are read.
  const [start, end] = [k * size * bytes, (k + 1) * size * bytes];
  const first = Math.floor(start / 3);
  const text = atob(base64.slice(4 * first, 4 * Math.ceil(end / 3)));
  const byte = (i: number): number => text.charCodeAt(start - 3 * first + i);
  const largest = 2 ** bits - 1;
  return Float64Array.from(
    { length: size },
    (_, i) => (bits === 8 ? byte(i) : byte(2 * i) + 256 * byte(2 * i + 1)) / largest,
  );
}

/** Less is no change: a step of 16 bits is more. */
const NOTHING = 1e-5;

/** A picture of what changed, and by how much it was multiplied. */
export interface Difference {
  readonly gain: number;
  /** 1/2 where nothing changed; in [0, 1]. */
  readonly pixels: Float64Array;
}

/**
 * after - before, multiplied so that the largest difference all but fills the range from black to white: the gain has
 * two digits, rounded down, but for 1/1000 that the pixels themselves were rounded by. Undefined where nothing changed.
 */
export function differenceOf(before: Float64Array, after: Float64Array): Difference | undefined {
  const d = after.map((value, i) => value - before[i]);
  const largest = d.reduce((most, v) => Math.max(most, Math.abs(v)), 0);
  if (largest < NOTHING) return undefined;
  const exact = 0.5 / largest;
  const unit = 10 ** (Math.floor(Math.log10(exact)) - 1);
  const gain = Number((Math.floor((1.001 * exact) / unit) * unit).toPrecision(2));
  return { gain, pixels: d.map((v) => 0.5 + gain * v) };
}
