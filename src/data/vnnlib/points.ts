// Counterexamples as labelled images: what a verifier found is corrected like any other point.
//
// A counterexample does not say which label is right; the property that it breaks does, where it is about one label.
import { stat } from "node:fs/promises";
import { TemperError } from "../../errors.ts";
import { type Dataset, imageSize } from "../dataset.ts";
import { readDataFile } from "../files.ts";
import { type ModelUnits, unitsOfEach } from "../model-units.ts";
import { filesOf } from "../shards.ts";
import { readCounterexample } from "./counterexample.ts";
import { labelOf } from "./property.ts";
import { readVnnlib } from "./read.ts";

/** What of the model its counterexamples are read by: without it they are rows of numbers, taken as pixels. */
export interface CounterexampleOptions {
  readonly inputShape?: readonly number[] | undefined;
  /** The normalisation that the model wants: a counterexample's inputs are normalised then. */
  readonly units?: ModelUnits | undefined;
}

/**
 * Reads counterexamples: one file, or all that match its `*`. The property of each lies beside it, under the same
 * name with the ending .vnnlib, unless one is given for all.
 *
 * @throws TemperError file-missing, data-unreadable; data-mismatch where a property is about no single label
 */
export async function openCounterexamples(
  name: string,
  { path, property }: { readonly path: string; readonly property?: string | undefined },
  options: CounterexampleOptions = {},
): Promise<Dataset> {
  const files = await filesOf(path);
  const found = [];
  for (const file of files) {
    const { x } = readCounterexample(await readDataFile(file), file);
    const asked = property ?? (await beside(file));
    const label = await labelIn(asked, x.length, file);
    found.push({ x, label, file });
  }
  const [{ x: first }] = found;
  const odd = found.find(({ x }) => x.length !== first.length);
  if (odd !== undefined) {
    throw new TemperError(
      "data-mismatch",
      `${odd.file}: ${odd.x.length} inputs, but ${files[0]} has ${first.length}\ngive counterexamples of one model`,
    );
  }
  const { inputShape, units = {} } = options;
  const fits = inputShape !== undefined && imageSize(inputShape) === first.length;
  const shape = fits ? inputShape : [first.length];
  const pixels = new Float32Array(found.length * first.length);
  for (const [i, { x }] of found.entries()) pixels.set(inPixels(x, shape, units), i * x.length);
  const labels = Int32Array.from(found, ({ label }) => label);
  return { name, shape, count: found.length, pixels, labels };
}

/** `a.counterexample` -> `a.vnnlib`, or `a.vnnlib.gz`. */
async function beside(file: string): Promise<string> {
  const property = file.replace(/\.counterexample(\.gz)?$/, ".vnnlib");
  const plain = await stat(property).catch(() => undefined);
  if (plain !== undefined) return property;
  const packed = await stat(`${property}.gz`).catch(() => undefined);
  if (packed !== undefined) return `${property}.gz`;
  throw new TemperError(
    "file-missing",
    `${file}: which label is right? The property is not beside it: no ${property}\n` +
      "put it there, or give FILE.counterexample,FILE.vnnlib",
  );
}

async function labelIn(path: string, inputs: number, file: string): Promise<number> {
  const property = readVnnlib(await readDataFile(path), path);
  if (property.inputs !== inputs) {
    throw new TemperError(
      "data-mismatch",
      `${file}: ${inputs} inputs, but ${path} is about ${property.inputs}\ngive the property that it breaks`,
    );
  }
  const label = labelOf(property);
  if (label !== undefined) return label;
  throw new TemperError(
    "data-mismatch",
    `${path}: is not about one label that must win, so the right label of ${file} is unknown\n` +
      "give the input with its label, as an npz file",
  );
}

/** Inputs as the model takes them -> pixels. */
function inPixels(x: Float64Array, shape: readonly number[], units: ModelUnits): Float64Array {
  const { mean, std } = unitsOfEach(shape, units);
  return x.map((value, i) => value * std[i] + mean[i]);
}
