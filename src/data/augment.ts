// Random crops and flips of images: one seeded draw an image for a data set, a fresh one a pass in training.
import { TemperError } from "../errors.ts";
import { type Random, randomStream } from "../tensor/random.ts";
import { STREAMS } from "../tensor/streams.ts";
import { type Dataset, imageSize } from "./dataset.ts";
import { frameOf, rowAt } from "./frame.ts";

/** Every way. `crop-flip` pads by 4 with reflection, crops at random to the old size, and mirrors half of them. */
export const augmentations: readonly Augmentation[] = ["crop-flip"];
/** How images may be changed on opening, as {@link augmentations} lists it. */
export type Augmentation = NonNullable<Dataset["augment"]>;

const PADDING = 4;

/** The pixel that the padded index `i` shows on an axis of `n`: reflected at the borders, which are not repeated. */
function reflected(i: number, n: number): number {
  const inside = Math.abs(i);
  return inside < n ? inside : 2 * (n - 1) - inside;
}

/**
 * Crops and flips one image in place.
 *
 * @param shape as `checkCroppable` accepts it
 */
export function cropFlip(
  image: Uint8Array | Float32Array,
  shape: readonly number[],
  random: Random,
): void {
  const frame = frameOf(shape);
  const { channels, rows, columns: width, columnStride } = frame;
  const before = image.slice();
  const top = random.below(2 * PADDING + 1) - PADDING;
  const left = random.below(2 * PADDING + 1) - PADDING;
  const flip = random.below(2) === 1;
  const columns = Int32Array.from(
    { length: width },
    (_, x) => columnStride * reflected((flip ? width - 1 - x : x) + left, width),
  );
  for (let c = 0; c < channels; c++) {
    for (let y = 0; y < rows; y++) {
      const from = rowAt(frame, c, reflected(y + top, rows));
      const to = rowAt(frame, c, y);
      for (let x = 0; x < width; x++) image[to + x * columnStride] = before[from + columns[x]];
    }
  }
}

/** @throws TemperError bad-option unless images have channels, rows and columns, and are larger than the padding */
function checkCroppable({ name, shape }: Pick<Dataset, "name" | "shape">): void {
  const { rows, columns } = frameOf(shape);
  if (shape.length === 3 && rows > PADDING && columns > PADDING) return;
  throw new TemperError(
    "bad-option",
    `${name}: images of [${shape}] cannot be cropped\n` +
      `crop-flip takes images [channels, rows, columns] of more than ${PADDING} x ${PADDING} pixels`,
  );
}

/**
 * The data set with every image cropped and flipped by a draw of its own. The draw belongs to the seed
 * and the image's index in the unsliced data, so a slice agrees with the whole.
 * @throws TemperError bad-option as `checkCroppable` does
 */
export function augmentDataset(dataset: Dataset, seed: number): Dataset {
  checkCroppable(dataset);
  const { shape, count, first = 0 } = dataset;
  const size = imageSize(shape);
  const pixels = dataset.pixels.slice();
  const clean = dataset.clean?.slice();
  for (let i = 0; i < count; i++) {
    for (const images of clean === undefined ? [pixels] : [pixels, clean]) {
      const random = randomStream(seed, STREAMS.augment, first + i);
      cropFlip(images.subarray(i * size, (i + 1) * size), shape, random);
    }
  }
  return { ...dataset, pixels, clean, augment: "crop-flip" };
}
