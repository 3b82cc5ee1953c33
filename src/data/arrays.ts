// Arrays of images and labels -> a data set: what is clear is taken and said, what is not is refused.

import { TemperError } from "../errors.ts";
import { joinNotes, parseClasses } from "./classes.ts";
import { type Dataset, imageSize, toPixelUnits } from "./dataset.ts";
import { type NpyArray, textIn } from "./npy.ts";
import type { Keys } from "./reading.ts";
import { scaleNote } from "./scale.ts";

const LAYOUT =
  "the file needs x float32 or uint8 [n, c, h, w] and y integer [n]; source [n] and clean like x are optional";

const refuse = (name: string, what: string, todo = LAYOUT): TemperError =>
  new TemperError("data-unreadable", `${name}: ${what}\n${todo}`);

interface Pixels {
  readonly pixels: Uint8Array | Float32Array;
  readonly note?: string | undefined;
}

function pixelsOf(name: string, key: string, array: NpyArray): Pixels {
  switch (array.type) {
    case "float32":
    case "uint8":
      return { pixels: array.values };
    case "float64":
      return { pixels: Float32Array.from(array.values) };
  }
  const { values } = array;
  if (array.boolean) {
    return { pixels: Uint8Array.from(values, (v) => 255 * v), note: `${key} is bool: 0 and 255` };
  }
  const odd = values.find((value) => value < 0 || value > 255);
  if (odd !== undefined) {
    throw refuse(name, `${key} is ${array.type} and holds ${odd}, which is no byte`);
  }
  return { pixels: Uint8Array.from(values), note: `${key} is ${array.type}: taken as bytes` };
}

interface Labels {
  readonly labels: Int32Array;
  readonly note?: string | undefined;
}

/** One row a label with a single 1 in it -> where the 1 stands; undefined where a row is another. */
function fromOneHot(values: ArrayLike<number>, n: number, width: number): Int32Array | undefined {
  const labels = new Int32Array(n).fill(-1);
  for (let i = 0; i < n; i++) {
    for (let k = 0; k < width; k++) {
      const value = values[i * width + k];
      if (value === 1 && labels[i] < 0) labels[i] = k;
      else if (value !== 0) return undefined;
    }
    if (labels[i] < 0) return undefined;
  }
  return labels;
}

function labelsOf(name: string, key: string, array: NpyArray, count: number): Labels {
  const { shape, values, type } = array;
  if (shape[0] !== count || shape.length > 2) {
    throw refuse(name, `${key} is [${shape}], but x has ${count} images`);
  }
  const width = shape[1] ?? 1;
  if (width > 1) {
    const labels = fromOneHot(values, count, width);
    if (labels !== undefined)
      return { labels, note: `${key} is one-hot [${shape}]: its labels taken` };
    throw refuse(
      name,
      `${key} is [${shape}], neither one label an image nor one-hot`,
      "give one label an image; of probabilities, numpy.argmax(y, 1)",
    );
  }
  const odd = Array.prototype.findIndex.call(values, (value: number) => !Number.isInteger(value));
  if (odd >= 0) {
    throw refuse(
      name,
      `${key} is ${type}, and label ${odd} is ${values[odd]}`,
      "labels are whole numbers, 0 or more",
    );
  }
  const column =
    shape.length === 2 ? `${key} is a column [${shape}]: taken as [${count}]` : undefined;
  return { labels: Int32Array.from(values), note: column };
}

/** The names of the labels, as points are written with them. */
function namesOf(array: NpyArray, name: string): readonly string[] {
  if (array.type === "uint8" && array.shape.length === 1) {
    const text = textIn(array);
    if (text.startsWith("[")) return parseClasses(text, `${name}: array "classes"`);
  }
  throw refuse(
    name,
    `classes is ${array.type} [${array.shape}]`,
    "it is a JSON list in UTF-8, as uint8, or left out",
  );
}

/** The names of the numbers of a table, as points are written with them; an array that is none is left out. */
function columnsOf(array: NpyArray | undefined, width: number): readonly string[] | undefined {
  if (array?.type !== "uint8" || array.shape.length !== 1) return undefined;
  try {
    const names: unknown = JSON.parse(textIn(array));
    const fits = Array.isArray(names) && names.length === width;
    return fits && names.every((one) => typeof one === "string") ? names : undefined;
  } catch {
    return undefined;
  }
}

/**
 * The data set in arrays by their names.
 *
 * @param held what the file holds, in words, for the refusal of a name that is not there
 * @throws TemperError data-unreadable: an array is missing, of the wrong type or length
 */
export function datasetOf(
  name: string,
  arrays: ReadonlyMap<string, NpyArray>,
  { x: xKey = "x", y: yKey = "y", held }: Keys & { readonly held: readonly string[] },
): Dataset {
  const required = (key: string): NpyArray => {
    const array = arrays.get(key);
    if (array !== undefined) return array;
    const list = held.length > 8 ? [...held.slice(0, 8), "..."] : held;
    throw refuse(
      name,
      `holds no array "${key}", but ${list.join(", ") || "none"}`,
      "say which are the images and which the labels: --keys x=NAME,y=NAME",
    );
  };
  const x = required(xKey);
  const [count, ...shape] = x.shape;
  if (shape.length === 0) throw refuse(name, `${xKey} is [${x.shape}], not a batch of images`);
  if (imageSize(x.shape) === 0) throw refuse(name, `${xKey} is [${x.shape}]: holds no images`);
  const y = labelsOf(name, yKey, required(yKey), count);
  const images = pixelsOf(name, xKey, x);

  const clean = arrays.get("clean");
  if (clean !== undefined && clean.shape.join() !== x.shape.join()) {
    throw refuse(name, `clean is [${clean.shape}], but x is [${x.shape}]`);
  }
  const source = arrays.get("source");
  const classes = arrays.get("classes");
  const columns = columnsOf(arrays.get("columns"), imageSize(shape));
  return {
    name,
    shape,
    count,
    pixels: images.pixels,
    labels: y.labels,
    source: source && labelsOf(name, "source", source, count).labels,
    clean: clean && toPixelUnits(pixelsOf(name, "clean", clean).pixels),
    ...(classes && { classes: namesOf(classes, name) }),
    ...(columns && { columns }),
    note: joinNotes(images.note, y.note, scaleNote(images.pixels)),
  };
}
