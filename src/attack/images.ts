// What evaluation keeps of each image: the worst input any attack found, who found it, and how far it is.
import { type AnyDataset, type Dataset, gather, imageSize, toPixelUnits } from "../data/dataset.ts";
import type { NpyArray, NpyWords } from "../data/npy.ts";
import { writeNpz } from "../data/npz.ts";
import { norm } from "../tensor/vector.ts";
import type { AttackOptions } from "./options.ts";
import type { Worst } from "./worst.ts";

/** The worst input that was found for each image of a data set; arrays are [n] unless stated otherwise. */
export interface AttackedImages {
  /** The attacked images in pixel units with their true labels; `source` holds their indices in the unsliced data. */
  readonly images: Dataset;
  /** f_y - max rival on the clean image; 0 or less is wrong. */
  readonly cleanMargins: Float32Array;
  /** f_y - max rival on the attacked image; 0 or less is wrong. */
  readonly margins: Float32Array;
  /** The name of the attack whose image it is; "none" where no attack improved on the clean image. */
  readonly attack: readonly string[];
  /** How far the image is from the clean one, in the attacks' norm and the units of their eps. */
  readonly change: Float32Array;
}

const norms: Readonly<Record<AttackOptions["norm"], (change: Float32Array) => number>> = {
  linf: (change) => change.reduce((most, d) => Math.max(most, Math.abs(d)), 0),
  l2: norm,
};

/** Puts together what the attacks of one ball found; `x` holds each image's worst, [n, ...shape]. */
export function attackedImages(
  data: AnyDataset,
  x: Float32Array,
  {
    norm,
    unit,
    cleanMargins,
    worst,
  }: {
    readonly norm: AttackOptions["norm"];
    /** The unit of each pixel, where eps is in the model's units. */
    readonly unit: Float32Array | undefined;
    readonly cleanMargins: Float32Array;
    readonly worst: Worst;
  },
): AttackedImages {
  const size = imageSize(data.shape);
  const ids = Int32Array.from({ length: data.count }, (_, i) => i);
  const change = Float32Array.from(ids, (id) => {
    const clean = gather(data, Int32Array.of(id));
    return norms[norm](clean.map((v, i) => (x[id * size + i] - v) / (unit?.[i] ?? 1)));
  });
  return {
    images: {
      name: `attacked ${data.name}`,
      shape: data.shape,
      count: data.count,
      pixels: x,
      labels: data.labels,
      source: data.source ?? ids.map((id) => (data.first ?? 0) + id),
    },
    cleanMargins,
    margins: worst.margins,
    attack: worst.decided,
    change,
  };
}

/**
 * Writes attacked images as the bytes of an npz: x float32 [n, ...shape]; y and source int64, clean_margin, margin
 * and change float32, attack as bytes, each [n]. It opens as a data set: x and y lie as in a file of points.
 */
export function writeAttackedImages({
  images,
  cleanMargins,
  margins,
  attack,
  change,
}: AttackedImages): Uint8Array {
  const { count, shape, pixels, labels, source } = images;
  const each = [count];
  return writeNpz(
    new Map<string, NpyArray | NpyWords>([
      ["x", { type: "float32", shape: [count, ...shape], values: toPixelUnits(pixels) }],
      ["y", { type: "int64", shape: each, values: labels }],
      ["source", { type: "int64", shape: each, values: source! }],
      ["clean_margin", { type: "float32", shape: each, values: cleanMargins }],
      ["margin", { type: "float32", shape: each, values: margins }],
      ["attack", { type: "words", shape: each, values: attack }],
      ["change", { type: "float32", shape: each, values: change }],
    ]),
  );
}
