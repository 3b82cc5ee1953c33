// What a verification found, as the arrays of an npz: it opens as a data set of the inputs that break images.
import type { AnyDataset } from "../data/dataset.ts";
import { toPixelUnits } from "../data/dataset.ts";
import { arrayOf, type NpyArray } from "../data/npy.ts";
import { writeNpz } from "../data/npz.ts";
import type { Verification } from "./verify.ts";

const codes = { open: 0, proven: 1, broken: 2 } as const;

/**
 * Writes a verification as the bytes of an npz. Of the inputs that break images: x float32 [k, ...shape], y and source
 * int64 [k]. Of every image: index int64 (in the unsliced data), status uint8 (0 open, 1 proven, 2 broken), bound
 * float32 (NaN where none was made) and, where it was searched for, radius float64, [n] each.
 *
 * @param data what was verified
 */
export function writeVerification(
  { images, counterexamples }: Verification,
  data: AnyDataset,
): Uint8Array {
  const { count, shape, pixels, labels, source } = counterexamples;
  const n = [images.length];
  const index = Int32Array.from(images.keys(), (i) => data.source?.[i] ?? (data.first ?? 0) + i);
  const arrays = new Map<string, NpyArray>([
    ["x", arrayOf(toPixelUnits(pixels), [count, ...shape])],
    ["y", { type: "int64", shape: [count], values: labels }],
    ["source", { type: "int64", shape: [count], values: source! }],
    ["index", { type: "int64", shape: n, values: index }],
    ["status", arrayOf(Uint8Array.from(images, ({ status }) => codes[status]))],
    ["bound", arrayOf(Float32Array.from(images, ({ bound }) => bound ?? Number.NaN))],
  ]);
  if (images.some(({ radius }) => radius !== undefined)) {
    arrays.set("radius", arrayOf(Float64Array.from(images, ({ radius }) => radius ?? 0)));
  }
  return writeNpz(arrays);
}
