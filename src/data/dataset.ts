// Labelled images in memory: slices, batches in pixel units, checks against a model, a content hash.
import { createHash } from "node:crypto";
import { TemperError } from "../errors.ts";
import { isPixelFile, type PixelFile, partOfFile, readPixels } from "./pixel-file.ts";
import type { Reading } from "./reading.ts";

/** Labelled images. All arrays are row-major and shared between slices: never write to them. */
export interface Dataset {
  /** The name that opens exactly these images again, slice included. */
  readonly name: string;
  /** The shape of one image, usually [c, h, w]. */
  readonly shape: readonly number[];
  /** The number of images, 0 or more. */
  readonly count: number;
  /** `[count, ...shape]`: bytes 0..255, or float32 in pixel units (`[0, 1]`, which attacks may leave). */
  readonly pixels: Uint8Array | Float32Array;
  /** `[count]`: the true label of each image, 0 or more. */
  readonly labels: Int32Array;
  /** `[count]`: the index in the original data of each attacked image, where known. */
  readonly source?: Int32Array | undefined;
  /** `[count, ...shape]`: the images before an attack in pixel units, where known. */
  readonly clean?: Float32Array | undefined;
  /** Index of image 0 in the data this is a slice of; absent means 0. */
  readonly first?: number | undefined;
  /** How the images were changed on opening, where they were: the name alone then opens others. */
  readonly augment?: "crop-flip" | undefined;
  /** How the images were read from their files, where that was stated. */
  readonly reading?: Reading | undefined;
  /** The names of the labels in the model's order, where they are known. */
  readonly classes?: readonly string[] | undefined;
  /** What the numbers of an example are called, in the order of its values, where a table says so. */
  readonly columns?: readonly string[] | undefined;
  /** What a reader must be told about the data, such as "3 of 5 batch files". */
  readonly note?: string | undefined;
}

/** A data set whose pixels lie in a file and are read by ranges: it need not fit into memory. */
export interface StoredDataset extends Omit<Dataset, "pixels"> {
  /** Where they lie, `[count, ...shape]`. */
  readonly pixels: PixelFile;
}

/** A data set, wherever its pixels are. */
export type AnyDataset = Dataset | StoredDataset;

/** What of a data set its images are read from. */
export type ImageSource = Pick<AnyDataset, "shape" | "count" | "labels" | "pixels">;

/** Byte -> pixel unit: value / 255 rounded to float32. */
const PIXEL_UNITS = Float32Array.from({ length: 256 }, (_, byte) => byte / 255);

/** Numbers in one image. */
export function imageSize(shape: readonly number[]): number {
  return shape.reduce((product, dim) => product * dim, 1);
}

function fillPixelUnits(
  out: Float32Array,
  outAt: number,
  bytes: Uint8Array,
  at: number,
  n: number,
): void {
  for (let i = 0; i < n; i++) out[outAt + i] = PIXEL_UNITS[bytes[at + i]];
}

/** Bytes or float32 pixels -> float32 in pixel units; float32 is returned as it is. */
export function toPixelUnits(pixels: Uint8Array | Float32Array): Float32Array {
  if (pixels instanceof Float32Array) return pixels;
  const out = new Float32Array(pixels.length);
  fillPixelUnits(out, 0, pixels, 0, pixels.length);
  return out;
}

/** Pixels `from` .. `to` - 1 of all the images, as they are kept; those in memory are not copied. */
export function pixelsOf(
  { pixels }: Pick<ImageSource, "pixels">,
  from: number,
  to: number,
): Uint8Array | Float32Array {
  return ArrayBuffer.isView(pixels) ? pixels.subarray(from, to) : readPixels(pixels, from, to);
}

/**
 * Images `from` .. `to` - 1 in pixel units, float32 [to - from, ...shape]. Floats in memory are not
 * copied: the result is a view.
 */
export function imagesOf(source: ImageSource, from = 0, to = source.count): Float32Array {
  const size = imageSize(source.shape);
  return toPixelUnits(pixelsOf(source, from * size, to * size));
}

