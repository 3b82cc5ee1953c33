// A data name -> a dataset: the one door into this room for the rest of the house.
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { demand, TemperError } from "../errors.ts";
import { type Augmentation, augmentations, augmentDataset } from "./augment.ts";
import { openCifar10 } from "./cifar10.ts";
import { type Dataset, slice } from "./dataset.ts";
import { drawDigits } from "./digits.ts";
import { dataFolder, type FolderOptions, readDataFile } from "./files.ts";
import { openIdx, openMnist } from "./idx.ts";
import { openImageFolder } from "./image-folder.ts";
import { type DataSource, parseDataName } from "./names.ts";
import { readPoints } from "./points.ts";

/** How {@link openData} finds and changes what it opens. */
export interface DataOptions extends FolderOptions {
  /** `crop-flip`: every image cropped and flipped at random, by one seeded draw. Default: none. */
  readonly augment?: Augmentation | undefined;
  /** The seed of the draws of `augment`, a whole number. Default 0. */
  readonly seed?: number | undefined;
}

async function load(base: string, source: DataSource, options: FolderOptions): Promise<Dataset> {
  switch (source.kind) {
    case "mnist":
      return openMnist(source.split, join(dataFolder(options), "mnist"));
    case "cifar10":
      return openCifar10(source.split, join(dataFolder(options), "cifar10"));
    case "digits":
      return drawDigits(source.split);
    case "npz":
      return readPoints(await readDataFile(source.path), base);
    case "idx":
      return openIdx(base, source.images, source.labels);
    case "folder":
      return openImageFolder(source.path);
  }
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (entry) => entry.isDirectory(),
    () => false,
  );

/**
 * Opens labelled images by name: `mnist:train`, `mnist:test`, `cifar10:train`, `cifar10:test`
 * (files as published in `<folder>/mnist`, `<folder>/cifar10`), `digits:train`, `digits:test`
 * (drawn here), `FILE.npz`, `idx:IMAGES,LABELS`, a folder with one sub-folder a class; any of them
 * with a slice `[a:b]`.
 * @throws TemperError bad-option (unknown name, slice out of range, images that `augment` cannot crop),
 *   file-missing, data-unreadable
 */
export async function openData(name: string, options: DataOptions = {}): Promise<Dataset> {
  const { augment, seed = 0 } = options;
  demand(typeof name === "string", "data", name, "a name, such as digits:train");
  const known = augment === undefined || augmentations.includes(augment);
  demand(known, "augment", augment, augmentations.join(" or "));
  const folder = await isFolder(name.replace(/\[[^[]*\]$/, ""));
  const { base, source, slice: range } = parseDataName(name, { folder });
  const dataset = await load(base, source, options);
  if (dataset.count === 0) {
    throw new TemperError("data-unreadable", `${base}: holds no images\ngive data with images`);
  }
  const wanted = range ? slice(dataset, range.from, range.to) : dataset;
  return augment === undefined ? wanted : augmentDataset(wanted, seed);
}
