// Images for the page: of any layout, made small where they are large, 16 bits a number.
//
// 16 bits, since an attack of 1/255 moves a pixel by one step of 8; the page magnifies such differences.
import { type Dataset, imageSize } from "../data/dataset.ts";
import { type Frame, frameOf, rowAt } from "../data/frame.ts";
import type { PicturesDocument } from "./document.ts";

/** Larger images are made as small as this, in rows and columns. */
const SIDE = 112;

const LEVELS = 65535;

/** What is taken of a data set. */
export interface PictureChoice {
  /** The images that are asked for, the most wanted first. */
  readonly images: readonly number[];
  /** Numbers that all pictures together may hold; those that fit are taken, at least one. */
  readonly budget: number;
}

/** Pictures of images, and of what they were before an attack; undefined where the data are no images. */
export function picturesOf(
  { shape, pixels, clean }: Pick<Dataset, "shape" | "pixels" | "clean">,
  { images, budget }: PictureChoice,
): PicturesDocument | undefined {
  const frame = frameOf(shape);
  if (frame.rows < 2 || frame.columns < 2 || ![1, 3, 4].includes(frame.channels)) return undefined;
  const size = imageSize(shape);
  const small = smaller(frame);
  const each = small.rows * small.columns * small.channels * (clean === undefined ? 1 : 2);
  const taken = images.slice(0, Math.max(1, Math.floor(budget / each)));
  const unit = pixels instanceof Uint8Array ? 255 : 1;
  const shrunk = (from: Float32Array | Uint8Array, scale: number): Float32Array[] =>
    taken.map((i) => shrink(from.subarray(i * size, (i + 1) * size), frame, small, scale));
  const attacked = shrunk(pixels, unit);
  const before = clean && shrunk(clean, 1);
  const range = rangeOf([...attacked, ...(before ?? [])]);
  return {
    ...small,
    images: taken,
    pixels: packed(attacked, range),
    ...(before && { clean: packed(before, range) }),
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

function packed(images: readonly Float32Array[], [low, high]: readonly [number, number]): string {
  const levels = images.flatMap((image) =>
    Array.from(image, (value) => Math.round(((value - low) / (high - low)) * LEVELS)),
  );
  const bytes = new DataView(new ArrayBuffer(levels.length * 2));
  for (const [i, level] of levels.entries()) bytes.setUint16(2 * i, level, true);
  return Buffer.from(bytes.buffer).toString("base64");
}
