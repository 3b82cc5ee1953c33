// Images for the page: of any layout, made small where they are large, as numbers of 8 or 16 bits.
//
// 16 bits where two images are compared: an attack may move a pixel by less than 1/255, and the page magnifies it.
import { type Dataset, imageSize } from "../data/dataset.ts";
import { type Frame, frameOf, rowAt } from "../data/frame.ts";
import type { PicturesDocument, PixelsDocument } from "./document.ts";

/** Larger images are made as small as this, in rows and columns. */
const SIDE = 112;

/** What is taken of a data set. */
export interface PictureChoice {
  /** The images that are asked for, the most wanted first. */
  readonly images: readonly number[];
  /** Bytes that all pictures together may take; those that fit are taken, at least one. */
  readonly budget: number;
}

/**
 * Pictures of images, and of what they were before an attack; undefined where the data are no images. Pixels k / 255
 * keep their value exactly, others of an attacked image or of that before it to 1/65535 of the range, and all else
 * to 1/255.
 */
export function picturesOf(
  { shape, pixels, clean }: Pick<Dataset, "shape" | "pixels" | "clean">,
  { images, budget }: PictureChoice,
): PicturesDocument | undefined {
  const frame = frameOf(shape);
  if (frame.rows < 2 || frame.columns < 2 || ![1, 3, 4].includes(frame.channels)) return undefined;
  const size = imageSize(shape);
  const small = smaller(frame);
  const numbers = small.rows * small.columns * small.channels;
  const sets = clean === undefined ? [pixels] : [pixels, clean];
  const fitting = (bytes: number) => Math.max(1, Math.floor(budget / (numbers * bytes)));
  const asked = images.slice(0, fitting(sets.length));
  const shrunk = sets.map((set) => {
    const unit = set instanceof Uint8Array ? 255 : 1;
    return asked.map((i) => shrink(set.subarray(i * size, (i + 1) * size), frame, small, unit));
  });
  const range = rangeOf(shrunk.flat());
  const bits = shrunk.map((set) => (clean === undefined || areBytes(set, range) ? 8 : 16));
  const taken = fitting(bits.reduce((sum, of) => sum + of / 8, 0));
  const [attacked, before] = shrunk.map((set, k) =>
    packed(set.slice(0, taken), { range, bits: bits[k] }),
  );
  return {
    ...small,
    images: asked.slice(0, taken),
    pixels: attacked,
    ...(before && { clean: before }),
    range,
    ...(small.rows < frame.rows && { scaledFrom: [frame.rows, frame.columns] as const }),
  };
}

type Size = Pick<PicturesDocument, "rows" | "columns" | "channels">;

/** Rows and columns at most `SIDE`, with the shape of the image kept; alpha is left out. */
function smaller({ rows, columns, channels }: Frame): Size {
  const ratio = Math.min(1, SIDE / Math.max(rows, columns));
  const side = (of: number): number => Math.max(1, Math.round(of * ratio));
  return { rows: side(rows), columns: side(columns), channels: channels === 4 ? 3 : channels };
}

/** The image with its channels side by side, each number the mean of those it stands for. */
function shrink(
  image: Float32Array | Uint8Array,
  frame: Frame,
  { rows, columns, channels }: Size,
  unit: number,
): Float32Array {
  const part = (i: number, of: number, from: number): [number, number] => {
    const start = Math.floor((i * from) / of);
    return [start, Math.max(start + 1, Math.floor(((i + 1) * from) / of))];
  };
  const out = new Float32Array(rows * columns * channels);
  let at = 0;
  for (let r = 0; r < rows; r++) {
    const [top, bottom] = part(r, rows, frame.rows);
    for (let c = 0; c < columns; c++) {
      const [left, right] = part(c, columns, frame.columns);
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let row = top; row < bottom; row++) {
          const start = rowAt(frame, channel, row);
          for (let column = left; column < right; column++) {
            sum += image[start + column * frame.columnStride];
          }
        }
        out[at++] = sum / ((bottom - top) * (right - left) * unit);
      }
    }
  }
  return out;
}

/** [0, 1], and what lies outside: an attack need not clip. */
function rangeOf(images: readonly Float32Array[]): readonly [number, number] {
  let [low, high] = [0, 1];
  for (const image of images) {
    for (const value of image) {
      if (value < low) low = value;
      if (value > high) high = value;
    }
  }
  return [low, high];
}

/** Whether 8 bits hold every number: k / 255, of float32. */
const areBytes = (
  images: readonly Float32Array[],
  [low, high]: readonly [number, number],
): boolean =>
  low === 0 &&
  high === 1 &&
  images.every((image) => image.every((v) => v === Math.fround(Math.round(v * 255) / 255)));

function packed(
  images: readonly Float32Array[],
  {
    range: [low, high],
    bits,
  }: { readonly range: readonly [number, number]; readonly bits: 8 | 16 },
): PixelsDocument {
  const step = (high - low) / (2 ** bits - 1);
  const numbers = images.flatMap((image) => Array.from(image, (v) => Math.round((v - low) / step)));
  const bytes = new DataView(new ArrayBuffer((numbers.length * bits) / 8));
  for (const [i, value] of numbers.entries()) {
    if (bits === 8) bytes.setUint8(i, value);
    else bytes.setUint16(2 * i, value, true);
  }
  return { bits, base64: Buffer.from(bytes.buffer).toString("base64") };
}