/** The images of the given indices in pixel units, float32 [indices.length, ...shape]; a copy. */
export function gather(source: ImageSource, indices: Int32Array): Float32Array {
  const size = imageSize(source.shape);
  const out = new Float32Array(indices.length * size);
  for (let k = 0; k < indices.length; k++) {
    const pixels = pixelsOf(source, indices[k] * size, (indices[k] + 1) * size);
    if (pixels instanceof Float32Array) out.set(pixels, k * size);
    else fillPixelUnits(out, k * size, pixels, 0, size);
  }
  return out;
}

/**
 * Images `from` .. `to` - 1 as a dataset of its own that shares memory. Its name counts from the
 * start of the unsliced data, so a slice of a slice opens by its name too.
 * @throws TemperError bad-option unless 0 <= from < to <= count
 */
export function slice(dataset: Dataset, from?: number, to?: number): Dataset;
export function slice(dataset: AnyDataset, from?: number, to?: number): AnyDataset;
export function slice(dataset: AnyDataset, from = 0, to = dataset.count): AnyDataset {
  const { name, shape, count, first = 0 } = dataset;
  if (!(Number.isInteger(from) && Number.isInteger(to) && 0 <= from && from < to && to <= count)) {
    throw new TemperError(
      "bad-option",
      `${name}: slice [${from}:${to}] does not fit ${count} images\ngive [a:b] with 0 <= a < b <= ${count}`,
    );
  }
  const size = imageSize(shape);
  const { pixels } = dataset;
  const part = {
    ...dataset,
    name: `${name.replace(/\[\d+:\d+\]$/, "")}[${first + from}:${first + to}]`,
    count: to - from,
    labels: dataset.labels.subarray(from, to),
    source: dataset.source?.subarray(from, to),
    clean: dataset.clean?.subarray(from * size, to * size),
    first: first + from,
  };
  return ArrayBuffer.isView(pixels)
    ? { ...part, pixels: pixels.subarray(from * size, to * size) }
    : { ...part, pixels: partOfFile(pixels, from * size) };
}

function checkFinite(dataset: AnyDataset, values: Float32Array, what: string): void {
  const at = values.findIndex((value) => !Number.isFinite(value));
  if (at < 0) return;
  const size = imageSize(dataset.shape);
  throw new TemperError(
    "data-mismatch",
    `${dataset.name}: ${what} ${Math.floor(at / size)} holds ${values[at]} at pixel ${at % size}\n` +
      "every pixel must be a finite number; leave that image out or repair it",
  );
}

/** A data set put together by hand may hold another number of things than it says. */
function checkCounts({ name, shape, count, pixels: given, labels, clean }: AnyDataset): void {
  const size = imageSize(shape);
  const pixels = ArrayBuffer.isView(given) ? given : { length: count * size };
  const held = [pixels.length, (clean ?? pixels).length, labels.length];
  if (count >= 1 && held.join() === [count * size, count * size, count].join()) return;
  const before = clean === undefined ? "" : ` ${clean.length} clean pixels,`;
  throw new TemperError(
    "data-mismatch",
    `${name}: ${count} images of [${shape}] with ${pixels.length} pixels,${before} ${labels.length} labels\n` +
      `give at least one image, ${size} pixels and one label each`,
  );
}

/** From JavaScript, labels come as lists and as floats. */
function checkLabels({ name, labels, shape }: AnyDataset): void {
  const given: unknown = labels;
  const todo = "give Int32Array.from(labels), whole numbers from 0, and the shape of one image";
  const refuse = (what: string): TemperError =>
    new TemperError("data-mismatch", `${name}: ${what}\n${todo}`);
  if (!Array.isArray(shape)) throw refuse(`the shape is ${shape}`);
  if (given instanceof Int32Array) return;
  const list = Array.isArray(given) || (ArrayBuffer.isView(given) && !(given instanceof DataView));
  const odd = list ? [...(given as number[])].find((label) => !Number.isInteger(label)) : undefined;
  const kind = (given as object | undefined)?.constructor?.name ?? String(given);
  throw refuse(`labels in ${kind}${odd === undefined ? "" : `, with ${odd} among them`}`);
}

