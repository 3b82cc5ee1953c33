// Labelled images as a .npz file: what `attack` writes, and what any data set may be given as.
import { datasetOf } from "./arrays.ts";
import { type Dataset, toPixelUnits } from "./dataset.ts";
import { readDataFile } from "./files.ts";
import { arrayOf, arrayOfText, type NpyArray } from "./npy.ts";
import { type NpzFile, namesInNpz, readNpz, readNpzFile, writeNpz } from "./npz.ts";
import type { Keys } from "./reading.ts";

/** What may stand beside x and y. */
const BESIDE = ["source", "clean", "classes", "columns"];

/**
 * Reads x, y and, where there, source, clean, classes and columns; float64 is narrowed to float32. Values of x
 * outside [0, 1] are kept: an attack need not clip; pixels that look like another scale get a `note`.
 *
 * @param keys the names of images and labels in the file. Default x and y, also where a file with these has neither
 * @throws TemperError data-unreadable: an array is missing, of the wrong type or length
 */
export function readPoints(bytes: Uint8Array, name: string, keys: Keys = {}): Dataset {
  const arrays = readNpz(bytes, { where: name, only: namesFor(keys) });
  return pointsIn({ arrays, held: namesInNpz(bytes) }, name, keys);
}

/** The same of a file on the disk: its arrays are read one by one, and no second copy is held. */
export async function openPoints(path: string, name: string, keys: Keys = {}): Promise<Dataset> {
  if (path.endsWith(".gz")) return readPoints(await readDataFile(path), name, keys);
  return pointsIn(await readNpzFile(path, { where: name, only: namesFor(keys) }), name, keys);
}

const namesFor = (keys: Keys): string[] => [
  ...["x", "y", keys.x, keys.y].filter((key) => key !== undefined),
  ...BESIDE,
];

function pointsIn({ arrays, held }: NpzFile, name: string, keys: Keys): Dataset {
  // Points that Temper wrote stand beside data under other names: a file that has neither is read by the usual ones.
  const named = [keys.x, keys.y].some((key) => key !== undefined && arrays.has(key));
  const usual = arrays.has("x") && arrays.has("y");
  const { x = "x", y = "y" } = named || !usual ? keys : {};
  return datasetOf(name, arrays, { x, y, held });
}

/**
 * The bytes of a points file: x float32 [n, ...shape], y int64 [n] and, where known, source int64
 * [n], clean float32 like x, and classes and columns: the names of the labels and of the numbers of a table, JSON lists
 * in UTF-8 as uint8. The same points give the same bytes.
 */
export function writePoints(points: Dataset): Uint8Array {
  const { shape, count, pixels, labels, source, clean, classes, columns } = points;
  const images = [count, ...shape];
  const arrays = new Map<string, NpyArray>([
    ["x", arrayOf(toPixelUnits(pixels), images)],
    ["y", { type: "int64", shape: [count], values: labels }],
  ]);
  if (source) arrays.set("source", { type: "int64", shape: [count], values: source });
  if (clean) arrays.set("clean", arrayOf(clean, images));
  if (classes) arrays.set("classes", arrayOfText(JSON.stringify(classes)));
  if (columns) arrays.set("columns", arrayOfText(JSON.stringify(columns)));
  return writeNpz(arrays);
}
