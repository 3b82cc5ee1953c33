// How image files become pixels of the model's size: which resizing and which crop.
import { demand, TemperError } from "../errors.ts";
import { type Bitmap, centreCrop, type Filter, resize, shorterSideTo } from "./resample.ts";

/** The pipelines whose default sizes are known. */
export const preprocessings = ["torchvision", "timm"] as const;
export type Preprocessing = (typeof preprocessings)[number];

/** The mean and standard deviation of ImageNet's channels, which both pipelines normalise by. */
export const IMAGENET = { mean: [0.485, 0.456, 0.406], std: [0.229, 0.224, 0.225] } as const;

/** What changes the size of image files. */
export interface SizeOptions {
  /** The shorter side of each image after antialiased bilinear resizing. Default: as it is. */
  readonly resize?: number | undefined;
  /** The side of the square that is cut from the centre of each image. Default: all of it. */
  readonly crop?: number | undefined;
  /**
   * The default sizes of a pipeline, scaled to the model's input: `torchvision` resizes bilinearly to 256/224 of
   * it, `timm` bicubically to 1/0.875, both then crop. `resize` and `crop` win. Default: neither.
   */
  readonly preprocess?: Preprocessing | undefined;
  /** The shape of the model's input without the batch, by which `preprocess` is scaled. Default: 224 x 224. */
  readonly inputShape?: readonly number[] | undefined;
}

/** Resizing and crop, resolved. */
export interface Sizing {
  readonly resize?: number | undefined;
  readonly filter: Filter;
  /** Rows and columns. */
  readonly crop?: readonly [number, number] | undefined;
}

/** Rows and columns of an input of either layout. */
function sidesOf(shape: readonly number[]): [number, number] {
  const last = shape.length === 3 && shape[2] <= 4 && shape[0] > 4;
  const [rows, columns] = last ? shape : shape.slice(-2);
  if (shape.length < 2) {
    throw new TemperError(
      "bad-option",
      `preprocess: the model's input [${shape}] has no rows and columns\nleave it out`,
    );
  }
  return [rows, columns];
}

const isSide = (value: number | undefined): boolean =>
  value === undefined || (Number.isInteger(value) && value >= 1 && value <= 16384);

/** @throws TemperError bad-option */
export function sizingOf({ resize: side, crop, preprocess, inputShape }: SizeOptions): Sizing {
  demand(isSide(side), "resize", side, "a whole number of pixels, 1 to 16384");
  demand(isSide(crop), "crop", crop, "a whole number of pixels, 1 to 16384");
  const known = preprocess === undefined || preprocessings.includes(preprocess);
  demand(known, "preprocess", preprocess, preprocessings.join(" or "));
  const square = crop === undefined ? undefined : ([crop, crop] as const);
  if (preprocess === undefined) return { resize: side, filter: "bilinear", crop: square };
  const sides = sidesOf(inputShape ?? [3, 224, 224]);
  const short = Math.min(...sides);
  const torchvision = preprocess === "torchvision";
  return {
    resize: side ?? (torchvision ? Math.round((short * 256) / 224) : Math.floor(short / 0.875)),
    filter: torchvision ? "bilinear" : "bicubic",
    crop: square ?? sides,
  };
}

/** Width and height of an image after resizing and crop. */
export function sizeAfter(width: number, height: number, sizing: Sizing): [number, number] {
  if (sizing.crop !== undefined) return [sizing.crop[1], sizing.crop[0]];
  return sizing.resize === undefined
    ? [width, height]
    : shorterSideTo(width, height, sizing.resize);
}

/** The image resized, then cropped. */
export function sized(image: Bitmap, { resize: side, filter, crop }: Sizing): Bitmap {
  const whole =
    side === undefined
      ? image
      : resize(image, ...shorterSideTo(image.width, image.height, side), filter);
  return crop === undefined ? whole : centreCrop(whole, crop[1], crop[0]);
}

/** The sizing in words, for the note; undefined where nothing is changed. */
export function sizingInWords({ resize: side, filter, crop }: Sizing): string | undefined {
  const parts = [
    side === undefined ? "" : `shorter side resized to ${side} (${filter}, antialiased)`,
    crop === undefined ? "" : `centre ${crop[1]} x ${crop[0]} taken`,
  ].filter(Boolean);
  return parts.join(", ") || undefined;
}