/** Floats that are bytes would be judged by a model as images 255 times too bright. */
function checkBytes({ name, pixels, shape }: AnyDataset): void {
  if (!(pixels instanceof Float32Array) || shape.length < 2) return;
  let [low, high] = [Infinity, -Infinity];
  for (const value of pixels) {
    if (value > high) high = value;
    if (value < low) low = value;
  }
  if (low < 0 || high <= 128 || high > 255) return;
  throw new TemperError(
    "data-mismatch",
    `${name}: pixels reach ${high} in floats, which are [0, 1]\n` +
      "divide them by 255; a model that takes 0..255 is opened with mean 0 and std 1/255 (0.00392156862745098)",
  );
}

/** One name too few or too many shifts the labels after it. */
function checkClassCount({ name, classes }: AnyDataset, labels: number): void {
  if (classes === undefined || classes.length === labels) return;
  throw new TemperError(
    "data-mismatch",
    `${name}: ${classes.length} classes (${classes[0]} ... ${classes.at(-1)}), but the model has ${labels} labels\n` +
      `their labels would be a guess; give --classes FILE: the ${labels} names in the model's order`,
  );
}

/**
 * Checks that a model with input `shape` (without the batch) and this number of `labels` can be
 * asked about the data.
 * @throws TemperError data-mismatch: another shape, no images or not as many as stated, a label out
 *   of range, a pixel not finite
 */
export function checkDataset(
  dataset: AnyDataset,
  { shape, labels }: { readonly shape: readonly number[]; readonly labels: number },
): void {
  // From JavaScript, a name instead of the data it stands for is the likeliest slip.
  const pixels: unknown = dataset?.pixels;
  if (!(pixels instanceof Uint8Array || pixels instanceof Float32Array || isPixelFile(pixels))) {
    const given = ArrayBuffer.isView(pixels) ? `pixels in a ${pixels.constructor.name}` : dataset;
    throw new TemperError(
      "data-mismatch",
      `data: given ${given}, expected a data set with pixels in a Uint8Array or Float32Array\n` +
        'give what openData("mnist:train") returns, or an object like it',
    );
  }
  checkLabels(dataset);
  const { name } = dataset;
  if (dataset.shape.length !== shape.length || dataset.shape.some((dim, i) => dim !== shape[i])) {
    throw new TemperError(
      "data-mismatch",
      `${name}: images are [${dataset.shape}], but the model takes [${shape}]\ngive data of the model's shape`,
    );
  }
  checkCounts(dataset);
  checkClassCount(dataset, labels);
  checkBytes(dataset);
  const bad = dataset.labels.findIndex((label) => label < 0 || label >= labels);
  if (bad >= 0) {
    throw new TemperError(
      "data-mismatch",
      `${name}: the label of image ${bad} is ${dataset.labels[bad]}, ` +
        `but the model has ${labels} labels (0 to ${labels - 1})\n` +
        "give labels that are indices of the model's outputs",
    );
  }
  if (dataset.pixels instanceof Float32Array) checkFinite(dataset, dataset.pixels, "image");
  if (dataset.clean !== undefined) checkFinite(dataset, dataset.clean, "clean image");
}

/** SHA-256 (hex) over element type, shape, pixels and labels; neither name nor source counts. */
export function hashDataset({ count, shape, pixels, labels }: AnyDataset): string {
  const size = imageSize(shape);
  const hash = createHash("sha256");
  hash.update(`${typeOf(pixels)} [${[count, ...shape]}]\n`);
  const images = Math.max(1, Math.floor(HASHED / size));
  for (let from = 0; from < count; from += images) {
    const to = Math.min(count, from + images);
    hash.update(pixelsOf({ pixels }, from * size, to * size));
  }
  return hash.update(labels).digest("hex");
}

/** Pixels that are hashed at a time. */
const HASHED = 2 ** 24;

/** The type that pixels are kept in. */
export function typeOf(pixels: ImageSource["pixels"]): "uint8" | "float32" {
  if (!ArrayBuffer.isView(pixels)) return pixels.type;
  return pixels instanceof Uint8Array ? "uint8" : "float32";
}

/** The same with its pixels in memory. */
export function inMemory(dataset: AnyDataset): Dataset {
  const pixels = pixelsOf(dataset, 0, dataset.count * imageSize(dataset.shape));
  return { ...dataset, pixels };
}
