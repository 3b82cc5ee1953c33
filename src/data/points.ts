// Labelled images as a .npz file: what `attack` writes, and what any data set may be given as.
import { TemperError } from "../errors.ts";
import { type Dataset, toPixelUnits } from "./dataset.ts";
import type { NpyArray } from "./npy.ts";
import { readNpz, writeNpz } from "./npz.ts";

const LAYOUT =
  "the file needs x float32 or uint8 [n, c, h, w] and y integer [n]; source [n] and clean like x are optional";

/**
 * What to say of floats that look like bytes: beyond what an attack adds to [0, 1], and most of them
 * whole or the largest near 255. Normalised images, a few standard deviations wide, are neither.
 */
function noteOf(pixels: Uint8Array | Float32Array): string | undefined {
  if (!(pixels instanceof Float32Array)) return undefined;
  let largest = 0;
  let whole = 0;
  for (const value of pixels) {
    if (value > largest) largest = value;
    if (Number.isInteger(value)) whole++;
  }
  const bytes = largest > 2 && (2 * whole > pixels.length || (largest > 128 && largest <= 256));
  return bytes ? `pixels reach ${largest}: expected [0, 1]; divide bytes by 255` : undefined;
}

/**
 * Reads x, y and, where there, source and clean; float64 is narrowed to float32. Values of x
 * outside [0, 1] are kept: an attack need not clip; floats that look like bytes get a `note`.
 * @throws TemperError data-unreadable: an array is missing, of the wrong type or length
 */
export function readPoints(bytes: Uint8Array, name: string): Dataset {
  const arrays = readNpz(bytes, { where: name, only: ["x", "y", "source", "clean"] });
  const refuse = (what: string): TemperError =>
    new TemperError("data-unreadable", `${name}: ${what}\n${LAYOUT}`);

  const required = (key: string): NpyArray => {
    const array = arrays.get(key);
    if (array === undefined) throw refuse(`holds no array "${key}"`);
    return array;
  };
  const x = required("x");
  const [count, ...shape] = x.shape;
  if (shape.length === 0) throw refuse(`x is [${x.shape}], not a batch of images`);

  const pixels = (key: string, array: NpyArray): Uint8Array | Float32Array => {
    if (array.shape.length !== x.shape.length || array.shape.some((dim, i) => dim !== x.shape[i])) {
      throw refuse(`${key} is [${array.shape}], but x is [${x.shape}]`);
    }
    if (array.type === "float64") return Float32Array.from(array.values);
    if (array.type === "float32" || array.type === "uint8") return array.values;
    throw refuse(`${key} is ${array.type}`);
  };
  const integers = (key: string, array: NpyArray): Int32Array => {
    if (array.shape.length !== 1 || array.shape[0] !== count) {
      throw refuse(`${key} is [${array.shape}], but x has ${count} images`);
    }
    if (array.type === "float32" || array.type === "float64")
      throw refuse(`${key} is ${array.type}`);
    return Int32Array.from(array.values);
  };

  const source = arrays.get("source");
  const clean = arrays.get("clean");
  const images = pixels("x", x);
  return {
    name,
    shape,
    count,
    pixels: images,
    labels: integers("y", required("y")),
    source: source && integers("source", source),
    clean: clean && toPixelUnits(pixels("clean", clean)),
    note: noteOf(images),
  };
}

/**
 * The bytes of a points file: x float32 [n, ...shape], y int64 [n] and, where known, source int64
 * [n] and clean float32 like x. The same points give the same bytes.
 */
export function writePoints({ shape, count, pixels, labels, source, clean }: Dataset): Uint8Array {
  const images = [count, ...shape];
  const arrays = new Map<string, NpyArray>([
    ["x", { type: "float32", shape: images, values: toPixelUnits(pixels) }],
    ["y", { type: "int64", shape: [count], values: labels }],
  ]);
  if (source) arrays.set("source", { type: "int64", shape: [count], values: source });
  if (clean) arrays.set("clean", { type: "float32", shape: images, values: clean });
  return writeNpz(arrays);
}
