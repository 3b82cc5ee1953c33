// predictions.npz: what was answered to the clean images before and after, and pictures of what went wrong.
//
// The data may be gone when a report is made of the run, so the images that were right and are now wrong are kept.
import { type AnyDataset, type Dataset, imageSize, pixelsOf, typeOf } from "../data/dataset.ts";
import { arrayOf, type NpyArray } from "../data/npy.ts";
import { writeNpz } from "../data/npz.ts";
import { isFlipped, type Predictions } from "./clean.ts";

/** How many flipped images are kept. */
const KEPT = 100;

/** The answers, with the images that they were given to. */
export interface Predicted extends Predictions {
  readonly images: AnyDataset;
}

/** What predictions.npz holds of a data set. */
export interface Kept extends Predictions {
  /** The first images that were right and are now wrong, ascending; undefined where there is none. */
  readonly flipped?: Pick<Dataset, "count" | "shape" | "pixels">;
}

/**
 * Of `data` and `validation`, as DATA_y, DATA_before and DATA_after, the true label of each image and the answers
 * before and after, int32 [n]; of up to 100 images that were right and are now wrong, ascending, as DATA_flipped
 * their indices and as DATA_images their pixels, of the type and shape that the data have.
 */
export const writePredictions = (
  sets: Readonly<Record<string, Predicted | undefined>>,
): Uint8Array =>
  writeNpz(
    new Map(
      Object.entries(sets).flatMap(([name, predicted]) => {
        if (predicted === undefined) return [];
        const { y, before, after } = predicted;
        const flipped = y.map((_, i) => i).filter((i) => isFlipped(predicted, i));
        const arrays = { y, before, after, flipped: flipped.slice(0, KEPT) };
        return [
          ...Object.entries(arrays).map(
            ([of, values]) => [`${name}_${of}`, arrayOf(values)] as const,
          ),
          [`${name}_images`, imagesAt(predicted.images, arrays.flipped)] as const,
        ];
      }),
    ),
  );

/** Images by their indices, as the data have them. */
function imagesAt(images: AnyDataset, indices: Int32Array): NpyArray {
  const { shape } = images;
  const size = imageSize(shape);
  const length = indices.length * size;
  const values =
    typeOf(images.pixels) === "uint8" ? new Uint8Array(length) : new Float32Array(length);
  for (const [k, i] of indices.entries()) {
    values.set(pixelsOf(images, i * size, (i + 1) * size), k * size);
  }
  return arrayOf(values, [indices.length, ...shape]);
}

/** Reads the arrays of predictions.npz; one that an earlier version wrote has no images. */
export function readPredictions(arrays: ReadonlyMap<string, NpyArray>): {
  readonly data: Kept;
  readonly validation?: Kept;
} {
  const setOf = (name: string): Kept | undefined => {
    const of = (what: string) => arrays.get(`${name}_${what}`)?.values as Int32Array | undefined;
    const [y, before, after] = [of("y"), of("before"), of("after")];
    if (y === undefined || before === undefined || after === undefined) return undefined;
    const images = arrays.get(`${name}_images`);
    const [count = 0, ...shape] = images?.shape ?? [];
    const pixels = images?.values as Uint8Array | Float32Array;
    return { y, before, after, ...(count > 0 && { flipped: { count, shape, pixels } }) };
  };
  const [data, validation] = [setOf("data"), setOf("validation")];
  return { data: data!, ...(validation && { validation }) };
}
